"""Alerts on external orders, spikes and silence, from an exchange to the outbox."""

import json
import urllib.request
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from tradesync_dagster.domain.orders import Order, Origin, order_id_of
from tradesync_dagster.domain.trading_hours import TradingHours
from tradesync_dagster_tests.support.desk import OPENING, Desk
from tradesync_dagster_tests.support.people import tick
from tradesync_dagster_tests.support.store_frames import stored

TODAY = date(2026, 11, 19)


def alerts(desk: Desk, kind: str) -> list[tuple[str, dict[str, Any]]]:
    """What the outbox has of one kind for RabbitMQ, by routing key."""
    rows = [r for r in stored(desk.services.store, "outbox") if "people" not in r["exchange"]]
    notes = [(row["routing_key"], json.loads(row["body"])) for row in rows]
    return [(key, note) for key, note in notes if note["type"] == kind]


def mend(desk: Desk) -> None:
    request = urllib.request.Request(f"{desk.url}/sim/faults", method="DELETE")
    with urllib.request.urlopen(request, timeout=60):
        pass


def down(desk: Desk) -> None:
    desk.fault("error", times=0, status=503, error_type="NetworkException")


def test_an_external_order_is_told_once_ever(desk: Desk) -> None:
    number = desk.by_hand("BUY", 10)
    tick(desk)
    [(key, note)] = alerts(desk, "external_order")
    assert key == "account.SIM001.external_order"
    assert list(note) == [
        "type", "account", "timestamp", "organization_id", "broker", "message", "order",
    ]  # fmt: skip
    assert note["message"].startswith(f"desk/SIM001: external order {number}: BUY 10 NSE:INFY CNC")
    assert (note["order"]["broker_order_id"], note["order"]["origin"]) == (number, "external")
    tick(desk)
    tick(desk)
    assert len(alerts(desk, "external_order")) == 1
    desk.by_hand("SELL", 2)
    desk.by_hand("BUY", 1, user_id="SIM002")
    tick(desk)
    keys = [key for key, _ in alerts(desk, "external_order")]
    assert sorted(keys) == [
        "account.SIM001.external_order",
        "account.SIM001.external_order",
        "account.SIM002.external_order",
    ]


def test_an_order_confirmed_anew_is_not_told_anew(desk: Desk) -> None:
    desk.by_hand("BUY", 10)
    tick(desk)
    with desk.services.store.begin([1]) as work:
        [order] = work.orders([1], TODAY)
        work.put_orders([replace(order, origin=Origin.CANDIDATE)], [])
    desk.clock.move(timedelta(minutes=1))
    assert desk.one().new_external_orders == 1
    assert len(alerts(desk, "external_order")) == 1


def test_our_own_orders_and_what_may_be_one_are_not_told(desk: Desk) -> None:
    """Of two orders, one has our tag and one cannot be confirmed before the last look."""
    desk.by_hand("BUY", 10, tag="ts0001")
    desk.by_hand("BUY", 10, user_id="SIM002")
    slow = desk.with_settings(confirm_seconds=3600.0)
    desk.clock.sleep = _no_time_passes  # type: ignore[method-assign]
    found = slow.sync()
    assert [result.candidates for result in found.results] == [0, 1, 0]
    assert alerts(desk, "external_order") == []


async def _no_time_passes(_: float) -> None:
    """Look again at once."""


@pytest.mark.parametrize(
    "off",
    [
        {"external_order_notification_enabled": False},
        {"rabbitmq_notifications_enabled": False},
        {"external_order_detection_enabled": False},
    ],
)
def test_switched_off_nothing_is_told_of_external_orders(desk: Desk, off: dict[str, bool]) -> None:
    for _ in range(6):
        desk.by_hand("BUY", 1)
    quiet = desk.with_settings(
        **off, notify_urls=SecretStr("json://127.0.0.1:9/"), external_order_spike_factor=1
    )
    quiet.sync()
    look = quiet.services.watch_spikes(None)
    assert len(look.changes.begun) == ("external_order_detection_enabled" not in off)
    down(desk)
    tick(quiet, 40)
    types = {json.loads(row["body"])["type"] for row in stored(desk.services.store, "outbox")}
    assert types <= {"sync_completed"}


def test_an_account_not_looked_at_is_told_once_until_it_was(desk: Desk) -> None:
    tick(desk)
    down(desk)
    tick(desk, 29)
    assert alerts(desk, "external_check_overdue") == []
    for _ in range(3):
        tick(desk, 5)
    told = alerts(desk, "external_check_overdue")
    assert sorted(key.split(".")[1] for key, _ in told) == ["SIM001", "SIM002", "SIM003"]
    assert told[0][1]["last_complete"] == "2026-11-19T04:01:00Z"
    assert told[0][1]["minutes"] == 34
    mend(desk)
    tick(desk)
    down(desk)
    tick(desk, 31)
    assert len(alerts(desk, "external_check_overdue")) == 6


