"""What people did in the app, told from what we asked for."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tradesync_dagster.domain.manual_changes import by_hand, may_be_by_hand
from tradesync_dagster.domain.orders import Order, OrderEvent, OrderStatus, Origin
from tradesync_dagster.domain.trading_hours import TradingHours
from tradesync_dagster_tests.unit.domain.test_expiry import at, order, row

NOW = at(19, 11)
BEFORE = replace(order(OrderStatus.OPEN, row()), client_order_id="ts1")


def shown(status: OrderStatus = OrderStatus.OPEN, **changes: Any) -> Order:
    return replace(BEFORE, status=status, broker=replace(BEFORE.broker, **changes))


def event(kind: str, minute: int = 0, **detail: Any) -> OrderEvent:
    return OrderEvent(BEFORE.order_id, kind, at(19, 10, minute), detail)


def kinds(after: Order, *events: OrderEvent, before: Order = BEFORE) -> list[str]:
    if not may_be_by_hand(before, after):
        return []
    return [one.kind for one in by_hand(before, after, events, TradingHours(), NOW)]


def test_what_nobody_here_asked_for_was_done_by_hand() -> None:
    after = shown(price=2_000_000, quantity=12)
    (found,) = by_hand(BEFORE, after, [], TradingHours(), NOW)
    assert found.detail == {
        "price_before": 1_000_000, "price": 2_000_000, "quantity_before": 10, "quantity": 12,
    }  # fmt: skip
    assert kinds(shown(OrderStatus.CANCELLED, price=2_000_000)) == [
        "modified_by_hand", "cancelled_by_hand",
    ]  # fmt: skip


ASKED = event("modify_requested", 1, who="asha", price="2")


@pytest.mark.parametrize(
    ("events", "found"),
    [
        ((ASKED,), []),
        ((ASKED, event("modify_acknowledged", 2)), []),
        ((ASKED, event("modify_unanswered", 2)), []),
        ((ASKED, event("modify_not_done", 2)), []),
        ((ASKED, event("modify_refused", 2)), ["modified_by_hand"]),
        ((ASKED, event("changed", 2, price=2_000_000)), ["modified_by_hand"]),
        ((event("modify_requested", 1, price="3"),), ["modified_by_hand"]),
        ((event("modify_requested", 1, quantity="12"),), ["modified_by_hand"]),
    ],
)
def test_what_we_asked_for_is_ours_once(events: tuple[OrderEvent, ...], found: list[str]) -> None:
    assert kinds(shown(price=2_000_000), *events) == found


def test_a_limit_that_we_made_a_market_order_loses_its_price() -> None:
    after = shown(price=0, order_type="MARKET")
    assert kinds(after, event("modify_requested", 1, order_type="MARKET")) == []
    assert kinds(after) == ["modified_by_hand"]


@pytest.mark.parametrize(
    ("after", "events"),
    [
        (replace(shown(OrderStatus.CANCELLED), cancel_asked="asha: done"), ()),
        (shown(OrderStatus.CANCELLED, validity="IOC"), ()),
        (shown(OrderStatus.CANCELLED, message="margin call"), ()),
        (shown(OrderStatus.CANCELLED, updated_at=at(19, 15, 31)), ()),
        (replace(shown(OrderStatus.CANCELLED), origin=Origin.EXTERNAL), ()),
        (replace(shown(OrderStatus.CANCELLED), client_order_id=""), ()),
        # The first request was carried out and nobody heard; the second was refused for that.
        (shown(OrderStatus.CANCELLED),
         (event("cancel_requested", 1), event("cancel_requested", 2), event("cancel_refused", 3))),
    ],
)  # fmt: skip
def test_other_ends_are_not_by_hand(after: Order, events: tuple[OrderEvent, ...]) -> None:
    assert kinds(after, *events) == []


def test_fills_and_what_brokers_write_into_orders_are_not_by_hand() -> None:
    assert kinds(shown(OrderStatus.EXECUTED, filled_quantity=10, average_price=1_000_001)) == []
    market = replace(BEFORE, broker=replace(BEFORE.broker, order_type="MARKET", price=0))
    told = replace(market, broker=replace(market.broker, price=1_050_000))
    assert kinds(told, before=market) == []
    stop = replace(BEFORE, broker=replace(BEFORE.broker, trigger_price=900_000, order_type="SL"))
    hit = replace(stop, broker=replace(stop.broker, trigger_price=0))
    assert kinds(hit, before=stop) == []


def test_the_moment_is_the_books() -> None:
    later = NOW + timedelta(minutes=3)
    (found,) = by_hand(BEFORE, shown(quantity=3), [], TradingHours(), later)
    assert found.at == later
