"""Kite Connect's published samples, through adapter, store and FIFO, come out field by field.

The samples were taken on several days of 2021 to 2025. The day of the newest is today here, so
that none lies in the future; older orders keep their own days, and older trades their own lots.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from zlib import decompress

import pytest
from sqlalchemy import select

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.orders import order_id_of
from tradesync_dagster.settings import Settings
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster.store.tables import metadata
from tradesync_dagster_tests.support.clocks import MovingClock
from tradesync_dagster_tests.support.laid_books import lay
from tradesync_dagster_tests.support.zerodha_sample_books import (
    COMPACT,
    EACH_FILL,
    FILLS,
    FIRST_LOOK,
    HOLDINGS,
    INSTRUMENTS,
    ORDERS,
    POSITIONS,
    SECOND_LOOK,
    TODAY,
    USUAL,
)

SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "fixtures" / "zerodha"
FILES = {
    "/orders": "orders.json",
    "/trades": "trades.json",
    "/portfolio/positions": "positions.json",
    "/portfolio/holdings": "holdings.json",
}

pytestmark = [
    pytest.mark.reference,
    pytest.mark.skipif(not SAMPLES.is_dir(), reason="Zerodha's samples are not beside the project"),
]


@dataclass
class Books:
    services: Services
    account_id: int
    clock: MovingClock
    files: dict[str, str] = field(default_factory=lambda: dict(FILES))
    asked: list[str] = field(default_factory=list)
    sessions: set[tuple[str | None, str | None]] = field(default_factory=set)

    def rows(self, table: str, *names: str) -> list[dict[str, Any]]:
        """Read a table in key order: the named columns, or all."""
        found = metadata.tables[table]
        query = select(*(found.c[n] for n in names) if names else found.c)
        with self.services.store.reading() as connection:
            rows = connection.execute(query.order_by(*found.primary_key.columns)).mappings()
            return [dict(row) for row in rows]


@contextmanager
def kite(books: Books) -> Iterator[str]:
    """Serve the samples byte by byte at Kite's paths, dated by the test's clock."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            books.asked.append(self.path)
            books.sessions.add((self.headers["Authorization"], self.headers["X-Kite-Version"]))
            known = self.path in books.files
            body = (SAMPLES / books.files[self.path]).read_bytes() if known else b"{}"
            self.send_response(200 if known else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string(int(books.clock.now().timestamp()))

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def books(database_url: str, tmp_path: Path) -> Iterator[Books]:
    settings = Settings(
        home=tmp_path,
        database_url=database_url,
        redis_url=None,
        rabbitmq_url=None,
        confirm_seconds=30,
        minimum_age_seconds=60,
        broker_api_retry_attempts=0,
        _env_file=None,
    )
    engine = lay(database_url)
    store = SqlStore(engine, settings.cipher())
    clock = MovingClock(FIRST_LOOK)
    opened = Books(Services(settings, store, clock), 0, clock)
    secrets = {"api_key": "samplekey", "access_token": "sampletoken"}
    with kite(opened) as url:
        store.put_accounts([Account(0, "O", "A", "ZERODHA", base_url=url, credentials=secrets)])
        opened.account_id = store.accounts()[0].account_id
        yield opened
    engine.dispose()


def test_the_samples_are_asked_for_and_counted(books: Books) -> None:
    (result,) = books.services.sync().results
    assert (result.status, result.errors, result.rejects) == ("success", (), 0)
    assert (result.orders, result.external_orders, result.candidates) == (2, 2, 0)
    assert (result.new_external_orders, result.fills) == (10, 4)
    assert books.clock.moment == SECOND_LOOK
    assert books.asked[0] == books.asked[4] == "/orders"
    assert sorted(books.asked) == sorted([*FILES, *FILES])
    assert books.sessions == {("token samplekey:sampletoken", "3")}


def test_orders_and_their_events(books: Books) -> None:
    books.services.sync()
    wanted = [USUAL | {"account_id": books.account_id} | order for order in ORDERS]
    found = books.rows("orders", *wanted[0])
    found.sort(key=lambda row: (row["trade_date"], row["placed_at"]))
    assert found == wanted

    ids = [order_id_of(books.account_id, o["trade_date"], o["broker_order_id"]) for o in ORDERS]
    seen = [
        {
            "at": FIRST_LOOK,
            "kind": "seen",
            "detail": {name: o[name] for name in ("status", "tag", "source")},
        }
        for o in wanted
    ]
    confirmed = {
        "at": SECOND_LOOK,
        "kind": "confirmed_external",
    }
    events = books.rows("order_events")
    assert len(events) == 30
    for order_id, first, order in zip(ids, seen, wanted, strict=True):
        detail = {"first_seen_at": "2025-08-07T08:30:00+00:00", "source": order["source"]}
        own = {e["kind"]: e for e in events if e["order_id"] == order_id}
        owner = own.pop("attributed")
        assert owner["at"] > SECOND_LOOK, "decided once it is confirmed"
        assert (owner["detail"]["to"], owner["detail"]["reason"]) == ("", "no_evidence")
        assert own == {
            "seen": {"order_id": order_id, **first},
            "confirmed_external": {"order_id": order_id, **confirmed, "detail": detail},
        }


def test_fills(books: Books) -> None:
    books.services.sync()
    wanted = [EACH_FILL | {"account_id": books.account_id} | fill for fill in FILLS]
    assert books.rows("fills", *wanted[0]) == wanted


def test_positions_and_holdings(books: Books) -> None:
    books.services.sync()
    worth = ("average_price", "last_price", "unrealised_pnl")
    traded = {(fill["exchange"], fill["symbol"]) for fill in FILLS}
    # The other positions of the sample have no trades in it: the books cannot explain them.
    positions = [
        row for row in books.services.positions() if (row["exchange"], row["symbol"]) in traded
    ]
    for rows, names, wanted in (
        (positions, ("product", "quantity"), POSITIONS),
        (books.services.holdings("O/A"), ("quantity", "t1_quantity"), HOLDINGS),
    ):
        columns = ("exchange", "symbol", *names, *worth)
        assert [tuple(row[name] for name in columns) for row in rows] == wanted


def test_prices_and_multipliers(books: Books) -> None:
    books.services.sync()
    found = books.rows("instruments", "exchange", "symbol", "multiplier", "last_price", "priced_at")
    priced = [row for row in found if row["last_price"] is not None]
    assert [tuple(row.values()) for row in priced] == [
        (*instrument, FIRST_LOOK) for instrument in INSTRUMENTS
    ]


def test_payloads_are_kept_byte_by_byte_and_nothing_is_quarantined(books: Books) -> None:
    books.services.sync()
    payloads = books.rows("raw_payloads")
    assert {row["first_seen_at"] for row in payloads} == {FIRST_LOOK}
    bodies = {row["payload_hash"]: decompress(row["body"]) for row in payloads}
    assert sorted(bodies.values()) == sorted((SAMPLES / f).read_bytes() for f in FILES.values())
    assert books.rows("quarantine") == []
    states = books.rows("book_states", "kind", "trade_date", "requested_at", "payload_hash")
    assert [
        (s["kind"], s["trade_date"], s["requested_at"], bodies[s["payload_hash"]]) for s in states
    ] == [
        (path.rpartition("/")[2], TODAY, SECOND_LOOK, (SAMPLES / FILES[path]).read_bytes())
        for path in ("/portfolio/holdings", "/orders", "/portfolio/positions", "/trades")
    ]


def test_the_same_samples_again_change_nothing(books: Books) -> None:
    books.services.sync()
    names = ("orders", "order_events", "fills", "instruments", "positions", "holdings",
             "raw_payloads", "quarantine", "snapshots")  # fmt: skip
    before = {name: books.rows(name) for name in names}
    books.clock.moment += timedelta(minutes=5)
    (result,) = books.services.sync().results
    assert (result.changed, result.new_external_orders) == (frozenset(), 0)
    assert {name: books.rows(name) for name in names} == before


def test_a_sample_that_lacks_what_the_books_need_is_quarantined_with_its_reason(
    books: Books,
) -> None:
    """Kite's compact holdings name no product: they are kept as evidence and change nothing."""
    books.services.sync()
    names = ("orders", "fills", "positions", "holdings", "instruments")
    before = {name: books.rows(name) for name in names}
    books.files["/portfolio/holdings"] = "holdings_compact.json"
    books.clock.moment += timedelta(minutes=5)
    (result,) = books.services.sync().results
    assert (result.status, result.rejects, result.failed) == (
        "partial_success", len(COMPACT), {"holdings"},
    )  # fmt: skip
    assert result.errors == (
        f"none of {len(COMPACT)} rows could be read; holdings: product: missing or empty",
    )
    rows = books.rows("quarantine", "kind", "row_id", "reason", "first_seen_at")
    assert sorted((tuple(row.values()) for row in rows), key=lambda row: row[1]) == [
        ("holdings", symbol, "holdings: product: missing or empty", books.clock.moment)
        for symbol in COMPACT
    ]
    assert {name: books.rows(name) for name in names} == before
