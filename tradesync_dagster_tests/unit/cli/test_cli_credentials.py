"""What ``accounts add`` asks for at each broker, and the keys that close it."""

import json
from pathlib import Path

import pytest
from typer.testing import Result

from tradesync_dagster.brokers.factory import ADAPTERS
from tradesync_dagster_tests.support import commands

KEY = "acme/main"
SECRET = "hunter-77"
VARIABLE = "TRADESYNC_CREDENTIALS_ACME_MAIN"


pytestmark = pytest.mark.usefixtures("books")


def tradesync(*arguments: str, typed: str | None = None) -> Result:
    found = commands.tradesync(*arguments, typed=typed)
    assert SECRET not in found.output
    return found


def add(broker: str, *more: str, typed: str = "") -> Result:
    return tradesync("accounts", "add", KEY, "--broker", broker, *more, typed=typed)


def stored(home: Path) -> dict[str, str]:
    return commands.stored_credentials(home).get(KEY, {})


@pytest.mark.parametrize("broker", sorted(set(ADAPTERS) - {"PAPER"}))  # it asks for nothing
def test_each_broker_is_asked_for_exactly_what_it_needs(home: Path, broker: str) -> None:
    names = ADAPTERS[broker].CREDENTIALS
    wanted = {name: f"{SECRET}-{number}" for number, name in enumerate(names)}
    few = add(broker, typed="".join(f"{secret}\n" for secret in list(wanted.values())[:-1]))
    assert few.exit_code == 1
    assert stored(home) == {}
    done = add(broker, typed="".join(f"{secret}\n" for secret in wanted.values()))
    assert done.exit_code == 0, done.output
    assert done.stdout.count(": ") == len(names)
    assert all(name.replace("_", " ") in done.stdout for name in names)
    assert stored(home) == wanted


def test_a_credential_by_name_is_asked_for_or_read_from_standard_input(home: Path) -> None:
    more = ("--credential", "access_token=-", "--credential", "api_secret")
    done = add("UPSTOX", *more, typed=f"{SECRET}-1\n{SECRET}-2\n")
    assert done.exit_code == 0, done.output
    assert stored(home) == {"access_token": f"{SECRET}-1", "api_secret": f"{SECRET}-2"}


def test_what_is_not_given_again_stays(home: Path) -> None:
    first = {"api_key": f"{SECRET}-k", "access_token": f"{SECRET}-1", "api_secret": f"{SECRET}-s"}
    assert add("ZERODHA", "--credentials-stdin", typed=json.dumps(first)).exit_code == 0
    assert add("ZERODHA", "--credential", "access_token=-", typed=f"{SECRET}-2\n").exit_code == 0
    assert stored(home) == first | {"access_token": f"{SECRET}-2"}
    assert add("UPSTOX", "--access-token", f"{SECRET}-3").exit_code == 0
    assert stored(home) == {"access_token": f"{SECRET}-3"}  # another broker's are of no use


@pytest.mark.parametrize("written", [f"access_token={SECRET}", SECRET, "", "=-", "Access Token"])
def test_a_secret_written_as_a_name_is_refused_and_not_repeated(home: Path, written: str) -> None:
    found = add("UPSTOX", "--credential", written, typed=f"{SECRET}\n")
    assert found.exit_code == 1
    assert "--credential is a name" in found.stderr
    assert stored(home) == {}


def test_standard_input_that_ends_early_is_told() -> None:
    found = add("UPSTOX", "--credential", "access_token=-")
    assert found.exit_code == 1
    assert "no line for access_token" in found.stderr


def test_what_the_environment_holds_is_used_and_neither_asked_for_nor_stored(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, json.dumps({"access_token": f"{SECRET}-outside"}))
    assert add("UPSTOX").exit_code == 0
    assert stored(home) == {}
    assert add("ZERODHA", typed=f"{SECRET}-k\n").exit_code == 0
    assert stored(home) == {"api_key": f"{SECRET}-k"}
    here = ("--base-url", "http://127.0.0.1:9")
    assert add("ZERODHA", "--api-key", "k", *here).exit_code == 0
    synced = tradesync("sync", "--json")
    assert "no connection to 127.0.0.1" in synced.stdout  # the client could be made
    monkeypatch.delenv(VARIABLE)
    assert "access_token is missing" in tradesync("sync", "--json").stdout
    monkeypatch.setenv(VARIABLE, SECRET)
    assert VARIABLE in tradesync("accounts", "list").stderr


def test_keys_are_changed_by_two_commands(home: Path) -> None:
    assert add("UPSTOX", "--access-token", f"{SECRET}-1").exit_code == 0
    key_file = home / "secret.key"
    old = key_file.read_text()
    made = tradesync("accounts", "new-key")
    assert made.exit_code == 0, made.output
    new, _, rest = key_file.read_text().partition(",")
    assert rest == old
    assert "rotate-keys" in made.stdout
    assert not any(key in made.output for key in (old, new))
    turned = tradesync("accounts", "rotate-keys")
    assert turned.exit_code == 0, turned.output
    assert turned.stdout.startswith("1 of 1 accounts")
    assert tradesync("accounts", "rotate-keys").stdout.startswith("0 of 1 accounts")
    key_file.write_text(old)
    failed = tradesync("accounts", "list")
    assert failed.exit_code == 1
    assert "closed with another key" in failed.stderr
    key_file.write_text(new)
    assert stored(home) == {"access_token": f"{SECRET}-1"}


@pytest.mark.parametrize("brokers", ["NOPE", "", "ZERODHA,,UPSTOX"])
def test_an_exchange_of_unknown_brokers_is_refused(brokers: str) -> None:
    found = tradesync("exchange", "serve", "--port", "1", "--brokers", brokers)
    assert found.exit_code == 1
    assert "--brokers are some of AUTOTRADER, KOTAK, PAPER, UPSTOX, ZERODHA" in found.stderr
