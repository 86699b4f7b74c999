"""What moderating fake orders costs: lateness, the sensor's look, a large batch.

Runs in this process with the machine's clock, so that what Dagster adds (starting a run, which
happens before the due time) is left out. On SQLite, and on PostgreSQL where one answers.
"""

import asyncio
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.fernet import Fernet, MultiFernet
from sqlalchemy import create_engine, make_url
from sqlalchemy.exc import OperationalError

from tradesync_dagster.bootstrap import SystemClock
from tradesync_dagster.domain.fake_orders import FakeOrder
from tradesync_dagster.domain.lmp import SimulatedPrices
from tradesync_dagster.domain.moderation import ModerationRules
from tradesync_dagster.store.engine import migrate, open_engine
from tradesync_dagster.store.fake_order_queries import FakeOrderQueries
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster.sync.moderating import Moderating

POSTGRES = "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"
_FINISHED = {
    "sqlite": "lower(hex(randomblob(16))), 'acme', 'PJM', 'HUB', 'BUY', 1000000, 1000000, "
    "strftime('%Y-%m-%d %H:%M:%f000', '2026-01-01', '-' || n || ' seconds'), '2025-01-01', "
    "'REJECTED', '' FROM (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c "
    "WHERE n < {count}) SELECT n FROM c)",
    "postgresql": "gen_random_uuid(), 'acme', 'PJM', 'HUB', 'BUY', 1000000, 1000000, "
    "TIMESTAMPTZ '2026-01-01 00:00+00' - n * INTERVAL '1 second', '2025-01-01 00:00+00', "
    "'REJECTED', '' FROM generate_series(1, {count}) AS n",
}
_COLUMNS = (
    "order_id, organization_id, market, node, side, quantity, limit_price, hour_start_utc, "
    "created_at, status, reason"
)


@contextmanager
def books(kind: str) -> Iterator[SqlStore]:
    """Make empty books of one kind, and take them away afterwards.

    Raises:
        OperationalError: No PostgreSQL answers.
    """
    name = f"tradesync_bench_{uuid.uuid4().hex[:12]}"
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'books.sqlite3'}"
        server = create_engine(POSTGRES, isolation_level="AUTOCOMMIT")
        if kind == "postgresql":
            with server.connect() as connection:
                connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE template0")
            url = make_url(POSTGRES).set(database=name).render_as_string(hide_password=False)
        engine = open_engine(url)
        try:
            migrate(engine)
            yield SqlStore(engine, MultiFernet([Fernet(Fernet.generate_key())]))
        finally:
            engine.dispose()
            if kind == "postgresql":
                with server.connect() as connection:
                    connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
            server.dispose()


def lateness(store: SqlStore, hours: int, each: int) -> str:
    """Moderate orders of several due times half a second apart, and say how late they were."""
    clock = SystemClock()
    first = clock.now() + timedelta(seconds=1)
    due = [first + timedelta(seconds=number / 2) for number in range(hours)]
    _put(store, [order for hour in due for order in _orders(each, hour)])
    done = asyncio.run(_moderating(store).serve(due[-1]))
    late = sorted(done.late)
    p50, p99 = statistics.median(late), late[len(late) * 99 // 100]
    return f"{1000 * p50:.0f}, {1000 * p99:.0f}, {1000 * late[-1]:.0f} ms"


def look(store: SqlStore, finished: int, pending: int) -> float:
    """Return the seconds of the sensor's queries, the median of several."""
    dialect = store.engine.dialect.name
    with store.writing() as connection:
        connection.exec_driver_sql(
            f"INSERT INTO fake_orders ({_COLUMNS}) SELECT "
            + _FINISHED[dialect].format(count=finished)
        )
    hour = datetime(2026, 1, 1, tzinfo=UTC)
    _put(store, [o for n in range(10) for o in _orders(pending // 10, hour + n * _HOUR)])
    spent = []
    for _ in range(21):
        began = time.perf_counter()
        with store.reading() as connection:
            queries = FakeOrderQueries(connection)
            queries.next_due(None, hour)
            queries.last_created()
        spent.append(time.perf_counter() - began)
    return statistics.median(spent)


_HOUR = timedelta(hours=1)


def batch(store: SqlStore, count: int) -> float:
    """Return the seconds that deciding many orders of one due time takes."""
    _put(store, _orders(count, SystemClock().now() - timedelta(seconds=1)))
    began = time.perf_counter()
    assert _moderating(store).decide_due().total >= count
    return time.perf_counter() - began


def run(finished: int = 1_000_000, many: int = 10_000) -> list[tuple[str, str]]:
    """Measure both databases.

    Args:
        finished: Orders that are finished already, for the look.
        many: Orders of one due time, for the batch.

    Returns:
        (what, figure) rows.
    """
    rows = []
    for kind in ("sqlite", "postgresql"):
        try:
            with books(kind) as store:
                late = lateness(store, 10, 100)
                rows.append((f"{kind}: lateness of 10 x 100 orders, p50, p99, worst", late))
                seconds = batch(store, many)
                rows.append((f"{kind}: {many:,} orders of one due time", f"{seconds:.2f} s"))
                few, full = look(store, 1_000, 1_000), look(store, finished, 0)
                rows.append(
                    (
                        f"{kind}: the sensor's queries, 1,000 pending, 1,000 and {finished:,} "
                        "finished",
                        f"{1000 * few:.2f} and {1000 * full:.2f} ms",
                    )
                )
        except OperationalError:
            rows.append((kind, "left out, no server answers"))
    return rows


def _orders(count: int, hour: datetime) -> list[FakeOrder]:
    return [
        FakeOrder(
            order_id=uuid.uuid4(),
            organization_id="acme",
            market="PJM",
            node=f"NODE {number % 50}",
            side="BUY" if number % 2 else "SELL",
            quantity=25_000_000,
            limit_price=40_000_000,
            hour_start_utc=hour,
            created_at=hour,
        )
        for number in range(count)
    ]


def _put(store: SqlStore, orders: list[FakeOrder]) -> None:
    with store.begin([]) as work:
        work.add_fake_orders(orders)


def _moderating(store: SqlStore) -> Moderating:
    prices = SimulatedPrices("bench", 40_000_000, 10_000_000)
    return Moderating(store, prices, SystemClock(), ModerationRules("bench"))
