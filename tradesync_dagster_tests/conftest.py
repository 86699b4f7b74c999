"""The servers that tests run against, and a plain word at the end on which were really used."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pika
import psycopg
import pytest
import redis
from hypothesis import HealthCheck, settings
from pika.exceptions import AMQPError
from sqlalchemy import make_url

from tradesync_dagster_tests.support.laid_books import lay
from tradesync_dagster_tests.support.ports import free_port
from tradesync_dagster_tests.support.servers import (
    MissingError,
    ask,
    own_postgres,
    own_rabbitmq,
    own_redis,
    wait,
)

_ENVIRONMENT = os.environ  # noqa: TID251
_USED: dict[str, str] = {}
_LEFT_OUT: dict[str, str] = {}
_CLAIM = "tradesync-tests:claimed"
_KINDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]

# How long an example takes says how busy the machine is, not whether the code is right.
_UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
# The same examples for the same code, so that a red run is the change's own; new ones on demand.
settings.register_profile("same", _UNHURRIED, derandomize=True)
settings.register_profile("new", _UNHURRIED)
settings.load_profile("new" if _ENVIRONMENT.get("TRADESYNC_NEW_EXAMPLES") else "same")


_LONGEST_FIRST = ("e2e", "soak", "faults", "property", "integration", "unit")
"""Rooms by how long their longest file takes: one that begins last is waited for alone."""


def pytest_configure(config: pytest.Config) -> None:
    """Let files begin as sorted below; else those with the most tests do, which are short ones."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    home = Path(__file__).parent
    items.sort(key=lambda item: _LONGEST_FIRST.index(item.path.relative_to(home).parts[0]))


