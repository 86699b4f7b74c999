"""What leaves the house: snapshots in a real Redis, notifications through a real RabbitMQ."""

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pika
import pytest
import redis
from pydantic import SecretStr

from tradesync_dagster.domain.errors import MessagesStalledError
from tradesync_dagster.domain.publications import OutboxMessage
from tradesync_dagster.domain.results import TickSummary
from tradesync_dagster.publish.redis_snapshots import account_key
from tradesync_dagster.sync import cycle
from tradesync_dagster.sync.documents import timestamp
from tradesync_dagster.sync.publishing import OneWait, drain
from tradesync_dagster_tests.support.desk import Desk
from tradesync_dagster_tests.support.store_frames import stored

CLOSED = "redis://127.0.0.1:9/0"


def pending(desk: Desk) -> list[Any]:
    return desk.services.store.pending_messages(100)


@pytest.mark.redis
def test_redis_holds_the_same_document_as_the_store(
    desk: Desk, redis_url: str, redis_client: redis.Redis
) -> None:
    desk.by_hand("BUY", 10)
    summary = desk.with_settings(redis_url=SecretStr(redis_url)).sync()
    assert summary.publish_errors == ()
    (stored, *_) = desk.services.store.unpublished([summary.results[0].account_id])
    assert redis_client.hget(account_key("desk/SIM001"), "body") == stored.body
    document = json.loads(stored.body)
    assert document["orders"][0]["origin"] == "external"
    assert document["positions"][0]["quantity"] == 10
    assert desk.services.store.unpublished(None) == []


@pytest.mark.redis
def test_a_redis_that_is_away_delays_and_loses_nothing(
    desk: Desk, redis_url: str, redis_client: redis.Redis
) -> None:
    desk.by_hand("BUY", 10)
    away = desk.with_settings(redis_url=SecretStr(CLOSED)).sync()
    assert away.status == "partial_success"
    assert "127.0.0.1:9" in away.publish_errors[0]
    assert {result.status for result in away.results} == {"success"}
    assert not redis_client.exists(account_key("desk/SIM001"))
    back = desk.with_settings(redis_url=SecretStr(redis_url)).sync()
    assert (back.status, back.results[0].changed) == ("success", frozenset())
    assert redis_client.exists(account_key("desk/SIM001"))


@pytest.mark.redis
def test_a_crash_before_publishing_is_healed_by_the_next_sync(
    desk: Desk, redis_url: str, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    class CrashError(Exception):
        pass

    publish, looks = cycle.publish, []

    def crash(*given: Any) -> tuple[str, ...]:
        looks.append(given)
        if len(looks) == 2:  # the first look's accounts do not wait for the one looked at again
            raise CrashError
        return publish(*given)

    desk.by_hand("BUY", 10)
    running = desk.with_settings(redis_url=SecretStr(redis_url))
    with monkeypatch.context() as patched:
        patched.setattr(cycle, "publish", crash)
        with pytest.raises(CrashError):
            running.sync()
    assert len(pending(desk)) == 2, "the account's and the external order's; others' are out"
    assert running.sync().results[0].changed == frozenset()
    assert redis_client.exists(account_key("desk/SIM001"))
    assert pending(desk) == []


@pytest.mark.rabbitmq
def test_rabbitmq_carries_the_note_of_each_account(desk: Desk, rabbitmq_url: str) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq_url))
    channel = connection.channel()
    channel.exchange_declare("sync_notifications", "topic", durable=True)
    queue = channel.queue_declare("", exclusive=True).method.queue
    name = desk.alone("SIM001")
    channel.queue_bind(queue, "sync_notifications", f"account.{name}.sync_completed")
    desk.by_hand("BUY", 10)
    told = desk.with_settings(rabbitmq_url=SecretStr(rabbitmq_url)).sync(f"desk/{name}")
    assert told.publish_errors == ()
    method, properties, body = channel.basic_get(queue, auto_ack=True)
    connection.close()
    assert method is not None
    assert properties is not None
    note = json.loads(body)
    assert list(note) == ["type", "account", "timestamp", "summary", "full_results"]
    assert (note["type"], note["account"]) == ("sync_completed", name)
    assert note["timestamp"].endswith("Z")
    assert note["summary"] == {
        "status": "success",
        "position_generation": {
            "regenerated": True, "positions_updated": 1, "holdings_updated": 0,
        },
        "external_orders": 1,
        "redis_status": "disabled",
        "errors": 0,
    }  # fmt: skip
    assert note["full_results"]["account"] == f"desk/{name}"
    assert pending(desk) == []


