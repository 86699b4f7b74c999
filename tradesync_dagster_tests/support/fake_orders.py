"""Fake orders by example, and what must have become of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

import orjson

from tradesync_dagster.domain.fake_orders import FakeOrder
from tradesync_dagster.domain.lmp import SimulatedPrices
from tradesync_dagster.domain.moderation import ModerationRules, decide, priced_at
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.support.store_frames import stored

HOUR = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
PRICES = SimulatedPrices("tradesync", 40_000_000, 10_000_000)
RULES = ModerationRules("tradesync")
ORDER = FakeOrder(
    order_id=UUID(int=1),
    organization_id="acme",
    market="PJM",
    node="WESTERN HUB",
    side="BUY",
    quantity=25_500_000,
    limit_price=-3_250_000,
    hour_start_utc=HOUR,
    created_at=HOUR,
)
_NAMES = UUID(int=7)


def fake_orders(count: int, hour: datetime = HOUR, name: str = "", **more: Any) -> list[FakeOrder]:
    """Make orders at several nodes, on both sides."""
    return [
        replace(
            ORDER,
            order_id=uuid5(_NAMES, f"{name}|{hour.isoformat()}|{number}"),
            node=f"NODE {number % 7}",
            side="BUY" if number % 2 else "SELL",
            limit_price=(number % 60) * 1_000_000,
            hour_start_utc=hour,
            **more,
        )
        for number in range(count)
    ]


def put(store: SqlStore, orders: Sequence[FakeOrder]) -> None:
    with store.begin([]) as work:
        work.add_fake_orders(orders)


def by_id(store: SqlStore) -> dict[UUID, FakeOrder]:
    return {row["order_id"]: FakeOrder(**row) for row in stored(store, "fake_orders")}


def check_decided_once(store: SqlStore, orders: Sequence[FakeOrder]) -> list[FakeOrder]:
    """Check that orders were decided as the rules say, with one event and one message each."""
    found = by_id(store)
    events = Counter(row["order_id"] for row in stored(store, "fake_order_events"))
    told = Counter(
        UUID(one["order_id"])
        for row in stored(store, "outbox")
        if row["routing_key"].endswith(".fake_orders_moderated")
        for one in orjson.loads(row["body"])["orders"]
    )
    decided = [found[order.order_id] for order in orders]
    for before, after in zip(orders, decided, strict=True):
        point = priced_at(before)
        assert after.decided_at is not None, after
        assert after.decided_at >= before.hour_start_utc, "never before its hour"
        wanted = decide(before, PRICES.at([point])[point], RULES, after.decided_at).order
        names = ("status", "rt_lmp", "reason", "decided_at")
        assert [getattr(after, n) for n in names] == [getattr(wanted, n) for n in names]
        assert (events[before.order_id], told[before.order_id]) == (1, 1), after
    return decided
