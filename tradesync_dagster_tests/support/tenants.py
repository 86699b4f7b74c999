"""Another organization's rows of every kind, marked, and how to tell that nobody touched them."""

from dataclasses import dataclass, replace
from datetime import time
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert, select

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.domain.breaks import Break
from tradesync_dagster.domain.fake_orders import Wanted, fake_order
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.orders import Order, OrderEvent, OrderStatus, Origin
from tradesync_dagster.domain.tasks import Task
from tradesync_dagster.store import book_tables
from tradesync_dagster.store.schema import metadata
from tradesync_dagster_tests.support.api import RIVAL
from tradesync_dagster_tests.support.orders import sample_order

MARK = "ZX9HIDDEN"
"""Stands in every text of theirs, and in no question that is asked."""
KIND = "book_shrank"


@dataclass(frozen=True)
class Theirs:
    """What a stranger might have heard of."""

    account_id: int
    order_id: UUID
    claim_id: UUID
    strategy_id: str = "theirs"
    subject: str = "S"


def put_theirs(services: Services) -> Theirs:
    """Give ``RIVAL`` an order, a break, a strategy, a claim, a fake order, a position and more."""
    (account,) = services.chosen(RIVAL.key)
    at, order_id = services.clock.now(), uuid4()
    broker = replace(
        sample_order(at), trade_date=trade_date_of(at), symbol=MARK, tag=MARK, message=MARK,
        broker_order_id=MARK, status_word=MARK,
    )  # fmt: skip
    order = Order(
        order_id, account.account_id, broker, Origin.EXTERNAL, OrderStatus.FAILED, at, at,
        strategy_id="", failure_reason=MARK, first_failed_at=at,
    )  # fmt: skip
    services.add_strategy("rival", "theirs", MARK)
    claim = services.add_claim("rival", "theirs", f"NSE:{MARK}", MARK)
    hour = Wanted("rival", MARK, MARK, "BUY", "1", "2", at.isoformat())
    with services.store.begin([account.account_id]) as work:
        work.put_orders([order], [OrderEvent(order_id, "seen", at, {MARK: MARK})])
        work.put_breaks([Break(account.account_id, KIND, "S", at, {MARK: MARK})])
        work.add_fake_orders([fake_order(hour, order_id, at)])
    services.tasks().set_schedule("rival", Task.ANALYSIS, {"start": time(16, 17)}, MARK)
    services.notifications().prefer("rival", "rabbitmq", "placed", wanted=False, who=MARK)
    position: dict[str, Any] = {
        "account_id": account.account_id, "exchange": "NSE", "symbol": MARK, "product": "CNC",
        "quantity": 1, "average_price": 1, "buy_quantity": 1, "sell_quantity": 0, "multiplier": 1,
        "realised_pnl": "0",
    }  # fmt: skip
    with services.store.writing() as connection:
        connection.execute(insert(book_tables.positions).values(position))
    return Theirs(account.account_id, order_id, claim)


def rows_of(services: Services, theirs: Theirs) -> dict[str, list[str]]:
    """Read every row that is theirs, by table."""
    known = {str(theirs.order_id), str(theirs.claim_id)}
    found: dict[str, list[str]] = {}
    with services.store.reading() as connection:
        for name, table in metadata.tables.items():
            for row in connection.execute(select(table)).mappings():
                values = {str(value) for value in row.values()}
                own = row.get("account_id") == theirs.account_id
                own |= "rival" in {row.get("organization_id"), row.get("scope")}
                if own or values & known:
                    found.setdefault(name, []).append(repr(sorted(row.items(), key=str)))
    return {name: sorted(rows) for name, rows in found.items()}
