"""Alerts on their way to people and to RabbitMQ: told once, kept while nobody takes them."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pika
import pytest
from pydantic import SecretStr

from tradesync_dagster.sync import failing
from tradesync_dagster_tests.support.desk import Desk
from tradesync_dagster_tests.support.people import SECRET, Listener, listening, tick, with_people
from tradesync_dagster_tests.support.servers import wait


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as started:
        yield started


def test_people_get_what_the_outbox_has_and_what_waits_is_kept(
    desk: Desk, listener: Listener
) -> None:
    told = with_people(desk, listener.url("one"), listener.url("two"))
    listener.status = 500
    desk.by_hand("BUY", 10)
    errors = tick(told)
    assert [error[:25] for error in errors] == [
        "people: address 1 (json) ", "people: address 2 (json) ",
    ]  # fmt: skip
    assert SECRET not in " ".join(errors)
    assert listener.notes == []
    listener.status = 200
    desk.by_hand("SELL", 2)
    assert tick(told) == ()
    assert [line[:27] for line in listener.told("one")] == ["desk/SIM001: external order"] * 2
    assert "BUY 10" in listener.told("two")[0]
    assert tick(told) == ()
    assert len(listener.told("one")) == len(listener.told("two")) == 2


def test_an_address_that_fails_makes_no_other_hear_things_twice(
    desk: Desk, listener: Listener
) -> None:
    told = with_people(desk, listener.url("refused"), listener.url("two"))
    desk.by_hand("BUY", 10)
    assert len(tick(told)) == 1
    assert len(tick(told)) == 1
    assert len(listener.told("two")) == 1
    mended = with_people(desk, listener.url("mended"), listener.url("two"))
    assert tick(mended) == ()
    assert (len(listener.told("mended")), len(listener.told("two"))) == (1, 1)


def test_of_two_who_send_at_once_only_one_tells_people(desk: Desk, listener: Listener) -> None:
    listener.hang = threading.Event()
    told = with_people(desk, listener.url("slow"))
    with ThreadPoolExecutor() as both:
        desk.by_hand("BUY", 10)
        ticking = both.submit(tick, told)
        wait(lambda: listener.asked, OSError)
        with desk.services.store.sending(patience=0.1) as alone:
            assert not alone, "the one who is at it"
        other = both.submit(told.services.notifications().send)
        listener.hang.wait(1)
        assert listener.asked == 1
        listener.hang.set()
        assert ticking.result() == ()
        assert other.result()[1] == ()
    assert len(listener.told("slow")) == 1
    with desk.services.store.sending(patience=0.1) as alone:
        assert alone, "nobody is at it any more"


def test_a_failed_run_is_told_once_where_a_sync_is_sending(
    desk: Desk, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failing, "_PATIENCE", 0.1)
    told = with_people(desk, listener.url("one"))
    failure = failing.RunFailure("sync_job", "r1", "", "CrashError")
    with desk.services.store.sending():
        assert told.services.tell_failure(failure) == ()
        assert listener.notes == [], "the sync takes it along"
    assert told.services.notifications().send()[1] == ()
    assert told.services.tell_failure(failure) == ()
    assert len(listener.told()) == 1


def test_people_hear_of_sessions_and_spikes_too(desk: Desk, listener: Listener) -> None:
    told = with_people(desk, listener.url())
    desk.clock.move(timedelta(minutes=40))
    for _ in range(30):
        desk.by_hand("BUY", 1)
    tick(told)
    told.services.watch_spikes(None)
    desk.fault("expired", times=0, user_id="SIM002")
    tick(told)
    lines = listener.told()
    assert sum("external order " in line for line in lines) == 30
    assert sum("a spike of external orders began" in line for line in lines) == 1
    assert sum("`tradesync login desk/SIM002`" in line for line in lines) == 1
    assert len(lines) == 32


def test_a_sync_goes_on_while_people_cannot_be_told(desk: Desk, tmp_path: Path) -> None:
    told = with_people(desk, f"json://asha:{SECRET}@127.0.0.1:9/?cto=1", f"nonsense://{SECRET}")
    desk.by_hand("BUY", 10)
    desk.clock.move(timedelta(minutes=1))
    summary = told.sync()
    assert {result.status for result in summary.results} == {"success"}
    assert len(summary.publish_errors) == 2
    assert SECRET not in repr(summary)
    rows = {row["name"]: row for row in told.services.doctor()}
    assert rows["people"]["state"] == "wrong"
    assert "address 2 (nonsense)" in rows["people"]["detail"]


@pytest.mark.rabbitmq
def test_rabbitmq_carries_alerts_and_no_copy_for_people(
    desk: Desk, rabbitmq_url: str, listener: Listener
) -> None:
    told = with_people(desk, listener.url()).with_settings(rabbitmq_url=SecretStr(rabbitmq_url))
    with pika.BlockingConnection(pika.URLParameters(rabbitmq_url)) as connection:
        channel = connection.channel()
        channel.exchange_declare("sync_notifications", "topic", durable=True)
        queue = channel.queue_declare("", exclusive=True).method.queue
        name = desk.alone("SIM003")
        for key in (f"account.{name}.external_order", "people.#"):
            channel.queue_bind(queue, "sync_notifications", key)
        desk.by_hand("BUY", 3, user_id="SIM003")
        told.clock.move(timedelta(minutes=1))
        assert told.sync(f"desk/{name}").publish_errors == ()
        got = [channel.basic_get(queue, auto_ack=True) for _ in range(2)]
    assert json.loads(got[0][2] or b"")["order"]["quantity"] == 3
    assert got[1][2] is None
    assert len(listener.told()) == 1
