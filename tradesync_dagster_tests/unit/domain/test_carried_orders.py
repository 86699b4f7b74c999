"""Orders that are in the books of more than one day."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tradesync_dagster.domain.answers import Fetch, Outcome
from tradesync_dagster.domain.carried_orders import as_registered, carried_over
from tradesync_dagster.domain.external import Detection, DetectionRules, detect
from tradesync_dagster.domain.orders import BrokerOrder, Order, OrderStatus, Origin, order_id_of
from tradesync_dagster_tests.support.orders import DAY, sample_order

EVENING = datetime(2026, 3, 2, 13, 0, tzinfo=UTC)
NEXT = DAY + timedelta(days=1)
MORNING = datetime(2026, 3, 3, 4, 0, tzinfo=UTC)
AMO = sample_order(placed_at=EVENING, variety="amo", status_word="AMO REQ RECEIVED")
SENT = replace(AMO, status_word="OPEN")


def order(row: BrokerOrder = AMO, **changes: Any) -> Order:
    known = Order(
        order_id_of(1, row.trade_date, row.broker_order_id), 1, row, Origin.EXTERNAL, row.status,
        EVENING, EVENING,
    )  # fmt: skip
    return replace(known, **changes)


def anew(row: BrokerOrder = SENT, day: date = NEXT, **changes: Any) -> BrokerOrder:
    """A row as a broker sends it that dates an order by the morning it was sent."""
    moved = replace(row, trade_date=day, placed_at=row.placed_at + timedelta(days=1))
    return replace(moved, **changes)


def test_an_order_that_waited_keeps_its_day_when_the_broker_gives_it_another() -> None:
    assert as_registered([anew()], [order()]) == [SENT]


@pytest.mark.parametrize(
    "row",
    [
        anew(variety="regular"),
        anew(quantity=11),
        anew(symbol="TCS"),
        anew(broker_order_id="B2"),
        anew(day=DAY + timedelta(days=11)),
        replace(SENT, trade_date=DAY - timedelta(days=1)),
    ],
)
def test_another_order_is_left_as_it_is(row: BrokerOrder) -> None:
    assert as_registered([row], [order()]) == [row]


def test_an_id_that_comes_back_after_the_order_ended_is_another_order() -> None:
    ended = order(status=OrderStatus.CANCELLED)
    assert as_registered([anew()], [ended]) == [anew()]
    assert as_registered([anew()], [order(replace(AMO, variety="regular"))]) == [anew()]


@pytest.mark.parametrize("status", [OrderStatus.OPEN, OrderStatus.EXECUTED])
def test_an_id_that_another_order_of_the_new_day_has_is_that_ones(status: OrderStatus) -> None:
    its_own = order(anew(), status=status)
    assert as_registered([anew()], [order(), its_own]) == [anew()]
    assert as_registered([anew()], [its_own, order()]) == [anew()]


def test_an_order_is_linked_to_each_later_day_once() -> None:
    first, [link] = carried_over(order(), MORNING)
    assert (link.kind, link.at) == ("carried_over", MORNING)
    assert link.detail == {"registered_on": "2026-03-02", "book_of": "2026-03-03"}
    assert first.last_seen_at == MORNING
    assert carried_over(first, MORNING + timedelta(hours=5)) == (first, [])
    assert len(carried_over(first, MORNING + timedelta(days=1))[1]) == 1


def test_an_order_of_today_is_linked_to_nothing() -> None:
    assert carried_over(order(), EVENING + timedelta(hours=1)) == (order(), [])


def look(known: dict[UUID, Order], row: BrokerOrder, at: datetime, day: date) -> Detection:
    book = Fetch("orders", Outcome.COMPLETE, day, at, 0.0, (row,))
    return detect(1, book, known, [], DetectionRules())


@pytest.mark.parametrize("sent", [SENT, anew()], ids=["own day", "dated anew"])
def test_identity_stays_over_the_night(sent: BrokerOrder) -> None:
    known = {order().order_id: order()}
    found = look(known, sent, MORNING, NEXT)
    assert list(found.orders) == [order().order_id]
    assert [event.kind for event in found.events] == ["carried_over", "status_changed"]
    now = found.orders[order().order_id]
    assert (now.status, now.broker.trade_date, now.origin) == (
        OrderStatus.OPEN, DAY, Origin.EXTERNAL,
    )  # fmt: skip
    again = look(found.orders, sent, MORNING + timedelta(minutes=5), NEXT)
    assert (again.orders, again.events) == ({}, [])
