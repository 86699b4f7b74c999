"""Accounts met in the middle of things: a full day, a day missed, a night in between."""

from datetime import timedelta

from tradesync_dagster_tests.support.desk import Desk
from tradesync_dagster_tests.support.store_frames import stored

ACCOUNT = "desk/SIM001"


def orders(desk: Desk) -> dict[str, tuple[str, str]]:
    rows = desk.services.orders(ACCOUNT, days=10)
    return {row["broker_order_id"]: (row["origin"], row["status"]) for row in rows}


def kinds(desk: Desk, broker_order_id: str) -> list[str]:
    [order] = [
        row
        for row in stored(desk.services.store, "orders")
        if row["broker_order_id"] == broker_order_id
    ]
    events = stored(desk.services.store, "order_events")
    of_order = [event for event in events if event["order_id"] == order["order_id"]]
    return [event["kind"] for event in sorted(of_order, key=lambda event: event["at"])]


def test_a_first_look_at_a_full_day_finds_every_order_once(desk: Desk) -> None:
    filled = desk.by_hand("BUY", 10)
    rejected = desk.by_hand("BUY", 5_000)
    resting = desk.by_hand("BUY", 5, order_type="LIMIT", price="1", validity="DAY")
    desk.clock.move(timedelta(hours=2))
    result = desk.one()
    assert result.external_orders == len(orders(desk)) == 3
    assert orders(desk)[filled] == ("external", "executed")
    assert orders(desk)[rejected] == ("external", "rejected")
    assert orders(desk)[resting][0] == "external"
    assert len(desk.clock.slept) == 1, "old orders need a second book only"
    assert desk.clock.slept[0] <= 31
    desk.one()
    assert len(stored(desk.services.store, "order_events")) == sum(
        len(kinds(desk, order_id)) for order_id in orders(desk)
    )
    assert desk.services.breaks(ACCOUNT) == []


def test_after_a_day_of_downtime_the_day_that_is_there_is_found(desk: Desk) -> None:
    before = desk.by_hand("BUY", 10)
    desk.one()
    desk.clock.move(timedelta(days=1))  # nobody looks on Friday
    missed = desk.by_hand("BUY", 7)
    desk.clock.move(timedelta(days=3))
    after = desk.by_hand("BUY", 3)
    assert desk.one().status == "success"
    assert set(orders(desk)) == {before, after}, "a book is of its day only"
    assert missed not in orders(desk)
    assert orders(desk)[after] == ("external", "executed")
    assert orders(desk)[before] == ("external", "executed"), "and what was known stays"


def test_an_order_of_the_evening_stays_itself_when_it_is_sent(desk: Desk) -> None:
    desk.clock.move(timedelta(hours=10))
    waiting = desk.by_hand("BUY", 10, variety="amo")
    desk.clock.move(timedelta(minutes=5))
    desk.one()
    assert orders(desk) == {waiting: ("external", "amo")}
    desk.clock.move(timedelta(hours=14))
    desk.step()
    assert desk.one().status == "success"
    desk.one()
    assert orders(desk) == {waiting: ("external", "executed")}
    assert kinds(desk, waiting).count("carried_over") == 1
    [fill] = stored(desk.services.store, "fills")
    [order] = stored(desk.services.store, "orders")
    assert fill["trade_date"] - order["trade_date"] == timedelta(days=1)
    assert fill["broker_order_id"] == order["broker_order_id"]
    assert desk.services.breaks(ACCOUNT) == []
