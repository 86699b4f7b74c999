"""Following messages through an interruption: a durable queue loses none, and none comes twice."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pika
from pydantic import SecretStr

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.bootstrap.wiring import SystemClock
from tradesync_dagster.domain.publications import OutboxMessage
from tradesync_dagster.publish.rabbitmq import RabbitPublisher, Received
from tradesync_dagster.settings import Settings
from tradesync_dagster.store.engine import migrate, open_engine
from tradesync_dagster.store.store import SqlStore


class Wire:
    """Carries bytes to a server until it is cut; what connects after that is carried again."""

    def __init__(self, host: str, port: int) -> None:
        self.to = (host, port)
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.ends: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self.listening.accept()
                far = socket.create_connection(self.to)
                self.ends += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while found := one.recv(65536):
                other.sendall(found)
        self.close(one, other)

    def cut(self) -> None:
        self.close(*self.ends)
        self.ends.clear()

    def close(self, *ends: socket.socket) -> None:
        for one in ends:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@contextmanager
def wired(url: str) -> Iterator[tuple[Wire, str]]:
    parts = urlsplit(url)
    wire = Wire(parts.hostname or "127.0.0.1", parts.port or 5672)
    user = parts.netloc.rpartition("@")[0]
    try:
        yield wire, parts._replace(netloc=f"{user}@127.0.0.1:{wire.port}").geturl()
    finally:
        wire.close(wire.listening)
        wire.cut()


def message(exchange: str, number: int) -> OutboxMessage:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    return OutboxMessage(str(number), 1, exchange, "account.a.order_placed", b"{}", at)


def test_a_follower_comes_back_and_misses_nothing(
    rabbitmq_url: str, rabbitmq_exchange: str, tmp_path: Path
) -> None:
    with wired(rabbitmq_url) as (wire, url):
        settings = Settings(home=tmp_path, rabbitmq_url=SecretStr(url), _env_file=None)
        engine = open_engine(settings.books_url)
        migrate(engine)
        services = Services(settings, SqlStore(engine, settings.cipher()), SystemClock())
        stop, ready, lost = threading.Event(), threading.Event(), threading.Event()
        got: list[Received] = []
        thread = threading.Thread(
            target=services.notifications().follow,
            args=(got.append,),
            kwargs={
                "stop": stop, "ready": ready, "queue": rabbitmq_exchange,
                "exchange": rabbitmq_exchange, "lost": lambda *_: lost.set(),
            },
        )  # fmt: skip
        thread.start()
        publisher = RabbitPublisher(rabbitmq_url)
        try:
            assert ready.wait(60)
            publisher.publish([message(rabbitmq_exchange, n) for n in range(3)])
            await_(got, 3)
            wire.cut()
            publisher.publish([message(rabbitmq_exchange, n) for n in range(1, 6)])
            await_(got, 6)
            assert lost.is_set()
        finally:
            stop.set()
            thread.join(60)
            with pika.BlockingConnection(pika.URLParameters(rabbitmq_url)) as connection:
                connection.channel().queue_delete(rabbitmq_exchange)
            engine.dispose()
        assert [one.message_id for one in got] == [str(n) for n in range(6)]


def await_(got: list[Received], count: int) -> None:
    for _ in range(600):
        if len(got) >= count:
            return
        threading.Event().wait(0.1)
    raise AssertionError(f"only {len(got)} of {count} came")
