"""Syncs to be killed: what was there before, put back for each point, and what is there after.

What belongs here: the days that are played, the copies of stores and servers. What does not: where
a process is killed (``crash_points``), what must be true after (``crash_faults``).
"""

import shutil
import socket
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pika
import redis
from aiohttp import web
from pydantic import SecretStr
from sqlalchemy import make_url, select

from tradesync_dagster.brokers.exchange.server import ExchangeConfig, create_app
from tradesync_dagster.publish.redis_snapshots import ACCOUNTS_KEY, account_key
from tradesync_dagster.settings import Settings
from tradesync_dagster.store import tables
from tradesync_dagster.store.engine import open_engine
from tradesync_dagster_tests.support.desk import OPENING, Desk, open_desk
from tradesync_dagster_tests.support.servers import ask as ask_postgres

_CLOSED = 9
_DIFFER_BY_NATURE = frozenset({
    "at", "beat_at", "began_at", "changes", "created_at", "decided_at", "first_seen_at",
    "generated_at", "good_until", "last_seen_at", "last_status_check", "outbox_id", "priced_at",
    "requested_at", "seen_count", "sent_at", "settled",
})  # fmt: skip
"""When we looked, and how often: a look that was killed is one less, and another comes later.

``settled`` is set by the second look that brought the same. Nothing else is left out.
"""
_ABOUT_TICKS = frozenset({"looks", "outbox", "quiet_looks", "sync_results", "ticks"})
"""Tables of what each tick did; ``crash_faults`` has rules of their own for them."""


@dataclass(frozen=True)
class Servers:
    """Where everything is; Redis and RabbitMQ are emptied at will.

    Attributes:
        postgres: URL of a database to create others from; empty for SQLite.
        redis: A server of this run's own.
    """

    home: Path
    postgres: str
    redis: str
    rabbitmq: str


@dataclass
class Found:
    """What is there after the last sync."""

    books: dict[str, list[str]]
    outbox: list[dict[str, Any]]
    looks: dict[tuple[str, int], int]
    redis: dict[str, tuple[int, bytes]]
    members: set[str]
    stored: dict[str, tuple[int, bytes]]
    received: list[tuple[str, bytes]] = field(default_factory=list)


@dataclass
class Scene:
    """A sync that is about to begin, as often as wanted.

    Attributes:
        url: Where its exchange answers.
        moment: When it begins.
        known: Messages that had left before.
    """

    servers: Servers
    database_url: str
    url: str
    moment: datetime
    exchange: web.Application
    listener: socket.socket
    client: redis.Redis
    kept: dict[bytes, bytes]
    known: set[str]

    @property
    def settings(self) -> Settings:
        return Settings(
            home=self.servers.home, database_url=self.database_url, confirm_seconds=30,
            minimum_age_seconds=60, broker_api_retry_attempts=0, _env_file=None,
            redis_url=SecretStr(self.servers.redis), rabbitmq_url=SecretStr(self.servers.rabbitmq),
        )  # fmt: skip

    def restore(self, channel: Any, queue: str) -> None:
        """Put everything back to before the sync."""
        _copy(self.servers, f"{self.database_url}_kept", self.database_url)
        self.client.flushdb()
        for key, value in self.kept.items():
            self.client.restore(key, 0, value)
        channel.queue_purge(queue)

    def serve(self) -> None:
        """Be the exchange as it stood; only in a process of its own, which then is killed."""
        web.run_app(
            self.exchange, sock=self.listener, print=None, access_log=None, handle_signals=False
        )

    def look(self, channel: Any, queue: str) -> Found:
        """Read what all servers hold."""
        found = _read(self.database_url)
        keys = list(found.stored)
        for key in keys:
            version, body = self.client.hmget(account_key(key), "version", "body")
            found.redis[key] = (int(version or 0), body or b"")
        found.members = {key.decode() for key in self.client.smembers(ACCOUNTS_KEY)}
        while True:
            method, properties, body = channel.basic_get(queue, auto_ack=True)
            if method is None:
                return found
            found.received.append((properties.message_id, body))


def _name(url: str) -> str:
    return str(make_url(url).database)


def _copy(servers: Servers, source: str, target: str) -> None:
    if servers.postgres:
        ask_postgres(servers.postgres, f"DROP DATABASE IF EXISTS {_name(target)} WITH (FORCE)")
        ask_postgres(servers.postgres, f"CREATE DATABASE {_name(target)} TEMPLATE {_name(source)}")
        return
    for suffix in ("-wal", "-shm"):
        Path(_name(target) + suffix).unlink(missing_ok=True)
    shutil.copyfile(_name(source), _name(target))


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _lasting(v) for k, v in sorted(value.items()) if k not in _DIFFER_BY_NATURE}
    return value