def test_a_session_that_ended_is_not_told_as_silence_too(desk: Desk) -> None:
    tick(desk)
    desk.fault("expired", times=0)
    tick(desk, 40)
    assert alerts(desk, "external_check_overdue") == []
    assert len(alerts(desk, "session_expired")) == 3


def test_production_looks_more_closely(desk: Desk) -> None:
    desk.sync()
    down(desk)
    desk.clock.move(timedelta(minutes=16))
    desk.sync()
    assert alerts(desk, "external_check_overdue") == []
    desk.with_settings(environment="production").sync()
    assert len(alerts(desk, "external_check_overdue")) == 3


def test_the_doctor_names_accounts_that_go_unchecked(desk: Desk) -> None:
    def row() -> dict[str, str]:
        rows = {row["name"]: row for row in desk.services.doctor()}
        return rows["external_orders"]

    assert row()["state"] == "off"
    desk.sync()
    assert row()["state"] == "ok"
    desk.clock.move(timedelta(minutes=31))
    desk.sync("desk/SIM002")
    assert row()["state"] == "wrong"
    assert "within 30 minutes" in row()["detail"]
    assert "desk/SIM001, desk/SIM003;" in row()["detail"]


def remember(desk: Desk, counts: dict[int, int], hour: int = 10) -> None:
    """Write external orders of past days into SIM001's books: that many, so many days ago."""
    store = desk.services.store
    with store.begin([1]) as work:
        (model, *_) = work.orders([1], TODAY)
        days = TradingHours().trading_days(TODAY - timedelta(days=60), TODAY - timedelta(days=1))
        past = [
            past_order(model, days[-ago], hour, n)
            for ago, count in counts.items()
            for n in range(count)
        ]
        work.put_orders(past, [])


def past_order(model: Order, day: date, hour: int, number: int) -> Order:
    minutes = timedelta(hours=hour - 9, minutes=number % 60 - 30)  # from 09:30 IST
    at = OPENING + (day - TODAY) + minutes
    name = f"past-{hour}-{number}"
    broker = replace(model.broker, trade_date=day, broker_order_id=name, placed_at=at)
    return replace(model, order_id=order_id_of(1, day, name), broker=broker, origin=Origin.EXTERNAL)


def test_orders_are_counted_by_the_exchanges_day_and_hour(desk: Desk) -> None:
    desk.by_hand("BUY", 1)
    tick(desk)
    remember(desk, {1: 3, 20: 70})
    remember(desk, {1: 2}, hour=9)
    remember(desk, {40: 4})
    days = TradingHours().trading_days(TODAY - timedelta(days=60), TODAY)
    lately = OPENING - timedelta(minutes=30)
    [found] = desk.services.store.activities(days[-21], lately, 1)
    assert (found.account, found.account_id, found.known_since) == ("desk/SIM001", 1, days[-41])
    assert found.counts == {
        (days[-2], 10): 3, (days[-21], 10): 70, (days[-2], 9): 2, (TODAY, 9): 1,
    }  # fmt: skip
    assert desk.services.store.activities(days[-21], lately, 2) == []
    assert desk.services.store.activities(days[-21], lately + timedelta(hours=1), 1) == []
    desk.services.store.disable("desk/SIM001")
    assert desk.services.store.activities(days[-21], lately, 1) == []


def test_a_spike_begins_and_ends_in_the_outbox(desk: Desk) -> None:
    look = desk.services.watch_spikes
    desk.clock.move(timedelta(minutes=40))  # 10:10 IST
    desk.by_hand("BUY", 1)
    tick(desk)
    remember(desk, dict.fromkeys(range(1, 31), 2))
    quiet = look(None)
    assert (quiet.accounts, quiet.cursor, quiet.changes.begun) == (0, "[]", [])
    for _ in range(7):
        desk.by_hand("BUY", 1)
    tick(desk)
    begun = look(quiet.cursor)
    assert [spike.account for spike in begun.changes.begun] == ["desk/SIM001"]
    assert look(quiet.cursor).cursor == begun.cursor, "the look before the crash, again"
    again = look(begun.cursor)
    assert (again.changes.begun, again.cursor) == ([], begun.cursor)
    desk.clock.move(timedelta(minutes=65))
    over = look(again.cursor)
    assert (len(over.changes.ended), over.cursor) == (1, "[]")
    (first_key, first), (_, last) = alerts(desk, "external_order_spike")
    assert first_key == "account.SIM001.external_order_spike"
    assert [first["state"], last["state"]] == ["begun", "ended"]
    assert first["since"] == last["since"] == "2026-11-19T04:30:00Z"
    assert (first["external_orders"], first["usual"], first["threshold"]) == (8, "2", 8)
    assert "10:00 IST on 2026-11-19 (usual: 2; a spike from 8 on)" in first["message"]
    assert "is over" in last["message"]