@pytest.mark.rabbitmq
def test_a_rabbitmq_that_is_away_keeps_the_notes_in_order(desk: Desk, rabbitmq_url: str) -> None:
    away = desk.with_settings(rabbitmq_url=SecretStr("amqp://guest:guest@127.0.0.1:9/"))
    assert "127.0.0.1:9" in away.sync().publish_errors[0]
    assert away.sync().publish_errors
    waiting = [message.message_id for message in pending(desk)]
    assert len(waiting) == 6
    assert desk.with_settings(rabbitmq_url=SecretStr(rabbitmq_url)).sync().publish_errors == ()
    assert pending(desk) == []


def test_notifications_can_be_switched_off(desk: Desk) -> None:
    desk.with_settings(rabbitmq_notifications_enabled=False).sync()
    assert pending(desk) == []


def test_documents_are_as_their_schemas_say(desk: Desk) -> None:
    desk.by_hand("BUY", 10)
    desk.fault("html", path="/portfolio/holdings", user_id="SIM002", times=9)
    desk.sync()
    notes = [json.loads(message["body"]) for message in stored(desk.services.store, "outbox")]
    completed = [note for note in notes if note["type"] == "sync_completed"]
    assert {note["summary"]["status"] for note in completed} == {"success", "partial_success"}
    for note in completed:
        jsonschema.validate(note, schema("sync-completed"))
    snapshots = desk.services.store.unpublished([1, 2, 3])
    assert len(snapshots) == 3
    for snapshot in snapshots:
        jsonschema.validate(json.loads(snapshot.body), schema("snapshot"))


def schema(name: str) -> Any:
    docs = Path(__file__).resolve().parents[2] / "docs"
    return json.loads((docs / f"{name}.schema.json").read_text())


def test_only_notes_of_nothing_new_are_of_no_use_soon(desk: Desk) -> None:
    desk.by_hand("BUY", 10)
    first = desk.sync()
    for _ in range(2):
        desk.clock.move(timedelta(minutes=5))
        last = desk.sync()
    assert "apply" not in last.parts
    passing = {
        tick.started_at: [
            message["passing"]
            for message in stored(desk.services.store, "outbox")
            if message["created_at"] == tick.started_at
        ]
        for tick in (first, last)
    }
    assert passing[last.started_at] == [True] * 3
    assert set(passing[first.started_at]) == {False}


@pytest.mark.redis
def test_quiet_notes_say_what_came_of_redis(desk: Desk, redis_url: str) -> None:
    running = desk.with_settings(redis_url=SecretStr(redis_url))
    for _ in range(2):
        desk.clock.move(timedelta(minutes=5))
        running.sync()
    desk.clock.move(timedelta(minutes=5))
    assert said_of_redis(desk, running.sync()) == {"success"}
    away = desk.with_settings(redis_url=SecretStr(CLOSED))
    desk.clock.move(timedelta(minutes=5))
    assert said_of_redis(desk, away.sync()) == {"failed"}


def said_of_redis(desk: Desk, summary: TickSummary) -> set[str]:
    assert "apply" not in summary.parts
    notes = [json.loads(message["body"]) for message in stored(desk.services.store, "outbox")]
    moment = timestamp(summary.started_at)
    return {note["summary"]["redis_status"] for note in notes if note["timestamp"] == moment}


class Stalls:
    """A server that takes a few messages, then lets every sender wait."""

    def __init__(self, takes: int = 0) -> None:
        self.takes, self.asked = takes, 0

    def publish(self, messages: Sequence[OutboxMessage]) -> Sequence[str]:
        self.asked += 1
        taken = [message.message_id for message in messages[: self.takes]]
        raise MessagesStalledError("it takes nothing", taken)


def test_a_server_that_stalls_is_waited_for_once_and_keeps_what_it_took(desk: Desk) -> None:
    desk.with_settings(rabbitmq_url=SecretStr("amqp://guest:guest@127.0.0.1:9/")).sync()
    waiting = [message.message_id for message in pending(desk)]
    server = Stalls(takes=2)
    once = OneWait(server)
    for _ in range(3):
        with pytest.raises(MessagesStalledError, match="it takes nothing"):
            drain(desk.services.store, once, desk.clock)
    assert server.asked == 1
    assert [message.message_id for message in pending(desk)] == waiting[2:]
