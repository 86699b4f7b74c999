"""``tradesync people``: who may sign in, with passwords that are asked for unseen."""

import json

import pytest
from typer.testing import Result

from tradesync_dagster.bootstrap import open_services
from tradesync_dagster.domain.people import SignInRefusedError
from tradesync_dagster_tests.support.commands import tradesync

GOOD = "four words make five"


pytestmark = pytest.mark.usefixtures("account")


def add(name: str = "asha", *more: str, password: str = GOOD) -> Result:
    where = more or ("--organization", "acme")
    return tradesync("people", "add", name, *where, "--password-stdin", typed=f"{password}\n")


def opens(password: str, name: str = "asha") -> bool:
    try:
        open_services().desk_people().sign_in(name, password, "::1")
    except SignInRefusedError:
        return False
    return True


def test_people_are_added_listed_and_sign_in() -> None:
    assert "viewer of acme" in add().stdout
    found = tradesync(
        "people", "add", "root", "--all-organizations", "--role", "admin", typed=f"{GOOD}\n{GOOD}\n"
    )
    assert found.exit_code == 0, found.output
    assert GOOD not in found.output, "typed unseen"
    rows = json.loads(tradesync("people", "list", "--json").stdout)
    assert [(row["name"], row["organization_id"], row["role"]) for row in rows] == [
        ("asha", "acme", "viewer"), ("root", "(all)", "admin"),
    ]  # fmt: skip
    assert opens(GOOD)
    assert not opens("some other words")


def test_people_are_changed_and_each_change_is_logged() -> None:
    add()
    assert tradesync("people", "role", "asha", "operator").exit_code == 0
    new = "five words make six"
    found = tradesync("people", "password", "asha", "--password-stdin", typed=f"{new}\r\n")
    assert found.exit_code == 0, found.output
    assert (opens(GOOD), opens(new)) == (False, True)
    assert tradesync("people", "disable", "asha").exit_code == 0
    assert not opens(new)
    assert tradesync("people", "enable", "asha").exit_code == 0
    assert opens(new)
    services = open_services()
    [asha] = services.desk_people().listed()
    log = [row for row in services.audit_log().listed(asha) if row["who"] == "command line"]
    assert [row["action"] for row in reversed(log)] == [
        "add person", "change role", "change password", "disable person", "enable person",
    ]  # fmt: skip
    assert new not in str(log)


@pytest.mark.parametrize(
    ("arguments", "typed", "sentence"),
    [
        (["add", "asha", "--organization", "acme"], GOOD, "already"),
        (["add", "a b", "--organization", "acme"], GOOD, "no person's name"),
        (["add", "ravi", "--organization", "acne"], GOOD, "accounts list"),
        (["add", "ravi", "--organization", "acme"], "short", "12 to 200"),
        (["add", "ravi"], GOOD, "--all-organizations"),
        (["add", "ravi", "--organization", "acme", "--all-organizations"], GOOD, "--organization"),
        (["password", "nobody"], GOOD, "people list"),
        (["password", "asha"], "", "12 to 200"),
    ],
)
def test_what_cannot_be_is_one_sentence(arguments: list[str], typed: str, sentence: str) -> None:
    add()
    found = tradesync("people", *arguments, "--password-stdin", typed=f"{typed}\n")
    assert found.exit_code == 1, found.output
    (line,) = found.stderr.strip().splitlines()
    assert line.startswith("tradesync: ")
    assert sentence in line
    assert not typed or typed not in line


def test_an_unknown_person_or_role_is_told() -> None:
    assert tradesync("people", "disable", "nobody").exit_code == 1
    assert tradesync("people", "role", "nobody", "king").exit_code == 2
