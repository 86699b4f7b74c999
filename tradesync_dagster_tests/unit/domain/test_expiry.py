"""When an order's day is over, and what is concluded then."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from tradesync_dagster.domain.expiry import expire, is_watching, over_at
from tradesync_dagster.domain.market_calendar import IST
from tradesync_dagster.domain.orders import BrokerOrder, Order, OrderStatus, Origin, Side
from tradesync_dagster.domain.trading_hours import TradingHours, read_sessions

HOURS = TradingHours()
THURSDAY = date(2026, 11, 19)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=IST).astimezone(UTC)


def row(
    exchange: str = "NSE", variety: str = "regular", placed: datetime | None = None
) -> BrokerOrder:
    placed = placed or at(19, 10)
    return BrokerOrder(
        "1", placed.astimezone(IST).date(), exchange, "INFY", "CNC", Side.BUY, "LIMIT", "DAY",
        variety, "OPEN", 10, 0, 10, 0, 1_000_000, 0, 0, placed, placed,
    )  # fmt: skip


def order(status: OrderStatus, broker: BrokerOrder) -> Order:
    return Order(
        UUID(int=1), 1, broker, Origin.INTERNAL, status, broker.placed_at, broker.placed_at
    )


@pytest.mark.parametrize(
    ("broker", "over"),
    [
        (row(), at(19, 15, 45)),
        (row("NFO"), at(19, 15, 45)),
        (row(variety="amo", placed=at(19, 16)), at(20, 15, 45)),
        (row(variety="amo", placed=at(20, 16)), at(23, 15, 45)),
        (row(variety="amo", placed=at(20, 8)), at(20, 15, 45)),
        (row("MCX"), at(20, 0, 15)),
        (row("MCX", "amo", at(20, 23, 58)), at(24, 0, 15)),
    ],
)
def test_a_day_is_over_a_while_after_its_exchange_closes(
    broker: BrokerOrder, over: datetime
) -> None:
    assert over_at(broker, HOURS) == over


def test_an_early_close_ends_the_day_early() -> None:
    early = read_sessions("2026-11-19 09:15-13:00")
    assert over_at(row(), early) == at(19, 13, 15)
    assert is_watching(at(19, 13, 20), early)
    assert not is_watching(at(19, 13, 21), early)


def test_only_what_has_not_ended_expires_and_the_break_says_why() -> None:
    asked = at(19, 15, 45)
    for status in OrderStatus:
        found = expire([order(status, row())], HOURS, asked)
        watched = status.value in {"pending_execution", "amo", "open", "trigger_pending", "unknown"}
        assert bool(found) == watched, status
    assert expire([order(OrderStatus.OPEN, row())], HOURS, asked - timedelta(seconds=1)) == []
    partly = order(OrderStatus.OPEN, replace(row(), filled_quantity=4))
    ((ended, event, found),) = expire([partly], HOURS, asked)
    assert (ended.status, event.kind, event.at) == (OrderStatus.EXPIRED, "expired", asked)
    assert (found.kind, found.evidence["last_word"], found.evidence["filled_quantity"]) == (
        "expired_without_word", "OPEN", "4",
    )  # fmt: skip


def test_orders_are_watched_through_sessions_only() -> None:
    inside = (at(19, 9, 15), at(19, 15, 30), at(19, 15, 50))
    outside = (at(19, 9, 14), at(19, 15, 51), at(21, 12), at(24, 12))
    assert all(is_watching(moment, HOURS) for moment in inside)
    assert not any(is_watching(moment, HOURS) for moment in outside)
