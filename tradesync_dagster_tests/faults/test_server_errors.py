"""Servers that refuse: each says so in words, nothing is lost, and the next sync makes it whole.

PostgreSQL's refusals are its own: real waits for locks, ends of connections, and errors that a
trigger raises by their codes.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from pydantic import SecretStr
from sqlalchemy import event

from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.publish.redis_snapshots import ACCOUNTS_KEY, account_key
from tradesync_dagster_tests.support.desk import Desk, open_desk
from tradesync_dagster_tests.support.followed import check_ledger, check_snapshots
from tradesync_dagster_tests.support.servers import ask, dsn, own_redis, wait

USERS = ["SIM001", "SIM002", "SIM003"]
_LEASES = 0x7453
_FAILING = """\
CREATE SEQUENCE failures;
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF nextval('failures') <= {times} THEN
        RAISE EXCEPTION 'planted' USING ERRCODE = '{code}';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER failing BEFORE INSERT ON fills FOR EACH STATEMENT EXECUTE FUNCTION fail();
"""


on_postgres = pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    with open_desk(database_url, tmp_path) as opened:
        yield opened


def url_of(desk: Desk) -> str:
    url = desk.services.settings.database_url
    assert url is not None
    return url.get_secret_value()


def trade(desk: Desk) -> None:
    for user in USERS:
        desk.by_hand("BUY", 5, user_id=user)


def whole(desk: Desk) -> None:
    """Sync once more, and find everything as at the exchange."""
    desk.clock.move(timedelta(minutes=5))
    summary = desk.sync()
    assert (summary.status, summary.publish_errors) == ("success", ())
    assert check_ledger(desk, USERS) == 3


@on_postgres
@pytest.mark.parametrize("code", ["40001", "40P01", "55P03"])
def test_what_passes_is_tried_again_within_the_sync(desk: Desk, code: str) -> None:
    ask(url_of(desk), _FAILING.format(times=1, code=code))
    trade(desk)
    assert desk.sync().status == "success"
    assert int(ask(url_of(desk), "SELECT last_value FROM failures")) > 1
    assert check_ledger(desk, USERS) == 3


@on_postgres
@pytest.mark.parametrize("code", ["40001", "57P03"])
def test_what_passes_is_tried_again_within_the_monitors_cycle(desk: Desk, code: str) -> None:
    assert desk.one().status == "success"
    ask(url_of(desk), _FAILING.format(times=1, code=code))
    desk.by_hand("BUY", 5)
    cycle = desk.services.monitoring().cycle(["desk/SIM001"])
    assert (cycle.errors, cycle.changed) == ({}, ["desk/SIM001"])
    assert int(ask(url_of(desk), "SELECT last_value FROM failures")) > 1


@on_postgres
def test_what_does_not_pass_is_said_of_each_account(desk: Desk) -> None:
    ask(url_of(desk), _FAILING.format(times=1_000, code="40001"))
    trade(desk)
    summary = desk.sync()
    assert summary.status == "failed"
    assert all("the books are busy: planted" in r.errors[0] for r in summary.results)
    assert desk.services.orders("desk/SIM001") == []
    ask(url_of(desk), "DROP TRIGGER failing ON fills")
    whole(desk)


@on_postgres
def test_full_disk_of_postgres_is_said_with_what_to_do(desk: Desk) -> None:
    ask(url_of(desk), _FAILING.format(times=1_000, code="53100"))
    trade(desk)
    with pytest.raises(ConfigurationError, match="planted; make room where the database is"):
        desk.sync()
    ask(url_of(desk), "DROP TRIGGER failing ON fills")
    whole(desk)


@on_sqlite
def test_full_disk_of_sqlite_is_said_with_what_to_do(desk: Desk) -> None:
    engine = desk.services.store.engine

    def limit(connection: Any, _record: Any) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 1}")

    trade(desk)
    engine.dispose()
    event.listen(engine, "connect", limit)
    with pytest.raises(ConfigurationError, match="disk is full; make room where the database is"):
        desk.sync()
    event.remove(engine, "connect", limit)
    engine.dispose()
    whole(desk)


@on_postgres
def test_two_that_wait_for_one_another_end_with_the_sync_trying_again(desk: Desk) -> None:
    """PostgreSQL looks for a ring once a wait: so the sync's is the wait that closes it."""
    trade(desk)
    url = url_of(desk)
    with psycopg.connect(dsn(url)) as other, psycopg.connect(dsn(url)) as third:
        other.execute("SET deadlock_timeout = '10min'")  # so that the sync is who gives way
        other.execute("SELECT pg_advisory_xact_lock(%s, 3)", (_LEASES,))
        third.execute("SELECT pg_advisory_xact_lock(%s, 2)", (_LEASES,))

        def wait_for_the_sync() -> None:
            wait(lambda: _waiting(url) == 1, psycopg.Error)  # it has the first account's lease
            other.execute("SELECT pg_advisory_xact_lock(%s, 1)", (_LEASES,))
            other.rollback()

        def let_the_sync_go_on() -> None:
            wait(lambda: _waiting(url) == 2, psycopg.Error)
            third.rollback()

        with ThreadPoolExecutor() as pool:
            others = [pool.submit(wait_for_the_sync), pool.submit(let_the_sync_go_on)]
            summary = desk.sync()
            for one in others:
                one.result()
    assert summary.status == "success"
    assert check_ledger(desk, USERS) == 3


