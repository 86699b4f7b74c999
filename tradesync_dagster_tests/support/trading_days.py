"""Trading days of one account, and the books of any desk that looked at them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.market_calendar import IST
from tradesync_dagster.domain.money import parse_price
from tradesync_dagster.domain.orders import Side
from tradesync_dagster.store.schema import metadata
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.support.desk import Desk
from tradesync_dagster_tests.support.laid_books import lay

ACCOUNT = "desk/SIM001"
GOLD = {"exchange": "MCX", "tradingsymbol": "GOLDPETAL27JANFUT", "product": "NRML"}
BOOKS = ("lots", "position_days", "positions", "holdings")
Rows = list[dict[str, Any]]


@contextmanager
def beside(desk: Desk, home: Path) -> Iterator[Desk]:
    """Open another desk on the same exchange, with books of its own in SQLite."""
    engine = lay(f"sqlite:///{home}/beside.sqlite3")
    store = SqlStore(engine, desk.services.settings.cipher())
    store.put_accounts(desk.services.store.accounts(enabled_only=False))
    services = Services(desk.services.settings, store, desk.clock)
    yield Desk(services, desk.url, desk.clock)
    engine.dispose()


def table(desk: Desk, name: str, account: str = ACCOUNT) -> Rows:
    """Read the account's rows of a table, in an order that is the test's own."""
    found = metadata.tables[name]
    [account_id] = [a.account_id for a in desk.services.store.accounts() if a.key == account]
    with desk.services.store.reading() as connection:
        query = select(found).where(found.c.account_id == account_id)
        rows = [dict(row) for row in connection.execute(query).mappings()]
    return sorted(rows, key=lambda row: [str(row[column.name]) for column in found.primary_key])


def books(desk: Desk) -> dict[str, Rows]:
    return {name: table(desk, name) for name in BOOKS}


def shown(desk: Desk, kind: str, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in table(desk, kind)]


def assumed(desk: Desk) -> int:
    """Count the units, held or sold short, whose cost is the broker's average."""
    rows = (*table(desk, "positions"), *table(desk, "holdings"))
    return sum(abs(row["assumed_quantity"]) for row in rows)


def thursday(desk: Desk) -> None:
    desk.by_hand("BUY", 10)
    desk.by_hand("BUY", 6)
    desk.by_hand("BUY", 8, tradingsymbol="TCS")
    desk.by_hand("SELL", 3, **GOLD)
    desk.step(3)


def friday(desk: Desk) -> None:
    desk.by_hand("BUY", 5)
    desk.by_hand("SELL", 2, tradingsymbol="TCS")
    desk.by_hand("SELL", 2, **GOLD)
    desk.by_hand("BUY", 4, product="MIS", tradingsymbol="SBIN")
    desk.step(3)
    desk.by_hand("SELL", 4, product="MIS", tradingsymbol="SBIN")


def monday(desk: Desk) -> None:
    desk.by_hand("SELL", 4)
    desk.by_hand("SELL", 6, tradingsymbol="TCS")
    desk.by_hand("BUY", 1, **GOLD)


def a_day_later(desk: Desk, days: int = 1) -> None:
    desk.clock.move(timedelta(days=days))
    desk.step(2)


def known(desk: Desk, *days: date) -> list[Fill]:
    """Return the exchange's own fills of some days, or of all."""
    return [
        Fill(
            trade_id=row["trade_id"],
            broker_order_id=row["order_id"],
            trade_date=date.fromisoformat(row["trade_date"]),
            exchange=row["exchange"],
            symbol=row["tradingsymbol"],
            product=row["product"],
            side=Side(row["transaction_type"]),
            quantity=row["quantity"],
            price=parse_price(row["price"]),
            filled_at=datetime.fromisoformat(row["at"]).replace(tzinfo=IST),
            isin=row["isin"],
        )
        for row in desk.truth()["fills"]
        if not days or date.fromisoformat(row["trade_date"]) in days
    ]


def add(desk: Desk, fills: list[Fill], source: str) -> None:
    if source == "broker":  # which does not name the security
        fills = [replace(fill, isin="") for fill in fills]
    [account_id] = [a.account_id for a in desk.services.store.accounts() if a.key == ACCOUNT]
    with desk.services.store.begin([account_id]) as work:
        told = work.add_fills([(account_id, fill) for fill in fills], source)
    assert told.differing == []
    assert told.added > 0
