"""Servers killed in the middle of syncs and started again: nothing acknowledged is lost.

A day is synced tick by tick; one server is killed at a statement, a write or a publish in its
middle. How long it took to recover is printed.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from pika.adapters.blocking_connection import BlockingChannel
from pydantic import SecretStr
from redis.cluster import ClusterNode, RedisCluster
from sqlalchemy import event

from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.publish.redis_snapshots import RedisSnapshots, account_key
from tradesync_dagster_tests.support.desk import Desk, open_desk
from tradesync_dagster_tests.support.followed import (
    check_ledger,
    check_messages,
    check_snapshots,
    listen,
    received,
)
from tradesync_dagster_tests.support.killed_servers import (
    Server,
    postgres_server,
    rabbitmq_server,
    redis_cluster,
    redis_server,
)

USERS = ["SIM001", "SIM002", "SIM003"]
DOWN_SECONDS = 1.5


class Killer:
    """Kills a server at the n-th passing of a place, and starts it again a little later."""

    def __init__(self, server: Server, at: int, *, restart: bool = True) -> None:
        self.server, self.at, self.restart = server, at, restart
        self.passed, self.killed = 0, 0.0
        self.thread: threading.Thread | None = None

    def passing(self, *_: Any) -> None:
        self.passed += 1
        if self.passed == self.at:
            self.killed = time.monotonic()
            self.server.kill()
            if self.restart:
                self.thread = threading.Thread(target=self._again)
                self.thread.start()

    def _again(self) -> None:
        time.sleep(DOWN_SECONDS)
        self.server.start()

    def join(self) -> None:
        assert self.killed, f"{self.passed} passed, and nothing was killed"
        if self.thread is not None:
            self.thread.join()


def tick(desk: Desk, number: int) -> tuple[str, ...]:
    """Trade, and sync five minutes later; return what the sync could not do."""
    for user in USERS:
        desk.by_hand("SELL" if number % 3 == 2 else "BUY", 2 + number, user_id=user)
    desk.clock.move(timedelta(minutes=5))
    try:
        summary = desk.sync()
    except ConfigurationError as error:
        return (str(error),)
    return (*summary.publish_errors, *(text for r in summary.results for text in r.errors))


def day(desk: Desk, killer: Killer) -> None:
    """Sync until the killed server is back and a tick went well; say how long that took."""
    said: list[str] = []
    for number in range(4):
        said += tick(desk, number)
    killer.join()
    began = time.monotonic()
    ticks = 1
    while errors := tick(desk, 4):
        said += errors
        ticks += 1
        assert time.monotonic() - began < 300, errors
    recovered = time.monotonic() - killer.killed
    assert all("127.0.0.1" in text or "the books cannot be" in text for text in said)
    sys.stdout.write(f"well again {recovered:.1f} s after the kill, by tick {ticks} of its return; "
                     f"said meanwhile: {said}\n")  # fmt: skip


@contextmanager
def patched(owner: Any, name: str, before: Callable[..., None]) -> Iterator[None]:
    original = getattr(owner, name)

    def call(*given: Any, **named: Any) -> Any:
        before(*given)
        return original(*given, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, call)
        yield


@pytest.mark.postgres
@pytest.mark.parametrize("statement", ["INSERT INTO fills", "commit", "UPDATE outbox"])
def test_postgres_killed_in_the_middle(statement: str, tmp_path: Path) -> None:
    with postgres_server() as server, open_desk(server.url, tmp_path) as desk:
        engine = desk.services.store.engine
        killer = Killer(server, at=3)
        if statement == "commit":
            event.listen(engine, "commit", killer.passing)
        else:

            def watch(_c: Any, _cursor: Any, text: str, *_: Any) -> None:
                if text.startswith(statement):
                    killer.passing()

            event.listen(engine, "before_cursor_execute", watch)
        day(desk, killer)
        assert check_ledger(desk, USERS) >= 15
        assert desk.services.store.pending_messages(10) == []


@pytest.mark.rabbitmq
def test_rabbitmq_killed_in_the_middle(database_url: str, tmp_path: Path) -> None:
    with rabbitmq_server() as (server, _), open_desk(database_url, tmp_path) as opened:
        listen(server.url)
        desk = opened.with_settings(rabbitmq_url=SecretStr(server.url))
        killer = Killer(server, at=8)
        with patched(BlockingChannel, "basic_publish", killer.passing):
            day(desk, killer)
        assert check_messages(desk, received(server.url)) >= 30


@pytest.mark.redis
def test_master_of_a_redis_cluster_killed_in_the_middle(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/books.sqlite3"
    with redis_cluster() as servers, open_desk(database, tmp_path) as opened:
        hosts = ",".join(server.url for server in servers)
        desk = opened.with_settings(environment="production", redis_cluster_hosts=hosts)
        ports = [int(server.url.rpartition(":")[2]) for server in servers]
        nodes: Any = [ClusterNode("127.0.0.1", port) for port in ports]
        before = RedisCluster(startup_nodes=nodes)
        owner = before.get_node_from_key(account_key("desk/SIM001"))
        assert owner is not None
        before.close()
        killer = Killer(servers[ports.index(int(owner.port))], at=5, restart=False)
        with patched(RedisSnapshots, "_deliver", killer.passing):
            day(desk, killer)
        assert check_ledger(desk, USERS) >= 15
        with RedisCluster(startup_nodes=[n for n in nodes if n.port != owner.port]) as client:
            check_snapshots(desk, client)
            assert client.get_node_from_key(account_key("desk/SIM001")).port != owner.port


@pytest.mark.redis
def test_single_redis_killed_in_the_middle_comes_back_empty_and_is_filled(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/books.sqlite3"
    with redis_server() as server, open_desk(database, tmp_path) as opened:
        desk = opened.with_settings(redis_url=SecretStr(f"redis://{server.url}/0"))
        killer = Killer(server, at=5)
        with patched(RedisSnapshots, "_deliver", killer.passing):
            day(desk, killer)
        with redis.Redis(port=int(server.url.rpartition(":")[2])) as client:
            check_snapshots(desk, client)