def _absent(service: str, why: object) -> NoReturn:
    """Skip the test, or fail it where services are required."""
    first = (str(why).splitlines() or [type(why).__name__])[0]
    _LEFT_OUT[service] = first
    if _ENVIRONMENT.get("TRADESYNC_REQUIRE_SERVICES") == "1":
        pytest.fail(f"{service} is not there: {first}", pytrace=False)
    pytest.skip(f"{service} is not there: {first}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the process that collects the results what this one used."""
    told = getattr(session.config, "workeroutput", None)
    if told is not None:
        told["services"] = (_USED, _LEFT_OUT)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what a process of tests used; one that crashed tells nothing."""
    used, left_out = getattr(node, "workeroutput", {}).get("services", ({}, {}))
    _USED.update(used)
    _LEFT_OUT.update(left_out)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.section("services")
    for service in ("PostgreSQL", "Redis", "Redis Cluster", "RabbitMQ"):
        if service in _USED:
            line = f"used: {_USED[service]}"
        elif service in _LEFT_OUT:
            line = f"LEFT OUT, its tests were skipped: {_LEFT_OUT[service]}"
        else:
            line = "no selected test asked for it"
        terminalreporter.line(f"{service}: {line}")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The server's own database, to create others from.

    A server of this process's own waits for no disk and for no other tests: creating and dropping
    a database makes all that share a server wait. Where none is installed, one that runs is used.
    """
    named = _ENVIRONMENT.get("TRADESYNC_TEST_POSTGRES_URL")
    with ExitStack() as stack:
        try:
            try:
                url = named or stack.enter_context(own_postgres())
            except MissingError:
                url = "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"
            version = ask(url, "SHOW server_version")
        except psycopg.Error as error:
            _absent("PostgreSQL", error)
        address = make_url(url)
        _USED["PostgreSQL"] = f"{version} at {address.host}:{address.port}"
        yield url


@contextmanager
def _fresh_database(server: str, template: str = "template0") -> Iterator[str]:
    name = f"tradesync_test_{uuid.uuid4().hex[:12]}"
    ask(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        ask(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres_url(postgres_server: str) -> Iterator[str]:
    """An empty PostgreSQL database for the whole session."""
    with _fresh_database(postgres_server) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_books(postgres_server: str) -> Iterator[str]:
    """The name of a PostgreSQL database with migrated books, to be copied."""
    with _fresh_database(postgres_server) as url:
        lay(url).dispose()
        yield str(make_url(url).database)


@pytest.fixture(params=_KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database for one test's books, of each kind in turn; ``lay`` opens it."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/books.sqlite3"
        return
    server, books = map(request.getfixturevalue, ("postgres_server", "postgres_books"))
    with _fresh_database(server, books) as url:
        yield url


@pytest.fixture(params=_KINDS)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database in which nothing is, of each kind in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/books.sqlite3"
        return
    with _fresh_database(request.getfixturevalue("postgres_server")) as url:
        yield url


def _empty(client: redis.Redis) -> None:
    """Empty the database, keeping the claim on it."""
    with client.pipeline(transaction=True) as both:
        both.flushdb()
        both.set(_CLAIM, os.getpid(), ex=3600)
        both.execute()


def _claimed(address: str) -> str:
    """Take database 15, or an empty one below it while another run of the tests holds that."""
    for number in range(15, 7, -1):
        url = f"{address}/{number}"
        with redis.Redis.from_url(url) as client:
            if not client.set(_CLAIM, os.getpid(), nx=True, ex=3600):
                continue
            if number == 15 or client.dbsize() == 1:
                _empty(client)
                return url
            client.delete(_CLAIM)
    raise MissingError("databases 8 to 15 are all in use")


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Redis database that is this session's own."""
    named = _ENVIRONMENT.get("TRADESYNC_TEST_REDIS_URL")
    with ExitStack() as stack:
        try:
            try:
                url = named or _claimed("redis://127.0.0.1:6379")
            except (redis.RedisError, MissingError):
                url = f"redis://127.0.0.1:{stack.enter_context(own_redis())}/15"
            client = stack.enter_context(redis.Redis.from_url(url))
            _empty(client)
            version = client.info("server")["redis_version"]
        except (redis.RedisError, OSError, MissingError) as error:
            _absent("Redis", error)
        _USED["Redis"] = f"{version} at {url.rpartition('@')[2].removeprefix('redis://')}"
        yield url
        client.flushdb()


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    """The session's Redis database, emptied."""
    with redis.Redis.from_url(redis_url) as client:
        _empty(client)
        yield client


def _whole(node: redis.Redis) -> bool:
    execute: Any = node.execute_command
    return bool(execute("CLUSTER INFO")["cluster_state"] == "ok")


@pytest.fixture(scope="session")
def redis_cluster_hosts() -> Iterator[str]:
    """Two masters of a Redis Cluster, started for the session: ``HOST:PORT,HOST:PORT``."""
    with ExitStack() as stack:
        try:
            ports = [
                stack.enter_context(
                    own_redis("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
                )
                for _ in range(2)
            ]
        except (OSError, MissingError) as error:
            _absent("Redis Cluster", error)
        first, second = (stack.enter_context(redis.Redis(port=port)) for port in ports)
        bus = second.config_get("cluster-port")["cluster-port"]
        first.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 8191)
        second.execute_command("CLUSTER", "ADDSLOTSRANGE", 8192, 16383)
        first.execute_command("CLUSTER", "MEET", "127.0.0.1", ports[1], bus)
        wait(lambda: _whole(first) and _whole(second), redis.RedisError)
        _USED["Redis Cluster"] = "two masters started from redis-server"
        yield ",".join(f"127.0.0.1:{port}" for port in ports)


@pytest.fixture(scope="session")
def rabbitmq_url() -> Iterator[str]:
    """A RabbitMQ server; give everything on it a name of your own."""
    named = _ENVIRONMENT.get("TRADESYNC_TEST_RABBITMQ_URL")
    url = named or "amqp://guest:guest@127.0.0.1:5672/"
    with ExitStack() as stack:
        try:
            try:
                version = _rabbitmq_version(url)
            except AMQPError:
                if named:
                    raise
                url = stack.enter_context(own_rabbitmq())
                version = _rabbitmq_version(url)
        except (AMQPError, OSError, ValueError, MissingError) as error:
            _absent("RabbitMQ", str(error) or f"{type(error).__name__} at its address")
        parameters = pika.URLParameters(url)
        _USED["RabbitMQ"] = f"{version} at {parameters.host}:{parameters.port}"
        yield url


def _rabbitmq_version(url: str) -> str:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        return str(connection._impl.server_properties["version"])  # type: ignore[attr-defined]


@pytest.fixture
def rabbitmq_exchange(rabbitmq_url: str) -> Iterator[str]:
    """A name for an exchange of one test; what it becomes is deleted afterwards."""
    name = f"tradesync-test-{uuid.uuid4().hex[:12]}"
    yield name
    with pika.BlockingConnection(pika.URLParameters(rabbitmq_url)) as connection:
        connection.channel().exchange_delete(name)


@pytest.fixture
def curl() -> str:
    """The program with which front ends' manuals ask."""
    found = shutil.which("curl")
    return found or _absent("curl", "not installed")
