"""Servers that are killed, hung and started again where they were: same port, same disk.

What belongs here: their processes. What does not: servers that just run (``servers``).
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pika
import psycopg
import redis
from pika.exceptions import AMQPError

from tradesync_dagster_tests.support.ports import free_port
from tradesync_dagster_tests.support.servers import MissingError, ask, binary, wait

_RABBITMQ = Path("/usr/lib/rabbitmq/bin")
"""Debian's commands change to another user, who cannot write here; the scripts behind do not."""


@dataclass
class Server:
    """One server's processes: a group of their own.

    Attributes:
        url: Where it answers; stays the same.
        answers: Whether it does, or an error of ``passing``.
    """

    command: Sequence[str | Path]
    url: str
    answers: Callable[[], object]
    passing: type[Exception]
    user: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None

    def start(self, *, until_it_answers: bool = True) -> None:
        self.process = subprocess.Popen(
            self.command,
            user=self.user,
            env={**os.environ, **self.environment},  # noqa: TID251
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        if until_it_answers:
            self.wait()

    def wait(self) -> None:
        wait(self.answers, self.passing)

    def signal(self, number: signal.Signals) -> None:
        """Tell all of its processes, whatever their names."""
        assert self.process is not None
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        assert self.process is not None
        self.process.wait(60)


@contextmanager
def running(server: Server) -> Iterator[Server]:
    try:
        server.start()
        yield server
    finally:
        if server.process is not None:
            server.kill()


@contextmanager
def postgres_server() -> Iterator[Server]:
    """A PostgreSQL that waits for its disk, as a desk's does."""
    user = None if os.getuid() else "postgres"
    home = Path(tempfile.mkdtemp(prefix="tradesync-pg-"))
    port = free_port()
    try:
        if user:
            shutil.chown(home, user)
        subprocess.run(
            [binary("initdb"), "-D", home / "data", "-A", "trust", "-U", "postgres", "--no-sync"],
            user=user, cwd=home, capture_output=True, check=True,
        )  # fmt: skip
        url = f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"
        command = [binary("postgres"), "-D", home / "data", "-p", str(port), "-h", "127.0.0.1",
                   "-k", home]  # fmt: skip
        with running(Server(command, url, lambda: ask(url, "SELECT 1"), psycopg.Error, user)) as up:
            yield up
    except (OSError, LookupError, subprocess.CalledProcessError) as error:
        raise MissingError(f"PostgreSQL could not be started: {error}") from error
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def rabbitmq_server() -> Iterator[tuple[Server, Callable[..., str]]]:
    """A RabbitMQ with a name, ports and a port mapper of its own, and its ``rabbitmqctl``."""
    port, mapper = free_port(), str(free_port())
    home = Path(tempfile.mkdtemp(prefix="tradesync-rabbitmq-"))
    environment = {
        "HOME": str(home),
        "ERL_EPMD_PORT": mapper,
        "RABBITMQ_NODENAME": f"tradesync-{port}@localhost",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": f"{home}/mnesia",
        "RABBITMQ_LOG_BASE": f"{home}/log",
        "RABBITMQ_PID_FILE": f"{home}/pid",
        "RABBITMQ_CONFIG_FILE": f"{home}/none",
        "RABBITMQ_CONF_ENV_FILE": f"{home}/none.conf",
        "RABBITMQ_ENABLED_PLUGINS_FILE": f"{home}/plugins",
    }
    url = f"amqp://guest:guest@127.0.0.1:{port}/"

    def answers() -> bool:
        with pika.BlockingConnection(pika.URLParameters(url)) as connection:
            return bool(connection.is_open)

    def control(*words: str) -> str:
        done = subprocess.run(
            [_script("rabbitmqctl"), *words],
            env={**os.environ, **environment},  # noqa: TID251
            capture_output=True, text=True, check=True, timeout=120,
        )  # fmt: skip
        return done.stdout

    server = Server([_script("rabbitmq-server")], url, answers, AMQPError, None, environment)
    try:
        with running(server) as up:
            yield up, control
    finally:
        subprocess.run([binary("epmd"), "-port", mapper, "-kill"], check=False, capture_output=True)
        shutil.rmtree(home, ignore_errors=True)


def _script(name: str) -> str:
    behind = _RABBITMQ / name
    return str(behind) if os.access(behind, os.X_OK) else binary(name)


@contextmanager
def redis_cluster() -> Iterator[list[Server]]:
    """Three masters and three replicas, the masters first."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tradesync-redis-")))
        servers = [
            stack.enter_context(
                running(
                    _node(home, "--cluster-enabled", "yes", "--cluster-port", str(free_port()),
                          "--cluster-node-timeout", "5000")
                )
            )
            for _ in range(6)
        ]  # fmt: skip
        ports = [_port(one) for one in servers]
        clients = [stack.enter_context(redis.Redis(port=port)) for port in ports]
        buses = [client.config_get("cluster-port")["cluster-port"] for client in clients]
        for number, client in enumerate(clients[:3]):
            first, last = number * 5462, min(16383, number * 5462 + 5461)
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
        for port, bus in zip(ports[1:], buses[1:], strict=True):
            clients[0].execute_command("CLUSTER", "MEET", "127.0.0.1", port, bus)
        wait(lambda: all(_info(client, "cluster_known_nodes") == "6" for client in clients),
             redis.RedisError)  # fmt: skip
        for master, replica in zip(clients[:3], clients[3:], strict=True):
            master_id = _text(master.execute_command("CLUSTER", "MYID"))
            wait(lambda r=replica, m=master_id: r.execute_command("CLUSTER", "REPLICATE", m),  # type: ignore[misc]
                 redis.RedisError)  # fmt: skip
        wait(lambda: all(_info(c, "cluster_state") == "ok" for c in clients), redis.RedisError)
        wait(lambda: all(c.info("replication")["master_link_status"] == "up" for c in clients[3:]),
             redis.RedisError)  # fmt: skip
        yield servers


@contextmanager
def redis_server() -> Iterator[Server]:
    """A Redis that keeps nothing on disk."""
    with (
        tempfile.TemporaryDirectory(prefix="tradesync-redis-") as home,
        running(_node(Path(home))) as server,
    ):
        yield server


def _node(home: Path, *options: str) -> Server:
    port = free_port()
    room = home / str(port)
    room.mkdir()
    command = [
        binary("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(room),
        "--save", "", *options,
    ]  # fmt: skip
    client = redis.Redis(port=port)
    return Server(command, f"127.0.0.1:{port}", client.ping, redis.RedisError)


def _port(server: Server) -> int:
    return int(server.url.rpartition(":")[2])


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _info(client: redis.Redis, name: str) -> str:
    found: Any = client.execute_command("CLUSTER", "INFO")
    if isinstance(found, dict):
        return str(found.get(name))
    return next(
        line.partition(":")[2].strip()
        for line in _text(found).splitlines()
        if line.startswith(name + ":")
    )
