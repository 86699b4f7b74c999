"""Ticks over 10, 100 and 1,000 accounts of some 50 orders each, as Dagster runs them, by part.

The simulated exchange answers after 100 ms, from a process of its own. The books and Dagster's
history are in PostgreSQL where one answers, snapshots go to Redis and messages to RabbitMQ where
they do; else SQLite and the store itself are all there is, which the figures say. Measured are the
tick after which nothing changed, and the one in which every twentieth account has a new order.
The parts are those that each tick keeps of itself: "apply" is detection, "books" FIFO, "repeat"
the accounts that said nothing new, "publish" Redis and messages. "Dagster" is the wall time of the
run without the sync: its own events and queries; the start of the run's process comes on top, is
the same for every run, and is measured alone. Rows are orders in the books looked at. Side by side:
one run an account, and one task an account in as many worker processes as there are cores, as
Celery would do it, without Celery's own cost. Both are measured for a few accounts and multiplied,
which flatters them: a history would grow as well.
"""

import argparse
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import pika
import psycopg
import redis
from sqlalchemy import make_url

from benchmarks.sync import _ask
from tradesync_dagster.bootstrap import Services, open_services
from tradesync_dagster.brokers.exchange.server import ExchangeConfig, running_exchange
from tradesync_dagster.definitions import build_definitions
from tradesync_dagster.defs.jobs import config_for
from tradesync_dagster.defs.partitions import ACCOUNTS
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.settings import Settings
from tradesync_dagster.store.engine import migrate, open_engine

POSTGRES = "postgresql://postgres@127.0.0.1:5432/postgres"
REDIS = "redis://127.0.0.1:6379/7"
RABBITMQ = "amqp://guest:guest@127.0.0.1:5672/"
ALONE = 5
"""How many accounts are synced in runs of their own."""
TASKS = 40
"""Most accounts that are synced in tasks of their own."""
_MEGABYTE = 1024
"""In the kernel's unit of memory, KiB."""


