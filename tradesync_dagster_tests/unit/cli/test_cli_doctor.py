"""``tradesync doctor``: what is wrong, what is well, and what to do."""

import json

import pytest

from tradesync_dagster_tests.support.commands import SECRETS, done, told, tradesync

pytestmark = pytest.mark.usefixtures("home")


def test_the_doctor_says_what_is_wrong() -> None:
    found = tradesync("doctor", "--json")
    assert found.exit_code == 1
    wrong = [row for row in json.loads(found.stdout) if row["state"] == "wrong"]
    assert any("tradesync db upgrade" in row["detail"] for row in wrong)


@pytest.mark.usefixtures("books")
def test_the_doctor_finds_embedded_books_well() -> None:
    rows = told("doctor")
    assert {frozenset(row) for row in rows} == {frozenset({"name", "state", "detail"})}
    assert {row["state"] for row in rows} <= {"ok", "off"}


@pytest.mark.usefixtures("books")
def test_the_doctor_says_how_an_account_comes_to_be_enabled() -> None:
    def accounts() -> dict[str, str]:
        rows = json.loads(tradesync("doctor", "--json").stdout)
        return next(row for row in rows if row["name"] == "accounts")

    none = accounts()
    assert none["state"] == "off"
    assert "tradesync accounts add" in none["detail"]
    assert "session" not in none["detail"]
    here = ["--base-url", "http://127.0.0.1:9"]
    done("accounts", "add", "acme/main", "--broker", "ZERODHA", *here, *SECRETS)
    assert accounts()["state"] == "wrong"
    done("accounts", "disable", "acme/main")
    assert "tradesync accounts enable" in accounts()["detail"]
