"""Paper accounts by command: opened at an exchange that runs, and told of where none does."""

import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import Result

from tradesync_dagster.bootstrap import open_services
from tradesync_dagster.brokers.exchange.server import ExchangeConfig, running_exchange
from tradesync_dagster.cli import paper
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster_tests.support.commands import tradesync
from tradesync_dagster_tests.support.commands_clock import set_clock
from tradesync_dagster_tests.support.desk import OPENING, ask
from tradesync_dagster_tests.support.ports import free_ports
from tradesync_dagster_tests.support.stacks import environment

KEY = "acme/main"


@pytest.fixture(autouse=True)
def at_once(books: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """External orders are confirmed as soon as they are seen twice."""
    for name in ("TRADESYNC_CONFIRM_SECONDS", "TRADESYNC_MINIMUM_AGE_SECONDS"):
        monkeypatch.setenv(name, "0")


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    set_clock(monkeypatch, OPENING)
    config = ExchangeConfig(accounts=1, people_rate=0, start_at=OPENING)
    with running_exchange(config) as address:
        monkeypatch.setenv("TRADESYNC_PAPER_URL", address)
        yield address


def add(*more: str) -> Result:
    return tradesync("accounts", "add", KEY, "--broker", "paper", *more)


def accounts() -> list[Account]:
    return open_services().store.accounts(enabled_only=False)


def test_an_account_is_opened_without_a_secret_and_synced(url: str) -> None:
    done = add("--cash", "250000.50")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == f"{KEY} is added (PAPER), at {url} with cash of 250000.5.\n"
    buy = {"user_id": "acme:main", "tradingsymbol": "ITC", "exchange": "NSE",
           "transaction_type": "BUY", "quantity": 3}  # fmt: skip
    order_id = ask(f"{url}/sim/orders", buy)["order_id"]
    synced = tradesync("sync", "--json")
    assert synced.exit_code == 0, synced.output
    assert order_id in tradesync("orders", KEY, "--json").stdout
    again = add("--cash", "5")
    assert f"{KEY} is up to date (PAPER)" in again.stdout
    assert "with cash of 5." not in again.stdout
    assert again.stderr == ""
    assert ask(f"{url}/sim/charges/acme:main")["charged"] is True


def test_an_exchange_that_began_anew_is_told_of(url: str) -> None:
    assert add().stderr == ""
    with running_exchange(ExchangeConfig(accounts=0, people_rate=0)) as other:
        again = add(f"--base-url={other}")
    assert again.exit_code == 0
    assert "opened it anew" in again.stderr


def test_the_usual_cash_is_a_million(url: str) -> None:
    assert "with cash of 1000000." in add().stdout


def test_no_exchange_is_told_with_the_command_that_starts_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (port,) = free_ports(1)
    monkeypatch.setenv("TRADESYNC_PAPER_URL", f"http://127.0.0.1:{port}")
    failed = add()
    assert (failed.exit_code, failed.stdout) == (1, "")
    assert f"127.0.0.1:{port}" in failed.stderr
    assert "`tradesync exchange paper`" in failed.stderr
    assert len(failed.stderr.strip().splitlines()) == 1
    assert accounts() == []


def test_what_is_no_cash_is_refused(url: str) -> None:
    for cash in ("0", "-5", "much", "1.0000001", "1e30"):
        failed = add(f"--cash={cash}")
        assert (failed.exit_code, accounts()) == (1, []), cash
        assert "--cash" in failed.stderr


def test_credentials_are_not_taken(url: str) -> None:
    for more in ("--api-key=k", "--credential=api_key", "--credentials-stdin", "--login-later"):
        failed = add(more)
        assert (failed.exit_code, accounts()) == (1, []), more
        assert "needs no credentials" in failed.stderr


def test_cash_is_for_paper_accounts() -> None:
    failed = tradesync("accounts", "add", KEY, "--broker=UPSTOX", "--cash=5", "--access-token=t")
    assert failed.exit_code == 1
    assert "--broker PAPER" in failed.stderr


def test_paper_and_real_never_share_books(url: str) -> None:
    other = ("--broker", "UPSTOX", "--access-token", "t")
    assert add().exit_code == 0
    failed = tradesync("accounts", "add", KEY, *other)
    assert failed.exit_code == 1
    assert "acme/main is an account at PAPER" in failed.stderr
    assert tradesync("accounts", "add", "acme/real", *other).exit_code == 0
    failed = tradesync("accounts", "add", "acme/real", "--broker", "PAPER")
    assert "acme/real is an account at UPSTOX" in failed.stderr
    assert [one.broker for one in accounts()] == ["PAPER", "UPSTOX"]


def test_an_address_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for address in (
        "127.0.0.1:8650",
        "ftp://x",
        "http://a@b",
        "http://x/y",
        "http://x:0",
        "http://[x",
    ):
        monkeypatch.setenv("TRADESYNC_PAPER_URL", address)
        failed = add()
        assert failed.exit_code == 1, address
        assert "TRADESYNC_PAPER_URL" in failed.stderr


def test_the_exchange_is_started_only_where_it_is_needed(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert add().exit_code == 0
    (one,) = accounts()
    settings = open_services().settings
    assert paper.port_to_serve(settings, [one]) is None  # it answers
    (port,) = free_ports(1)
    away = f"http://127.0.0.1:{port}"
    quiet = settings.model_copy(update={"paper_url": away})
    assert paper.port_to_serve(quiet, [one]) is None  # the account is elsewhere
    here = replace(one, base_url=away)
    assert paper.port_to_serve(quiet, [here]) == port
    assert paper.port_to_serve(quiet, [replace(here, broker="ZERODHA")]) is None
    assert paper.port_to_serve(quiet, []) is None
    far = "http://192.0.2.1:8650"
    elsewhere = settings.model_copy(update={"paper_url": far})
    assert paper.port_to_serve(elsewhere, [replace(one, base_url=far)]) is None
    monkeypatch.setenv("TRADESYNC_PAPER_URL", far)
    failed = tradesync("exchange", "paper")
    assert failed.exit_code == 1
    assert "not on this machine" in failed.stderr


def test_the_exchange_of_paper_accounts_goes_on_from_its_journal(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (port,) = free_ports(1)
    address = f"http://127.0.0.1:{port}"
    monkeypatch.setenv("TRADESYNC_PAPER_URL", address)
    settings = environment(TRADESYNC_HOME=str(home), TRADESYNC_PAPER_URL=address)

    def started() -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(paper.COMMAND, env=settings, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while not paper.answers(port, "/sim/health"):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return process

    def ended(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
        process.send_signal(number)
        process.wait(60)

    process = started()
    try:
        assert add("--cash=5000").exit_code == 0
    finally:
        ended(process, signal.SIGKILL)
    assert "exchange paper" in add().stderr
    process = started()
    try:
        synced = tradesync("sync", "--json")
        assert synced.exit_code == 0, synced.output
        assert "with cash of 5000." in add("--cash=9").stdout
        second = tradesync("exchange", "paper")
        assert second.exit_code == 1
        assert f"cannot listen on 127.0.0.1:{port}" in second.stderr
    finally:
        ended(process, signal.SIGTERM)
    assert (home / "paper.journal").exists()