def _read(database_url: str) -> Found:
    engine = open_engine(database_url)
    with engine.connect() as connection:
        rows = {
            name: [dict(row) for row in connection.execute(select(table)).mappings()]
            for name, table in tables.metadata.tables.items()
        }
    engine.dispose()
    keys = {
        row["account_id"]: f"{row['organization_id']}/{row['pseudo_account']}"
        for row in rows["accounts"]
    }
    looks: dict[tuple[str, int], int] = defaultdict(int)
    for row in rows["looks"]:
        looks[row["tick_id"], row["account_id"]] += 1
    for row in rows["quiet_looks"]:
        for account_id in row["answers"]:
            looks[row["tick_id"], int(account_id)] += 1
    return Found(
        books={
            name: sorted(repr(_lasting(row)) for row in of_table)
            for name, of_table in rows.items()
            if name not in _ABOUT_TICKS
        },
        outbox=sorted(rows["outbox"], key=lambda row: int(row["outbox_id"])),
        looks=dict(looks),
        redis={},
        members=set(),
        stored={keys[r["account_id"]]: (r["version"], r["body"]) for r in rows["snapshots"]},
    )


def _full_day(desk: Desk, _servers: Servers) -> None:
    desk.step(40)
    desk.clock.move(timedelta(minutes=5))
    desk.by_hand("BUY", 10)


def _changed_day(desk: Desk, servers: Servers) -> None:
    desk.step(10)
    _reachable(desk, servers).sync()
    desk.clock.move(timedelta(minutes=5))
    desk.step(6)
    desk.by_hand("SELL", 4)
    desk.by_hand("BUY", 12, user_id="SIM002")


def _backlog(desk: Desk, _servers: Servers) -> None:
    away = desk.with_settings(
        redis_url=SecretStr(f"redis://127.0.0.1:{_CLOSED}/0"),
        rabbitmq_url=SecretStr(f"amqp://guest:guest@127.0.0.1:{_CLOSED}/"),
    )
    for _ in range(3):
        desk.step(4)
        desk.by_hand("BUY", 3)
        away.sync()
        desk.clock.move(timedelta(minutes=5))


def _reachable(desk: Desk, servers: Servers) -> Desk:
    return desk.with_settings(redis_url=SecretStr(servers.redis))


_DAYS = {"full day": _full_day, "changed day": _changed_day, "backlog": _backlog}
SCENES = tuple(_DAYS)


@contextmanager
def staged(name: str, servers: Servers, number: int) -> Iterator[Scene]:
    """Play a day up to the sync that is to be killed, and keep copies of everything."""
    if servers.postgres:
        ask_postgres(servers.postgres, f"CREATE DATABASE crash{number} TEMPLATE template0")
        url = make_url(servers.postgres).set(database=f"crash{number}")
        database_url = url.render_as_string(hide_password=False)
    else:
        database_url = f"sqlite:///{servers.home}/crash{number}.sqlite3"
    client = redis.Redis.from_url(servers.redis)
    client.flushdb()
    config: dict[str, Any] = {"accounts": 3, "people_rate": 0.7, "seed": 11}
    config |= {"journal": servers.home / f"exchange{number}"}
    with open_desk(database_url, servers.home, **config) as desk, client:
        _DAYS[name](desk, servers)
        url, moment = desk.url, desk.clock.moment
    _copy(servers, database_url, f"{database_url}_kept")
    kept = {key: client.dump(key) for key in client.scan_iter()}
    known = {row["message_id"] for row in _read(database_url).outbox if row["sent_at"]}
    with socket.create_server(("127.0.0.1", int(url.rpartition(":")[2]))) as listener:
        app = create_app(ExchangeConfig(start_at=OPENING, **config))
        yield Scene(servers, database_url, url, moment, app, listener, client, kept, known)


@contextmanager
def listening(rabbitmq: str, exchange: str) -> Iterator[tuple[Any, str]]:
    """Follow the exchange of these tests by a queue that ends with them."""
    parameters = pika.URLParameters(rabbitmq)
    parameters.heartbeat = 0
    with pika.BlockingConnection(parameters) as connection:
        channel = connection.channel()
        channel.exchange_declare(exchange, "topic", durable=True)
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(queue, exchange, "#")
        yield channel, queue
        channel.exchange_delete(exchange)
