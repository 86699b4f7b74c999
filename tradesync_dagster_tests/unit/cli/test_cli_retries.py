"""``orders queue``, ``notifications`` and ``pending``: one sentence for whatever is typed wrong."""

import json
from pathlib import Path

import pytest

from tradesync_dagster_tests.support.commands import refused, tradesync

NOBODY = "0e4c1e3b-12e7-5b53-a821-7ef89650e7c1"


pytestmark = pytest.mark.usefixtures("account")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("orders", "queue", "acme/b"), "no account 'acme/b'"),
        (("orders", "drop", "acme/a", "17", "--who", "a"), "'17' is no order's id"),
        (("orders", "drop", "acme/a", NOBODY, "--who", "a"), "acme/a has no order"),
        (("orders", "drop", "acme/a", NOBODY, "--who", " "), "--who is one line"),
        (("orders", "tend", "acme/b"), "no account 'acme/b'"),
        (
            ("notifications", "preferences", "show", "none"),
            "no account is of the organization 'none'",
        ),
        (
            ("notifications", "preferences", "set", "acme", "1", "placed", "--off", "--who", "a"),
            "'1' is no recipient; there are rabbitmq",
        ),
        (
            ("notifications", "preferences", "set", "acme", "rabbitmq", "x", "--off", "--who", "a"),
            "'x' is no event; there are placed,",
        ),
        (("notifications", "follow"), "RABBITMQ_URL is not set"),
        (("pending", "import", "none.json"), "none.json cannot be read"),
        (("pending", "export", "no/such/folder.json"), "cannot be written"),
    ],
)
def test_what_is_typed_wrong_is_told_in_one_sentence(
    arguments: tuple[str, ...], words: str
) -> None:
    assert words in refused(*arguments)


def test_preferences_and_the_queue_are_shown() -> None:
    said = tradesync(
        "notifications", "preferences", "set", "acme", "rabbitmq", "placed", "--off", "--who", "a"
    )
    assert said.stdout == "rabbitmq is no longer told of placed of acme.\n"
    (row,) = json.loads(tradesync("notifications", "preferences", "show", "acme", "--json").stdout)
    assert (row["to"], row["placed"], row["rejected"]) == ("rabbitmq", False, True)
    assert tradesync("orders", "queue", "--json").stdout.strip() == "[]"
    assert tradesync("orders", "tend").stdout == "0 waited, 0 sent, 0 expired.\n"
    assert tradesync("notifications", "send").stdout == "0 messages sent.\n"


def test_a_file_is_taken_in_reported_and_written_back() -> None:
    row = {
        "symbol": "INFY", "side": "BUY", "qty": 3, "status": "failed", "price": 1500.05,
        "placed_at": "2026-03-02T10:00:00",
    }  # fmt: skip
    Path("pending.json").write_text(json.dumps([row, {}]))
    done = tradesync("pending", "import", "pending.json", "--account", "acme/a")
    assert done.exit_code == 1
    assert done.stdout.startswith("1 new, 0 known already, 0 ended, 1 refused.\n")
    assert "row 2: placed_at is missing" in done.stderr
    assert tradesync("pending", "export", "out.json").stdout == "out.json: 1 orders.\n"
    assert tradesync("pending", "check", "out.json").exit_code == 0
    Path("out.json").write_text(Path("out.json").read_text().replace("1500.05", "1500.06"))
    differs = tradesync("pending", "check", "out.json")
    assert differs.exit_code == 1
    assert "price is 1500.06 in the file and 1500.05 in the database" in differs.stderr