def _waiting(url: str) -> int:
    """Count the waits for leases."""
    return int(ask(url, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted "
                        "AND database = (SELECT oid FROM pg_database WHERE datname = "
                        "current_database())"))  # fmt: skip


@on_postgres
def test_an_account_that_stays_locked_stops_no_other(desk: Desk) -> None:
    ask(url_of(desk), "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET lock_timeout = "
                          "''2s''', current_database()); END $$")  # fmt: skip
    desk.services.store.engine.dispose()
    trade(desk)
    with psycopg.connect(dsn(url_of(desk))) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s, 2)", (_LEASES,))
        first, second, third = desk.sync().results
        other.rollback()
    assert (first.status, second.status, third.status) == ("success", "failed", "success")
    assert "the books are busy: canceling statement due to lock timeout" in second.errors[0]
    whole(desk)


@on_postgres
@pytest.mark.parametrize("place", ["INSERT INTO fills", "INSERT INTO outbox", "UPDATE outbox"])
def test_connection_that_breaks_in_the_middle_is_made_again(desk: Desk, place: str) -> None:
    engine, cut = desk.services.store.engine, []

    def break_off(_c: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith(place) and not cut:
            cut.append(statement)
            pid = cursor.connection.info.backend_pid
            ask(url_of(desk), f"SELECT pg_terminate_backend({pid}, 60000)")

    trade(desk)
    event.listen(engine, "before_cursor_execute", break_off)
    assert desk.sync().status == "success"
    assert len(cut) == 1
    assert check_ledger(desk, USERS) == 3


@contextmanager
def own(desk: Desk, *options: str) -> Iterator[tuple[Desk, redis.Redis]]:
    with own_redis(*options) as port, redis.Redis(port=port) as client:
        url = SecretStr(f"redis://127.0.0.1:{port}/0")
        yield desk.with_settings(redis_url=url), client


@pytest.mark.redis
@on_sqlite
def test_redis_out_of_memory_is_said_and_made_up_for(desk: Desk) -> None:
    with own(desk, "--maxmemory-policy", "noeviction") as (running, client):
        trade(running)
        client.config_set("maxmemory", 1)
        summary = running.sync()
        assert summary.status == "partial_success"
        assert "give it more memory" in summary.publish_errors[0]
        assert client.keys() == []
        client.config_set("maxmemory", 0)
        whole(running)
        check_snapshots(running, client)


@pytest.mark.redis
@on_sqlite
def test_redis_that_is_a_replica_is_said_and_made_up_for(desk: Desk) -> None:
    with (
        own_redis() as master,
        own(desk, "--replicaof", f"127.0.0.1 {master}") as (running, client),
    ):
        wait(lambda: client.info("replication")["master_link_status"] == "up", redis.RedisError)
        trade(running)
        summary = running.sync()
        assert "it is a replica: name the master's address" in summary.publish_errors[0]
        client.replicaof("NO", "ONE")
        whole(running)
        check_snapshots(running, client)


@pytest.mark.redis
@on_sqlite
@pytest.mark.parametrize("loss", ["flushed", "one evicted", "older", "names lost"])
def test_what_redis_lost_comes_back_though_nothing_changed(desk: Desk, loss: str) -> None:
    with own(desk) as (running, client):
        trade(running)
        assert running.sync().status == "success"
        if loss == "flushed":
            client.flushall()
        elif loss == "one evicted":
            client.delete(account_key("desk/SIM002"))
        elif loss == "older":  # as after a replica took over that had not everything
            client.hset(account_key("desk/SIM002"), mapping={"version": 1, "body": b"{}"})
        else:
            client.delete(ACCOUNTS_KEY)
        running.clock.move(timedelta(minutes=5))
        summary = running.sync()
        assert [result.changed for result in summary.results] == [frozenset()] * 3
        check_snapshots(running, client)


@pytest.mark.redis
@on_sqlite
def test_nothing_is_written_to_a_redis_that_has_everything(desk: Desk) -> None:
    with own(desk) as (running, client):
        trade(running)
        running.sync()
        running.sync()
        client.config_resetstat()
        running.sync()
        calls = client.info("commandstats")
        assert "cmdstat_hget" in calls
        assert not {"cmdstat_eval", "cmdstat_hset", "cmdstat_sadd"} & set(calls)
