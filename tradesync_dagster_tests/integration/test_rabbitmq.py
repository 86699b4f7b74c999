"""Notifications through a real RabbitMQ."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from types import SimpleNamespace

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.domain.publications import OutboxMessage
from tradesync_dagster.publish.rabbitmq import RabbitPublisher, Received, follow
from tradesync_dagster_tests.support.ports import free_port

pytestmark = pytest.mark.rabbitmq


def _messages(exchange: str, count: int) -> list[OutboxMessage]:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    return [
        OutboxMessage(f"id-{n}", 1, exchange, "account.RAGHU.sync_completed", b'{"n": %d}' % n, at)
        for n in range(count)
    ]


@pytest.fixture
def channel(rabbitmq_url: str) -> Iterator[BlockingChannel]:
    with pika.BlockingConnection(pika.URLParameters(rabbitmq_url)) as connection:
        yield connection.channel()


def _bound(channel: BlockingChannel, exchange: str) -> str:
    channel.exchange_declare(exchange, "topic", durable=True)
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, exchange, "account.*.sync_completed")
    return str(queue)


def test_what_arrives_is_what_was_sent_in_order(
    rabbitmq_url: str, rabbitmq_exchange: str, channel: BlockingChannel
) -> None:
    queue = _bound(channel, rabbitmq_exchange)
    sent = _messages(rabbitmq_exchange, 200)
    assert list(RabbitPublisher(rabbitmq_url).publish(sent)) == [m.message_id for m in sent]
    for message in sent:
        method, properties, body = channel.basic_get(queue, auto_ack=True)
        assert method is not None
        assert properties is not None
        assert (body, method.routing_key) == (message.body, message.routing_key)
        assert properties.message_id == message.message_id
        assert properties.delivery_mode == 2
        assert properties.content_type == "application/json"


def test_nobody_listening_counts_as_sent(rabbitmq_url: str, rabbitmq_exchange: str) -> None:
    sent = _messages(rabbitmq_exchange, 3)
    assert list(RabbitPublisher(rabbitmq_url).publish(sent)) == ["id-0", "id-1", "id-2"]


def test_a_refusal_in_the_middle_returns_what_came_before(
    rabbitmq_url: str, rabbitmq_exchange: str, channel: BlockingChannel
) -> None:
    other = f"{rabbitmq_exchange}-fanout"
    channel.exchange_declare(other, "fanout", auto_delete=True)
    sent = [*_messages(rabbitmq_exchange, 2), *_messages(other, 1)]
    try:
        assert list(RabbitPublisher(rabbitmq_url).publish(sent)) == ["id-0", "id-1"]
        with pytest.raises(ConfigurationError, match="exists with other settings"):
            RabbitPublisher(rabbitmq_url).publish(sent[2:])
    finally:
        channel.exchange_delete(other)


def test_a_queue_that_refuses_holds_back_the_rest(
    rabbitmq_url: str, rabbitmq_exchange: str, channel: BlockingChannel
) -> None:
    channel.exchange_declare(rabbitmq_exchange, "topic", durable=True)
    full = {"x-max-length": 2, "x-overflow": "reject-publish"}
    queue = channel.queue_declare("", exclusive=True, arguments=full).method.queue
    channel.queue_bind(str(queue), rabbitmq_exchange, "#")
    confirmed = RabbitPublisher(rabbitmq_url).publish(_messages(rabbitmq_exchange, 5))
    assert list(confirmed) == ["id-0", "id-1"]


def test_nothing_to_send_opens_no_connection() -> None:
    assert list(RabbitPublisher("amqp://u:hunter2@127.0.0.1:1/").publish([])) == []


def test_a_closed_port_is_named_without_the_password(caplog: pytest.LogCaptureFixture) -> None:
    publisher = RabbitPublisher("amqp://u:hunter2@127.0.0.1:1/")
    with pytest.raises(ConfigurationError, match=r"127\.0\.0\.1:1 .*refused") as refused:
        publisher.publish(_messages("any", 1))
    assert "hunter2" not in str(refused.value) + caplog.text


def test_a_follower_receives_and_a_failed_handler_gives_back(
    rabbitmq_url: str, rabbitmq_exchange: str, channel: BlockingChannel
) -> None:
    stop, ready, got = threading.Event(), threading.Event(), list[Received]()
    queue = f"{rabbitmq_exchange}-queue"

    def keep(received: Received) -> None:
        got.append(received)
        if len(got) == 3:
            stop.set()

    def fail(received: Received) -> None:
        raise OSError(received.message_id)

    def run() -> None:
        follow(
            rabbitmq_url, rabbitmq_exchange, "account.#", keep, stop=stop, queue=queue, ready=ready
        )

    try:
        channel.exchange_declare(rabbitmq_exchange, "topic", durable=True)
        channel.queue_declare(queue, durable=True)
        channel.queue_bind(queue, rabbitmq_exchange, "account.#")
        RabbitPublisher(rabbitmq_url).publish(_messages(rabbitmq_exchange, 3))
        with pytest.raises(OSError, match="id-0"):
            follow(rabbitmq_url, rabbitmq_exchange, "account.#", fail, stop=stop, queue=queue)
        thread = threading.Thread(target=run)
        thread.start()
        thread.join(60)
        stop.set()
        assert ready.is_set()
        assert [(one.message_id, one.body) for one in got] == [
            (f"id-{n}", b'{"n": %d}' % n) for n in range(3)
        ]
    finally:
        channel.queue_delete(queue)


def test_following_a_closed_port_says_so() -> None:
    with pytest.raises(ConfigurationError, match="cannot be followed"):
        follow("amqp://u:p@127.0.0.1:1/", "any", "#", print, stop=threading.Event())


def _relay(port: int, target: str) -> threading.Thread:
    """Open a port, and hand one connection on to the real server."""
    address = pika.URLParameters(target)

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    server = socket.create_server(("127.0.0.1", port))
    server.settimeout(60)

    def run() -> None:
        with server:
            client, _ = server.accept()
        with client, socket.create_connection((address.host, address.port)) as real:
            back = threading.Thread(target=pump, args=(real, client))
            back.start()
            pump(client, real)
            back.join(60)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_a_server_that_is_away_for_a_moment_is_tried_again(
    rabbitmq_url: str, rabbitmq_exchange: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    paused: list[float] = []
    relays: list[threading.Thread] = []

    def pause(seconds: float) -> None:
        paused.append(seconds)
        if len(paused) == 2:
            relays.append(_relay(port, rabbitmq_url))

    monkeypatch.setattr("tradesync_dagster.publish.rabbitmq.time", SimpleNamespace(sleep=pause))
    real = pika.URLParameters(rabbitmq_url)
    url = rabbitmq_url.replace(f"@{real.host}:{real.port}", f"@127.0.0.1:{port}")
    try:
        assert list(RabbitPublisher(url).publish(_messages(rabbitmq_exchange, 2))) == [
            "id-0",
            "id-1",
        ]
    finally:
        for relay in relays:
            relay.join(60)
    assert paused == [0.2, 0.4], "growing"
