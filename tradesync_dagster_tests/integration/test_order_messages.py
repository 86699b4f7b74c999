"""What is told of orders of ours: six events, once each, to whom it is wanted, in one digest."""

import json
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import SecretStr

from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.domain.publications import PEOPLE
from tradesync_dagster.publish.rabbitmq import RabbitPublisher, Received
from tradesync_dagster.sync.documents import EXCHANGE
from tradesync_dagster_tests.support.people import listening
from tradesync_dagster_tests.support.store_frames import stored
from tradesync_dagster_tests.support.trading import KEY, TradingDesk, open_trading_desk

SCHEMA = json.loads(
    (Path(__file__).resolve().parents[2] / "docs" / "order-message.schema.json").read_text()
)


@pytest.fixture
def trading(database_url: str, tmp_path: Path) -> Iterator[TradingDesk]:
    with open_trading_desk(database_url, tmp_path) as opened:
        yield opened


def told(trading: TradingDesk, exchange: str = EXCHANGE) -> list[dict[str, Any]]:
    """The messages about orders, sent or not, having checked each against the schema."""
    found = []
    for row in sorted(stored(trading.desk.services.store, "outbox"), key=lambda r: r["outbox_id"]):
        body = json.loads(row["body"])
        if row["exchange"] == exchange and body["type"].startswith("order_"):
            jsonschema.validate(body, SCHEMA)
            assert row["routing_key"] == f"account.SIM001.{body['type']}"
            found.append(body)
    return found


def kinds(trading: TradingDesk, exchange: str = EXCHANGE) -> list[str]:
    return [body["type"].removeprefix("order_") for body in told(trading, exchange)]


def test_each_event_is_told_once_with_the_brokers_reason(trading: TradingDesk) -> None:
    trading.place()
    assert kinds(trading) == ["placed", "executed"]
    resting = trading.resting()
    trading.trading.cancel(KEY, resting.order.order_id, who="ravi", why="no longer")
    rejected = trading.place(price=trading.price(200)).order
    found = told(trading)
    assert [body["type"] for body in found[2:]] == [
        "order_placed", "order_cancelled", "order_placed", "order_rejected",
    ]  # fmt: skip
    assert found[3]["reason"] == "ravi: no longer"
    assert found[-1]["reason"] == rejected.failure_reason
    assert rejected.failure_reason in found[-1]["message"]
    for _ in range(2):
        trading.desk.clock.move(timedelta(minutes=5))
        trading.desk.one(KEY)
    assert len(told(trading)) == len(found)


def test_what_the_queue_does_is_told(trading: TradingDesk) -> None:
    trading.desk.fault("status", status=429, method="POST", times=1)
    order = trading.place(verify=False).order
    retries = trading.desk.services.retries()
    retries.tend()
    retries.drop(KEY, order.order_id, who="asha", why="the idea is gone")
    found = told(trading)
    assert [body["type"] for body in found] == [
        "order_rejected", "order_retry_queue", "order_retry_queue",
    ]  # fmt: skip
    assert [body["event"]["kind"] for body in found] == [
        "failed", "retry_queued", "retry_dropped",
    ]  # fmt: skip
    assert found[-1]["message"].endswith("was dropped by asha: the idea is gone")


def test_what_people_do_in_the_app_is_told(trading: TradingDesk) -> None:
    resting = trading.resting()
    trading.desk.clock.move(timedelta(minutes=1))
    url = f"{trading.desk.url}/sim/orders/SIM001/{resting.order.broker.broker_order_id}"
    with urllib.request.urlopen(urllib.request.Request(url, method="DELETE"), timeout=60):
        pass
    trading.desk.one(KEY)
    assert "cancelled_by_hand" in kinds(trading)
    assert kinds(trading).count("cancelled") == 0


def test_a_recipient_gets_what_it_wants_and_nothing_of_an_aborted_change(
    trading: TradingDesk,
) -> None:
    urls = SecretStr("json://127.0.0.1:9/a,json://127.0.0.1:9/b")
    desk = trading.with_settings(notify_urls=urls)
    notifications = desk.desk.services.notifications()
    for to, event in (("rabbitmq", "placed"), ("2", "all")):
        notifications.prefer("desk", to, event, wanted=False, who="asha")
    desk.place()
    assert kinds(desk) == ["executed"]
    assert kinds(desk, f"{PEOPLE}0") == ["placed", "executed"]
    assert kinds(desk, f"{PEOPLE}1") == []
    notifications.prefer("desk", "2", "executed", wanted=True, who="asha")
    desk.desk.clock.move(timedelta(minutes=1))
    desk.place()
    assert kinds(desk, f"{PEOPLE}1") == ["executed"]
    rows = {row["to"]: row for row in notifications.preferences("desk")}
    assert (rows["rabbitmq"]["placed"], rows["1"]["placed"]) == (False, True)
    assert (rows["2"]["executed"], rows["2"]["rejected"]) == (True, False)
    for bad in (("none", "1", "placed"), ("desk", "3", "placed"), ("desk", "1", "odd")):
        with pytest.raises(ConfigurationError):
            notifications.prefer(*bad, wanted=True, who="asha")
    off = trading.with_settings(rabbitmq_notifications_enabled=False)
    before = kinds(desk)
    off.place(5, verify=False)
    assert kinds(desk) == before


def test_a_burst_is_one_digest_that_counts_every_event(trading: TradingDesk) -> None:
    with listening() as people:
        url = SecretStr(people.url())
        desk = trading.with_settings(notify_urls=url, notify_pause_seconds=60)
        notifications = desk.desk.services.notifications()
        desk.place(verify=False)
        notifications.send()
        assert len(people.notes) == 1
        for _ in range(10):
            desk.place(1, verify=False)
        notifications.send()
        assert len(people.notes) == 1, "the pause is not over"
        desk.desk.clock.move(timedelta(seconds=61))
        notifications.send()
        assert len(people.notes) == 2
        text = people.notes[1][1]["message"]
        assert text.startswith("10 order events\ndesk/SIM001: 10 placed\n")
        waiting = desk.desk.services.store.pending_messages(100, f"{PEOPLE}0")
        assert waiting == []
        assert len(kinds(desk, f"{PEOPLE}0")) == 11


def test_messages_are_followed_once_each(
    trading: TradingDesk, rabbitmq_url: str, rabbitmq_exchange: str
) -> None:
    desk = trading.with_settings(rabbitmq_url=SecretStr(rabbitmq_url))
    notifications = desk.desk.services.notifications()
    got: list[Received] = []
    stop, ready = threading.Event(), threading.Event()
    thread = threading.Thread(
        target=notifications.follow,
        args=(got.append,),
        kwargs={
            "stop": stop, "ready": ready, "account": KEY, "exchange": rabbitmq_exchange,
        },
    )  # fmt: skip
    thread.start()
    try:
        assert ready.wait(60)
        trading.place()
        waiting = [
            replace(m, exchange=rabbitmq_exchange)
            for m in trading.desk.services.store.pending_messages(100)
        ]
        publisher = RabbitPublisher(rabbitmq_url)
        for _ in range(2):  # each comes twice
            assert len(publisher.publish(waiting)) == len(waiting)
        last = replace(waiting[-1], message_id="last")
        publisher.publish([last])
        for _ in range(600):
            if got and got[-1].message_id == "last":
                break
            threading.Event().wait(0.1)
    finally:
        stop.set()
        thread.join(60)
    assert [one.message_id for one in got] == [*(m.message_id for m in waiting), "last"]
