"""An account's orders, looked at again and again as in detection's own tests."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from tradesync_dagster.domain.answers import Fetch, Outcome, Reject
from tradesync_dagster.domain.external import Detection, DetectionRules, detect
from tradesync_dagster.domain.orders import BrokerOrder, Intent, Order, order_id_of
from tradesync_dagster_tests.support.orders import DAY, sample_intent, sample_order

T0 = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
OLD = T0 - timedelta(hours=1)
"""Placed long before any look, so that age never stands in the way."""
RULES = DetectionRules()
ROW = sample_order(placed_at=OLD)
INTENT = sample_intent(created_at=OLD - timedelta(seconds=1), strategy_id="mean-reversion")
B1 = order_id_of(1, DAY, "B1")


def row(broker_order_id: str = "B1", **changes: object) -> BrokerOrder:
    return replace(ROW, broker_order_id=broker_order_id, **changes)  # type: ignore[arg-type]


def book(
    *rows: BrokerOrder,
    at: datetime = T0,
    rejects: Sequence[Reject] = (),
    broker_time: datetime | None = None,
    seconds: float = 0.0,
    trade_date: date = DAY,
) -> Fetch[BrokerOrder]:
    return Fetch(
        kind="orders",
        outcome=Outcome.COMPLETE,
        trade_date=trade_date,
        requested_at=at,
        seconds=seconds,
        rows=rows,
        rejects=tuple(rejects),
        broker_time=broker_time,
    )


class Ledger:
    """An account's orders, looked at again and again."""

    def __init__(self, rules: DetectionRules = RULES, intents: Sequence[Intent] = ()) -> None:
        self.rules = rules
        self.intents = list(intents)
        self.orders: dict[UUID, Order] = {}

    def look(self, fetch: Fetch[BrokerOrder]) -> Detection:
        found = detect(1, fetch, self.orders, self.intents, self.rules)
        self.orders.update(found.orders)
        resolved = {intent.client_order_id: intent for intent in found.intents}
        self.intents = [resolved.get(i.client_order_id, i) for i in self.intents]
        return found

    def __getitem__(self, broker_order_id: str) -> Order:
        return self.orders[order_id_of(1, DAY, broker_order_id)]


def kinds(found: Detection) -> list[str]:
    return [event.kind for event in found.events]


def later(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)
