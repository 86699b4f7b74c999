"""Rows that the store's tests write, one of every kind, and whole tables read back."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pandas as pd

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import Payload, Reject
from tradesync_dagster.domain.attribution_rows import Attribution, Claim, Strategy
from tradesync_dagster.domain.book_days import STILL_OPEN
from tradesync_dagster.domain.book_states import AddedFills, BookState, Generation
from tradesync_dagster.domain.bookkeeping import Books
from tradesync_dagster.domain.breaks import Break
from tradesync_dagster.domain.facts import (
    Conversion,
    CorporateAction,
    OpeningBalance,
    Settlement,
)
from tradesync_dagster.domain.fake_orders import FakeOrder
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.looks import Look
from tradesync_dagster.domain.market_calendar import microseconds
from tradesync_dagster.domain.marks import Mark
from tradesync_dagster.domain.order_limits import Halt, Limits
from tradesync_dagster.domain.orders import (
    BrokerOrder,
    Intent,
    Order,
    OrderEvent,
    OrderStatus,
    Origin,
    Side,
    order_id_of,
)
from tradesync_dagster.domain.publications import OutboxMessage
from tradesync_dagster.domain.quiet_looks import QuietLooks
from tradesync_dagster.store.rows import insert_new
from tradesync_dagster.store.schema import metadata
from tradesync_dagster.store.store import SqlUnitOfWork
from tradesync_dagster_tests.support.task_rows import write_tasks

DAY = date(2026, 3, 2)
NEXT = DAY + timedelta(days=1)
T0 = datetime(2026, 3, 2, 5, 0, 0, 123456, tzinfo=UTC)
T1 = T0 + timedelta(minutes=5)
TOKEN = "very-secret-access-token"
ISIN = "INE009A01021"
FIRST = date(1970, 1, 1)

ROW = BrokerOrder(
    broker_order_id="B1",
    trade_date=DAY,
    exchange="NSE",
    symbol="INFY",
    product="CNC",
    side=Side.SELL,
    order_type="LIMIT",
    validity="DAY",
    variety="regular",
    status_word="OPEN",
    quantity=2**62,
    filled_quantity=3,
    pending_quantity=7,
    cancelled_quantity=0,
    price=2**63 - 1,
    trigger_price=0,
    average_price=-1,
    placed_at=T0,
    updated_at=T0,
    tag="été",
    message="it's",
    exchange_order_id="X1",
    parent_order_id="P1",
)
ORDER = Order(
    order_id=order_id_of(1, DAY, "B1"),
    account_id=1,
    broker=ROW,
    origin=Origin.CANDIDATE,
    status=OrderStatus.OPEN,
    first_seen_at=T0,
    last_seen_at=T0,
    confidence=70,
)
EVENT = OrderEvent(ORDER.order_id, "seen", T0, {"status": "open", "n": 1, "none": None})
FILL = Fill(
    trade_id="T1",
    broker_order_id="B1",
    trade_date=DAY,
    exchange="NSE",
    symbol="INFY",
    product="CNC",
    side=Side.BUY,
    quantity=10,
    price=1_500_000_000,
    filled_at=T0,
    isin=ISIN,
)
INTENT = Intent(
    client_order_id="ts-1",
    account_id=1,
    exchange="NSE",
    symbol="INFY",
    product="CNC",
    side=Side.BUY,
    order_type="LIMIT",
    quantity=10,
    price=1,
    state="placing",
    created_at=T0,
)
POSITION = {
    "account_id": 1,
    "exchange": "NSE",
    "symbol": "INFY",
    "product": "CNC",
    "quantity": -4,
    "average_price": 0,
    "buy_quantity": 0,
    "sell_quantity": 4,
    "multiplier": 1,
    "realised_pnl": str(2**80),
    "unrealised_pnl": None,
    "last_price": None,
    "assumed_quantity": 0,
}
HOLDING = {
    "account_id": 1,
    "exchange": "NSE",
    "symbol": "INFY",
    "product": "CNC",
    "isin": ISIN,
    "quantity": 6,
    "t1_quantity": 2,
    "average_price": 100,
    "unrealised_pnl": "-5",
    "last_price": 99,
    "assumed_quantity": 8,
}
INSTRUMENT = {
    "exchange": "NSE",
    "symbol": "INFY",
    "isin": ISIN,
    "multiplier": 1,
    "last_price": 99,
    "priced_at": T0,
}
LOT = {
    "account_id": 1,
    "strategy_id": "",
    "instrument": ISIN,
    "product": "CNC",
    "trade_date": DAY.toordinal(),
    "fill_id": FILL.fill_id,
    "piece": 0,
    "held_from": DAY.toordinal(),
    "held_to": STILL_OPEN,
    "exchange": "NSE",
    "symbol": "INFY",
    "opened_at": microseconds(T0),
    "quantity": 6,
    "price": 2**62,
}
BOOK_DAY = {
    "account_id": 1,
    "strategy_id": "",
    "instrument": ISIN,
    "product": "CNC",
    "trade_date": DAY.toordinal(),
    "exchange": "NSE",
    "symbol": "INFY",
    "quantity": 6,
    "cost": 6 * 2**62,
    "realised_pnl": -(2**80),
    "wins": 1,
    "losses": 2,
}
OPENING = OpeningBalance(1, "NSE", "TCS", "CNC", "INE467B01029", DAY, 7, 2, 3_000_000_000)
ACTION = CorporateAction(ISIN, NEXT, "split", 5, 1, "INE009A01039")
CONVERSION = Conversion(
    1, "C1", DAY, "NSE", "INFY", Side.BUY, "MIS", "CNC", quantity=3, overnight=False
)
SETTLEMENT = Settlement("NFO", "NIFTY26MARFUT", NEXT, 22_000_000_000)
CLAIM = Claim("ORG", None, "S1", "NSE", "INFY", T0, "asha")
ATTRIBUTION = Attribution(ORDER.order_id, "1", T0, "S1", 70, "S2", {"wanted": 11, "candidates": []})
CORRECTION = {
    "account_id": 1,
    "trade_date": DAY,
    "fill_id": FILL.fill_id,
    "corrected_at": T1,
    "before": {"quantity": "11"},
    "after": None,
    "reason": "annulled by the exchange",
    "who": "asha",
}
FAKE_ORDER = FakeOrder(
    UUID(int=1), "ORG", "PJM", "HUB", "BUY", 2**40, -(2**40), T0, T0, "APPROVED", T1, -1
)
REJECT = Reject("B9", "price: 'x' is not a number", '{"price": "x"}')


def accounts() -> list[Account]:
    secrets = {"access_token": TOKEN}
    return [
        Account(0, "ORG", name, "ZERODHA", credentials=secrets, base_url="http://127.0.0.1:1")
        for name in ("A1", "A2")
    ]


def message(number: int) -> OutboxMessage:
    return OutboxMessage(f"m{number}", 1, "trades", "ORG.A1", f"body {number}".encode(), T0)


def insert(work: SqlUnitOfWork, table: str, *new: Any) -> None:
    """Insert rows, or facts, that no repository writes."""
    made = [row if isinstance(row, dict) else _plain(row) for row in new]
    insert_new(work._connection, metadata.tables[table], made)


def _plain(fact: Any) -> dict[str, Any]:
    names = fact.__dataclass_fields__
    return {n: str(v) if isinstance(v := getattr(fact, n), Side) else v for n in names}


def facts_of(work: SqlUnitOfWork, account_id: int = 1) -> None:
    """Write one fact of every kind."""
    work.put_openings([replace(OPENING, account_id=account_id)])
    insert(work, "corporate_actions", ACTION)
    insert(work, "conversions", replace(CONVERSION, account_id=account_id))
    insert(work, "settlements", SETTLEMENT)


def result(tick: str, account_id: int, at: datetime, status: str) -> dict[str, Any]:
    key = {"tick_id": tick, "account_id": account_id, "started_at": at}
    return key | {"status": status, "results": {"orders": 1}}


def write_everything(work: SqlUnitOfWork, at: datetime = T0) -> AddedFills:
    """Write something to every table; ``accounts`` are there."""
    work.add_strategies([Strategy("ORG", "S1", "Trend", False, at)])
    work.put_states([BookState(1, "orders", DAY, at, "hash")])
    work.put_orders([ORDER], [EVENT])
    work.put_intents([INTENT])
    work.put_limits(1, Limits(), "asha", at)
    work.halt(Halt("acme", at, "asha", "a wild strategy"))
    work.add_claim(CLAIM)
    work.put_attributions([ATTRIBUTION])
    added = work.add_fills([(1, FILL)], "broker")
    facts_of(work)
    insert(work, "fill_corrections", CORRECTION)
    work.put_instruments([INSTRUMENT], DAY)
    work.add_payloads([Payload("hash", 1, b"[]")], at)
    work.add_rejects([(1, "orders", REJECT)], at)
    work.put_breaks([Break(1, "book_shrank", "2026-03-02", at, {"missing": ["B1"]})])
    work.put_positions([1], [POSITION])
    work.put_holdings([1], [HOLDING])
    work.replace_books(
        work.books_since([1], FIRST, None),
        Books(pd.DataFrame([LOT]), pd.DataFrame([BOOK_DAY], dtype=object)),
    )
    work.put_generations([Generation(1, at, None, DAY)])
    work.put_results([result("t1", 1, T0, "success")])
    work.add_looks([Look(1, T0, "t1", True, 0, 0, ({"kind": "orders"},))])
    work.add_quiet_looks([QuietLooks(1, T0, "acme", "t2", {"1": [0]})])
    work.put_snapshots({1: b"{}"})
    work.add_messages([message(1), message(2)])
    write_tasks(work, at)
    work.add_fake_orders([FAKE_ORDER])
    work.add_fake_order_events([OrderEvent(FAKE_ORDER.order_id, "approved", T0, {})])
    work.add_marks([Mark(FAKE_ORDER.order_id, T0, -1, 2**62)])
    return added
