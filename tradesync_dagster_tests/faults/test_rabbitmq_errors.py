"""A RabbitMQ of one's own that refuses, runs out of memory, or hangs: no note is lost."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pika
import pytest
from pydantic import SecretStr

from tradesync_dagster.publish import rabbitmq
from tradesync_dagster_tests.support.desk import Desk, open_desk
from tradesync_dagster_tests.support.followed import QUEUE, check_messages, listen, received
from tradesync_dagster_tests.support.killed_servers import Server, rabbitmq_server

pytestmark = pytest.mark.rabbitmq
Node = tuple[Server, Callable[..., str]]


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    with rabbitmq_server() as started:
        yield started


@pytest.fixture
def desk(node: Node, tmp_path: Path) -> Iterator[Desk]:
    server, _ = node
    with open_desk(f"sqlite:///{tmp_path}/books.sqlite3", tmp_path) as opened:
        yield opened.with_settings(rabbitmq_url=SecretStr(server.url))
    with pika.BlockingConnection(pika.URLParameters(server.url)) as connection:
        connection.channel().queue_delete(QUEUE)


def synced(desk: Desk) -> tuple[str, ...]:
    desk.by_hand("BUY", 2)
    began = time.monotonic()
    summary = desk.sync()
    sys.stdout.write(f"{time.monotonic() - began:.1f} s: {summary.publish_errors}\n")
    desk.clock.move(timedelta(minutes=5))
    assert {result.status for result in summary.results} == {"success"}
    assert summary.status == ("partial_success" if summary.publish_errors else "success")
    return summary.publish_errors


def made_up_for(desk: Desk, server: Server) -> None:
    assert synced(desk) == ()
    assert check_messages(desk, received(server.url)) >= 8


def test_queue_that_takes_no_more_keeps_the_rest_in_the_outbox(desk: Desk, node: Node) -> None:
    server, _ = node
    listen(server.url, **{"x-max-length": 2, "x-overflow": "reject-publish"})
    (error,) = synced(desk)
    assert "a queue takes no more" in error
    first = received(server.url)
    assert len(first) == 2
    with pika.BlockingConnection(pika.URLParameters(server.url)) as connection:
        connection.channel().queue_delete(QUEUE)
    listen(server.url)
    assert synced(desk) == ()
    assert check_messages(desk, list(dict.fromkeys([*first, *received(server.url)]))) >= 8


def test_memory_alarm_costs_a_sync_one_wait_and_loses_nothing(
    desk: Desk, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, control = node
    listen(server.url)
    opened: list[pika.URLParameters] = []
    connect = rabbitmq._open_soon

    def counted(parameters: pika.URLParameters) -> pika.BlockingConnection:
        opened.append(parameters)
        return connect(parameters)

    control("set_vm_memory_high_watermark", "0.000001")
    try:
        with monkeypatch.context() as patched:
            patched.setattr(rabbitmq, "_open_soon", counted)
            (error,) = synced(desk)  # with an order that is looked at twice
        assert len(opened) == 1
        assert "RabbitMQ at 127.0.0.1" in error
        assert "blocked" in error.lower()
    finally:
        control("set_vm_memory_high_watermark", "0.4")
    made_up_for(desk, server)


def test_hung_server_holds_a_sync_up_for_a_bounded_time(desk: Desk, node: Node) -> None:
    server, _ = node
    listen(server.url)
    server.signal(signal.SIGSTOP)
    try:
        (error,) = synced(desk)
        assert "took no notification (no answer within 10 s)" in error
    finally:
        server.signal(signal.SIGCONT)
    server.wait()
    made_up_for(desk, server)


def test_a_note_that_nobody_listens_for_is_sent_all_the_same(desk: Desk) -> None:
    """Documented: that nobody listens is no failure, and holds nothing back."""
    assert synced(desk) == ()
    assert desk.services.store.pending_messages(10) == []
