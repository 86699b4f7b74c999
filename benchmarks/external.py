"""What telling external orders costs: a thousand accounts with two hundred orders each.

Detection and attribution run as a sync runs them, in transactions over an embedded store; nothing
is fetched. A look that brings nothing new is held against reading the same orders once: what it
costs beyond that is comparing. Seconds are of this machine: read them against one another.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, MultiFernet

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import Fetch, Outcome
from tradesync_dagster.domain.attribution import AttributionRules
from tradesync_dagster.domain.external import DetectionRules
from tradesync_dagster.domain.orders import BrokerOrder, Side
from tradesync_dagster.store.engine import migrate, open_engine
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster.sync.applying import apply
from tradesync_dagster.sync.attributing import attribute
from tradesync_dagster.sync.fetching import Answers

_DAY = date(2026, 3, 2)
_OPENING = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
_BATCH = 250
"""Accounts a transaction, as a sync takes them."""
_SYMBOLS = 40


def _order(number: int) -> BrokerOrder:
    quantity, price = 1 + number % 50, (100 + number % 900) * 1_000_000
    return BrokerOrder(
        broker_order_id=f"2603020{number:08d}",
        trade_date=_DAY,
        exchange="NSE",
        symbol=f"SYM{number % _SYMBOLS}",
        product="MIS",
        side=Side.BUY if number % 3 else Side.SELL,
        order_type="LIMIT",
        validity="DAY",
        variety="regular",
        status_word="COMPLETE",
        quantity=quantity,
        filled_quantity=quantity,
        pending_quantity=0,
        cancelled_quantity=0,
        price=price,
        trigger_price=0,
        average_price=price,
        placed_at=_OPENING + timedelta(seconds=number % 3000),
        updated_at=_OPENING + timedelta(seconds=number % 3000),
    )


def _answer(kind: str, rows: tuple[Any, ...], at: datetime) -> Fetch[Any]:
    digest = sha256(f"{kind}{len(rows)}".encode()).hexdigest()
    return Fetch(kind, Outcome.COMPLETE, _DAY, at, 0.1, rows, payload_hash=digest)


def _looks(
    accounts: Sequence[Account], orders: Sequence[BrokerOrder], at: datetime
) -> Iterator[list[Answers]]:
    for start in range(0, len(accounts), _BATCH):
        yield [
            Answers(
                account,
                _answer("orders", tuple(replace(order) for order in orders), at),
                *(_answer(kind, (), at) for kind in ("trades", "positions", "holdings")),
            )
            for account in accounts[start : start + _BATCH]
        ]


def _look(
    store: SqlStore, accounts: Sequence[Account], orders: Sequence[BrokerOrder], minutes: int
) -> tuple[float, int]:
    """Apply one look at all accounts; return its seconds and how many orders it confirmed."""
    at = _OPENING + timedelta(minutes=60 + minutes)
    seconds, confirmed = 0.0, 0
    for looks in _looks(accounts, orders, at):
        began = time.perf_counter()
        with store.begin([look.account.account_id for look in looks]) as work:
            applied = apply(work, looks, DetectionRules(), at)
            attribute(work, applied, AttributionRules(), at)
            records = [entry.record for entry in applied if entry.record]
            work.add_looks(records, at - timedelta(days=7))
        seconds += time.perf_counter() - began
        confirmed += sum(entry.confirmed for entry in applied)
    return seconds, confirmed


def _read(store: SqlStore, accounts: Sequence[Account]) -> tuple[float, int]:
    began, found = time.perf_counter(), 0
    for start in range(0, len(accounts), _BATCH):
        ids = [account.account_id for account in accounts[start : start + _BATCH]]
        with store.look() as work:
            found += len(work.orders(ids, _DAY))
    return time.perf_counter() - began, found


def _size(store: SqlStore, table: str) -> int:
    """Return the bytes that a table takes, its key included."""
    query = f"SELECT sum(pgsize) FROM dbstat WHERE name LIKE '%{table}%'"  # noqa: S608 - our names
    with store.reading() as connection:
        return int(connection.exec_driver_sql(query).scalar() or 0)


def measure(accounts: int, orders: int) -> dict[str, float]:
    """Time looks at a desk.

    Args:
        accounts: How many.
        orders: Of each, confirmed as external beforehand.

    Returns:
        Seconds of a look that brings nothing new, of one with a hundredth of new orders, of the
        one that confirms those, and of reading all orders once; and bytes that a look's record
        takes.
    """
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{Path(folder) / 'books.sqlite3'}")
        migrate(engine)
        store = SqlStore(engine, MultiFernet([Fernet(Fernet.generate_key())]))
        store.put_accounts(
            [Account(0, "bench", f"A{n}", "ZERODHA", credentials={}) for n in range(accounts)]
        )
        desk = store.accounts()
        book = [_order(number) for number in range(orders)]
        new = [_order(number) for number in range(orders, orders + max(1, orders // 100))]
        _look(store, desk, book, 0)
        _look(store, desk, book, 1)
        found = {"nothing new": _look(store, desk, book, 6)[0]}
        found["reading"], count = _read(store, desk)
        found["new"] = _look(store, desk, [*book, *new], 11)[0]
        found["confirming"], confirmed = _look(store, desk, [*book, *new], 12)
        if (count, confirmed) != (accounts * orders, accounts * len(new)):
            raise RuntimeError(f"the books have {count} orders, and {confirmed} were confirmed")
        found["record"] = _size(store, "looks") / (5 * accounts)
        engine.dispose()
    return found


def run(accounts: int = 1_000, orders: int = 200) -> list[tuple[str, str]]:
    """Say what telling external orders costs.

    Args:
        accounts: How many.
        orders: Of each.

    Returns:
        (what, figure) rows.
    """
    found, total = measure(accounts, orders), accounts * orders
    desk = f"{accounts} accounts of {orders} orders"

    def rate(name: str) -> str:
        return f"{found[name]:.2f} s, {total / found[name]:,.0f} orders/s"

    looks = 375 / 5 * accounts
    return [
        (f"a look with nothing new, {desk}", rate("nothing new")),
        ("reading those orders once", rate("reading")),
        ("nothing new against reading once", f"{found['nothing new'] / found['reading']:.1f}x"),
        ("a look with 1% new", rate("new")),
        ("the look that confirms and attributes them", rate("confirming")),
        (
            "records of looks, a day of 09:15 to 15:30 every five minutes",
            f"{looks:,.0f} rows, {looks * found['record'] / 1e6:.0f} MB",
        ),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=1_000)
    parser.add_argument("--orders", type=int, default=200)
    arguments = parser.parse_args()
    for name, figure in run(arguments.accounts, arguments.orders):
        print(f"{name}: {figure}")
