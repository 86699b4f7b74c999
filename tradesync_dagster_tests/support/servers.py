"""Servers that the tests start from installed binaries, where none answers.

What belongs here: starting and ending them, each in a directory and on ports of its own. What does
not: choosing which servers tests use (``conftest``).
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pika
import psycopg
import redis
from pika.exceptions import AMQPError
from sqlalchemy import make_url

from tradesync_dagster_tests.support.ports import free_port


class MissingError(Exception):
    """A service is not there; says why."""


def wait(answer: Callable[[], object], passing: type[Exception], seconds: int = 600) -> None:
    """Wait until a server that was started answers: on a busy machine RabbitMQ takes minutes."""
    for _ in range(10 * seconds):
        with suppress(passing):
            if answer():
                return
        time.sleep(0.1)
    raise MissingError("the server that was started does not answer")


def end(process: "subprocess.Popen[bytes]", number: signal.Signals = signal.SIGTERM) -> None:
    """End a server that leads its own session; by force where a busy machine makes it take long."""
    for each in (number, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, each)
        with suppress(subprocess.TimeoutExpired):
            process.wait(60)


def binary(*names: str) -> str:
    for name in names:
        found = shutil.which(name)
        if found:
            return found
    raise MissingError(f"no server answers and {names[0]} is not installed")


def dsn(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def ask(url: str, statement: str) -> str:
    with psycopg.connect(dsn(url), autocommit=True, connect_timeout=20) as connection:
        cursor = connection.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
        return str(row[0]) if row else ""


@contextmanager
def own_postgres(*options: str) -> Iterator[str]:
    """Start an installed PostgreSQL in a directory of its own; it does not run as root."""
    initdb, server = binary("initdb"), binary("postgres")
    user = None if os.getuid() else "postgres"
    home = Path(tempfile.mkdtemp(prefix="tradesync-pg-"))
    port = free_port()
    try:
        if user:
            shutil.chown(home, user)
        made = subprocess.run(
            [initdb, "-D", home / "data", "-A", "trust", "-U", "postgres", "--no-sync"],
            user=user,
            cwd=home,
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise MissingError(f"initdb: {made.stderr.strip()}")
        where = ["-D", home / "data", "-p", str(port), "-h", "127.0.0.1", "-k", home, "-F"]
        process = subprocess.Popen(
            [server, *where, *options],
            user=user,
            cwd=home,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            url = f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"
            wait(lambda: ask(url, "SELECT 1"), psycopg.Error)
            yield url
        finally:
            end(process, signal.SIGINT)
    except (OSError, LookupError) as error:
        raise MissingError(f"PostgreSQL could not be started: {error}") from error
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _answers_redis(port: int) -> object:
    with redis.Redis(port=port) as client:
        return client.ping()


@contextmanager
def own_redis(*options: str, answers: Callable[[int], object] = _answers_redis) -> Iterator[int]:
    """Start an installed Redis; one that speaks TLS alone is asked in a way of the test's own."""
    server = binary("redis-server")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="tradesync-redis-") as home:
        process = subprocess.Popen(
            [
                server,
                "--port",
                str(port),
                "--bind",
                "127.0.0.1",
                "--dir",
                home,
                "--save",
                "",
                *options,
            ],
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            wait(lambda: answers(port), redis.ConnectionError)
            yield port
        finally:
            end(process)


@contextmanager
def own_rabbitmq(
    config: str = "", *, url: str = "amqp://guest:guest@127.0.0.1:{port}/"
) -> Iterator[str]:
    """Start an installed RabbitMQ with a name, ports and a port mapper of its own.

    Debian's command changes to another user, who cannot write here; the script behind it does not.
    """
    behind = "/usr/lib/rabbitmq/bin/rabbitmq-server"
    server = behind if os.access(behind, os.X_OK) else binary("rabbitmq-server")
    port, mapper = free_port(), str(free_port())
    with tempfile.TemporaryDirectory(
        prefix="tradesync-rabbitmq-", ignore_cleanup_errors=True
    ) as home:
        own = {
            "HOME": home,
            "ERL_EPMD_PORT": mapper,
            "RABBITMQ_NODENAME": f"tradesync-{port}@localhost",
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": f"{home}/mnesia",
            "RABBITMQ_LOG_BASE": f"{home}/log",
            "RABBITMQ_PID_FILE": f"{home}/pid",
            "RABBITMQ_CONFIG_FILE": f"{home}/own.conf",
            "RABBITMQ_CONF_ENV_FILE": f"{home}/none.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{home}/plugins",
        }
        Path(f"{home}/own.conf").write_text(config)
        environment = {**os.environ, **own}  # noqa: TID251
        process = subprocess.Popen(
            [server],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        where = url.format(port=port)
        try:
            wait(lambda: _answers(where), AMQPError)
            yield where
        finally:
            end(process)
            subprocess.run(
                [binary("epmd"), "-port", mapper, "-kill"], check=False, capture_output=True
            )


def _answers(url: str) -> bool:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        return bool(connection.is_open)