@contextmanager
def _databases() -> Iterator[tuple[str, str] | None]:
    """Make a database for the books and one for Dagster; ``None`` where no server answers."""
    names = [f"tradesync_bench_{uuid.uuid4().hex[:8]}" for _ in range(2)]
    try:
        server = psycopg.connect(POSTGRES, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError:
        yield None
        return
    with server:
        for name in names:
            server.execute(f"CREATE DATABASE {name}".encode())
        try:
            yield names[0], names[1]
        finally:
            for name in names:
                server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def _instance(home: Path, database: str | None) -> dg.DagsterInstance:
    text = "telemetry: {enabled: false}\n"
    if database is not None:
        url = make_url(POSTGRES)
        text += (
            "storage: {postgres: {postgres_db: {scheme: postgresql+psycopg2, username: "
            f"{url.username}, password: none, hostname: {url.host}, port: {url.port}, "
            f"db_name: {database}}}}}}}\n"
        )
    (home / "dagster.yaml").write_text(text)
    return dg.DagsterInstance.from_config(str(home))


def _there(check: Any) -> bool:
    try:
        check()
    except (redis.RedisError, pika.exceptions.AMQPError, OSError):
        return False
    return True


def _services(home: Path, database: str | None, url: str, rabbitmq: str) -> Services:
    has_redis = _there(redis.Redis.from_url(REDIS).ping)
    has_rabbit = _there(lambda: pika.BlockingConnection(pika.URLParameters(rabbitmq)).close())
    books = f"sqlite:///{home / 'books.sqlite3'}"
    if database is not None:
        address = make_url(POSTGRES).set(drivername="postgresql+psycopg", database=database)
        books = address.render_as_string(hide_password=False)
    settings = Settings(
        home=home,
        database_url=books,
        redis_url=REDIS if has_redis else None,
        redis_cluster_hosts="",
        rabbitmq_url=rabbitmq if has_rabbit else None,
        confirm_seconds=0,
        minimum_age_seconds=0,
        _env_file=None,
    )
    migrate(open_engine(settings.books_url))
    services = open_services(settings)
    services.store.put_accounts(
        [
            Account(
                0, "bench", user["user_id"], "ZERODHA", base_url=url,
                credentials={name: user[name] for name in ("api_key", "access_token")},
            )
            for user in _ask(f"{url}/sim/accounts")
        ]
    )  # fmt: skip
    return services


class _Bench:
    """One desk on one instance."""

    def __init__(self, services: Services, instance: dg.DagsterInstance, url: str) -> None:
        self.services, self.instance, self.url = services, instance, url
        self.keys = [account.key for account in services.store.accounts()]
        instance.add_dynamic_partitions(ACCOUNTS, self.keys)
        self.job = build_definitions({"services": services}).resolve_job_def("sync_job")

    def change(self) -> None:
        order = {"exchange": "NSE", "tradingsymbol": "ITC", "transaction_type": "BUY"}
        for key in self.keys[::20]:
            user = key.partition("/")[2]
            _ask(f"{self.url}/sim/orders", order | {"user_id": user, "quantity": 1})

    def tick(self) -> dict[str, float]:
        """Run a tick as the schedule does; seconds by part."""
        wall, cpu = time.perf_counter(), time.process_time()
        done = self.job.execute_in_process(run_config=config_for(self.keys), instance=self.instance)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        assert done.success
        (row,) = self.services.last_ticks(1)
        parts = {name: float(taken) for name, taken in row["parts"].items()}
        figures = {"wall": wall, "CPU": cpu, **parts, "Dagster": wall - float(row["seconds"])}
        return figures | {"rows/s": row["orders"] / wall}

    def alone(self) -> float:
        """Return the mean seconds of a run of one account."""
        begun = time.perf_counter()
        for key in self.keys[:ALONE]:
            self.job.execute_in_process(partition_key=key, instance=self.instance)
        return (time.perf_counter() - begun) / ALONE

    def tasks(self) -> float:
        """Return the seconds an account of tasks of one account, in warm worker processes."""
        keys, workers = self.keys[:TASKS], os.cpu_count() or 1
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(
            workers, context, initializer=_open_worker, initargs=(self.services.settings,)
        ) as pool:
            list(pool.map(_task, keys[:workers]))  # all have started, and know their way
            begun = time.perf_counter()
            assert set(pool.map(_task, keys)) == {"success"}
            return (time.perf_counter() - begun) / len(keys)


_WORKER: list[Services] = []


def _open_worker(settings: Settings) -> None:
    _WORKER.append(open_services(settings))


def _task(key: str) -> str:
    return _WORKER[0].sync([key]).status


def start_of_run() -> tuple[float, float]:
    """Return wall and CPU seconds of a process that loads the definitions, as each run's does."""
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", "import tradesync_dagster.definitions"], check=True)
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(
    accounts: int, rabbitmq: str
) -> tuple[dict[str, dict[str, float]], tuple[float, float], str]:
    """Time ticks over some accounts.

    Args:
        accounts: How many.
        rabbitmq: The server's address; messages go to the exchange that desks use.

    Returns:
        Seconds by part for each kind of tick; seconds of a run and of a task of one account; and
        on what.
    """
    with ExitStack() as stack:
        names = stack.enter_context(_databases())
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        config = ExchangeConfig(accounts=accounts, people_rate=1.0, latency_ms=100)
        url = stack.enter_context(running_exchange(config))
        _ask(f"{url}/sim/step", {"steps": 55})
        services = _services(home, names and names[0], url, rabbitmq)
        instance = stack.enter_context(_instance(home, names and names[1]))
        bench = _Bench(services, instance, url)
        for _ in range(2):
            services.sync()  # all are new, then all are known
        found = {"first run": bench.tick(), "nothing changed": bench.tick()}
        bench.change()
        found["5% changed"] = bench.tick()
        alone = (bench.alone(), bench.tasks())
        on = "PostgreSQL" if names else "SQLite"
        on += " + Redis" if services.settings.redis_url else ""
        on += " + RabbitMQ" if services.settings.rabbitmq_url else ""
        services.close()
        return found, alone, on


def run(
    sizes: tuple[int, ...] = (10, 100, 1000), rabbitmq: str = RABBITMQ
) -> Iterator[tuple[str, str]]:
    """Measure, and give figures by name."""
    wall, cpu = start_of_run()
    yield "start of a run's process, on top of each run", f"wall {wall:.2f} s, CPU {cpu:.2f} s"
    last: tuple[int, dict[str, dict[str, float]]] | None = None
    for accounts in sizes:
        found, alone, on = measure(accounts, rabbitmq)
        for what in ("nothing changed", "5% changed"):
            seconds = found[what]
            parts = ", ".join(
                f"{name} {taken:.2f}"
                for name, taken in seconds.items()
                if name not in ("wall", "CPU", "rows/s")
            )
            parts += f"; {seconds['rows/s']:,.0f} rows/s"
            growth = ""
            if last is not None:
                times = seconds["wall"] / last[1][what]["wall"]
                growth = f" ({times:.1f}x for {accounts / last[0]:g}x accounts)"
            yield (
                f"{accounts} accounts, {what}, {on}",
                f"wall {seconds['wall']:.2f} s{growth}, CPU {seconds['CPU']:.2f} s: {parts}",
            )
        yield (
            f"{accounts} accounts, the first tick that Dagster records",
            f"wall {found['first run']['wall']:.2f} s, "
            f"of it Dagster {found['first run']['Dagster']:.2f} s",
        )
        yield (
            f"{accounts} runs of one account, from {ALONE} of them, without their processes",
            f"{accounts * alone[0]:.0f} s ({alone[0]:.2f} s each)",
        )
        yield (
            f"{accounts} tasks of one account, from at most {TASKS} of them",
            f"{accounts * alone[1]:.1f} s ({alone[1]:.3f} s each)",
        )
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MEGABYTE
        yield f"{accounts} accounts, most memory so far", f"{peak:.0f} MB"
        last = (accounts, found)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--rabbitmq", default=RABBITMQ)
    arguments = parser.parse_args()
    os.environ.pop("DAGSTER_HOME", None)  # noqa: TID251 - of this machine's own instance
    for name, figure in run(tuple(arguments.sizes), arguments.rabbitmq):
        print(f"{name}: {figure}", flush=True)
