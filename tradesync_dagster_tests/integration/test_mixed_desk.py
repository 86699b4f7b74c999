"""A desk with accounts at every broker, synced as one; the demo is such a desk."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tradesync_dagster.brokers.exchange.server import ExchangeConfig, running_exchange
from tradesync_dagster.brokers.factory import ADAPTERS
from tradesync_dagster.cli.simulated import Simulated, brokers
from tradesync_dagster_tests.support.desk import Desk, ask, open_desk


@pytest.fixture
def mixed(tmp_path: Path) -> Iterator[Desk]:
    names = brokers()
    books = f"sqlite:///{tmp_path}/books.sqlite3"
    more = {"accounts": len(names) + 1, "brokers": tuple(names), "history_days": 3}
    with open_desk(books, tmp_path, **more) as opened:
        yield opened


def test_every_broker_with_an_adapter_is_dealt_out_beginning_with_zerodha() -> None:
    assert set(brokers()) == set(ADAPTERS)
    assert brokers()[0] == "ZERODHA"
    assert brokers()[1:] == sorted(brokers()[1:])


def test_accounts_at_all_brokers_come_up_to_date_in_one_sync(mixed: Desk) -> None:
    accounts = mixed.services.store.accounts()
    assert {account.broker for account in accounts} == set(ADAPTERS)
    assert accounts[0].broker == accounts[-1].broker == "ZERODHA"
    placed = {
        account.pseudo_account: mixed.by_hand("BUY", 10, user_id=account.pseudo_account)
        for account in accounts
    }
    summary = mixed.sync()
    assert {result.account: result.errors for result in summary.results} == {
        account.key: () for account in accounts
    }
    assert summary.status == "success"
    rows = mixed.services.external_orders()
    found = {row["account"]: row["broker_order_id"] for row in rows}
    assert found == {f"desk/{name}": order_id for name, order_id in placed.items()}
    assert {row["origin"] for row in rows} == {"external"}
    assert mixed.sync().total("new_external_orders") == 0


def test_an_account_of_an_earlier_demo_stays_at_its_broker() -> None:
    config = ExchangeConfig(accounts=3, brokers=("ZERODHA", "UPSTOX"))
    with running_exchange(config) as url:
        exchange = Simulated(int(url.rpartition(":")[2]), 3, 7, Path("journal"), 3.0, 0.0)
        ask(f"{url}/sim/accounts", {"user_id": "acme:paper", "cash": "5"})  # in acme's own books
        fresh = exchange.desk({})
        again = exchange.desk({"demo/SIM002": "ZERODHA", "other/SIM003": "UPSTOX"})
    assert [account.broker for account in fresh] == ["ZERODHA", "UPSTOX", "ZERODHA"]
    assert [account.broker for account in again] == ["ZERODHA", "ZERODHA", "ZERODHA"]
    for account in again:
        assert set(account.credentials) == set(ADAPTERS[account.broker].CREDENTIALS)
    assert "--brokers=ZERODHA," in " ".join(exchange.command())
