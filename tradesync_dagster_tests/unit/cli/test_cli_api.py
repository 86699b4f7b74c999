"""``tradesync api``: keys, and what stops a server from starting."""

import json
import socket

import pytest
from typer.testing import Result

from tradesync_dagster.bootstrap import open_services
from tradesync_dagster_tests.support.commands import only_sentence, tradesync

pytestmark = pytest.mark.usefixtures("account")


def add(*more: str) -> Result:
    return tradesync("api", "keys", "add", "--organization", "acme", "--name", "terminal", *more)


def test_a_token_is_printed_once_and_opens_until_it_is_revoked() -> None:
    lines = add().stdout.splitlines()
    token = lines[-1]
    shown = tradesync("api", "keys", "list")
    assert "terminal" in shown.stdout
    assert token not in shown.stdout
    [row] = json.loads(tradesync("api", "keys", "list", "--json").stdout)
    assert (row["organization_id"], row["name"], row["revoked_at"]) == ("acme", "terminal", None)
    keys = open_services().keys()
    holder = keys.holder(token)
    assert holder is not None
    assert holder.key_id == row["key_id"]

    for _ in range(2):
        found = tradesync("api", "keys", "revoke", row["key_id"])
        assert found.exit_code == 0, found.output
    assert keys.holder(token) is None
    [revoked] = json.loads(tradesync("api", "keys", "list", "--json").stdout)
    assert revoked["revoked_at"] > row["created_at"]


def test_programs_read_the_token_from_json_and_no_two_are_alike() -> None:
    made = [json.loads(add("--json").stdout) for _ in range(2)]
    assert all(open_services().keys().holder(one["token"]) for one in made)
    assert len({one["token"] for one in made} | {one["key_id"] for one in made}) == 4


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["keys", "add", "--organization", "acne", "--name", "x"], "accounts list"),
        (["keys", "add", "--organization", "acme", "--name", " "], "name"),
        (["keys", "add", "--organization", "acme", "--name", "a\nb"], "one line"),
        (["keys", "add", "--organization", "acme", "--name", "x" * 65], "64"),
        (["keys", "revoke", "0a1b2c3d4e5f"], "api keys list"),
        (["serve", "--dagster-url", "ftp://u:secret@h"], "--dagster-url"),
    ],
)
def test_what_cannot_be_is_one_sentence(arguments: list[str], sentence: str) -> None:
    said = only_sentence(tradesync("api", *arguments))
    assert sentence in said
    assert "secret" not in said


def test_a_port_in_use_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"127.0.0.1:{port}" in only_sentence(tradesync("api", "serve", "--port", port))
