"""The books on SQLite and on PostgreSQL."""

import sqlite3
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from cryptography.fernet import Fernet, MultiFernet
from sqlalchemy import Engine, func, inspect, select, text, update
from sqlalchemy.exc import StatementError

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import Reject
from tradesync_dagster.domain.breaks import Break
from tradesync_dagster.domain.errors import (
    AccountNotFoundError,
    ConfigurationError,
    NotMigratedError,
    StoreError,
)
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.orders import (
    BrokerOrder,
    Intent,
    Order,
    OrderEvent,
    OrderStatus,
    Origin,
    Side,
    order_id_of,
)
from tradesync_dagster.domain.unit_of_work import BookState
from tradesync_dagster.domain.publications import OutboxMessage, Snapshot
from tradesync_dagster.store.engine import check_migrated, migrate, open_engine
from tradesync_dagster.store.store import SqlStore, SqlUnitOfWork
from tradesync_dagster.store.schema import metadata

DAY = date(2026, 3, 2)
T0 = datetime(2026, 3, 2, 5, 0, 0, 123456, tzinfo=UTC)
T1 = T0 + timedelta(minutes=5)
TOKEN = "very-secret-access-token"
KEY = Fernet.generate_key()
Dump = dict[str, list[tuple[Any, ...]]]

ROW = BrokerOrder(
    broker_order_id="B1",
    trade_date=DAY,
    exchange="NSE",
    symbol="INFY",
    product="CNC",
    side=Side.SELL,
    order_type="LIMIT",
    validity="DAY",
    variety="regular",
    status_word="OPEN",
    quantity=2**62,
    filled_quantity=3,
    pending_quantity=7,
    cancelled_quantity=0,
    price=2**63 - 1,
    trigger_price=0,
    average_price=-1,
    placed_at=T0,
    updated_at=T0,
    tag="été",
    message="it's",
    exchange_order_id="X1",
    parent_order_id="P1",
)
ORDER = Order(
    order_id=order_id_of(1, DAY, "B1"),
    account_id=1,
    broker=ROW,
    origin=Origin.CANDIDATE,
    status=OrderStatus.OPEN,
    first_seen_at=T0,
    last_seen_at=T0,
    confidence=70,
)
EVENT = OrderEvent(ORDER.order_id, "seen", T0, {"status": "open", "n": 1, "none": None})
FILL = Fill(
    trade_id="T1",
    broker_order_id="B1",
    trade_date=DAY,
    exchange="NSE",
    symbol="INFY",
    product="CNC",
    side=Side.BUY,
    quantity=10,
    price=1_500_000_000,
    filled_at=T0,
)
INTENT = Intent(
    client_order_id="ts-1",
    account_id=1,
    exchange="NSE",
    symbol="INFY",
    product="CNC",
    side=Side.BUY,
    order_type="LIMIT",
    quantity=10,
    price=1,
    state="placing",
    created_at=T0,
)
POSITION = {
    "account_id": 1,
    "exchange": "NSE",
    "symbol": "INFY",
    "product": "CNC",
    "quantity": -4,
    "average_price": 0,
    "buy_quantity": 0,
    "sell_quantity": 4,
    "multiplier": 1,
    "realised_pnl": str(2**80),
    "unrealised_pnl": None,
    "last_price": None,
}
HOLDING = {
    "account_id": 1,
    "exchange": "NSE",
    "symbol": "INFY",
    "quantity": 6,
    "t1_quantity": 2,
    "average_price": 100,
    "unrealised_pnl": "-5",
    "last_price": 99,
}
LOT = {
    "account_id": 1,
    "exchange": "NSE",
    "symbol": "INFY",
    "product": "CNC",
    "trade_date": DAY,
    "fill_id": FILL.fill_id,
    "opened_at": T0,
    "quantity": 6,
    "price": 100,
}
INSTRUMENT = {"exchange": "NSE", "symbol": "INFY", "multiplier": 1, "last_price": None}
REJECT = Reject("B9", "price: 'x' is not a number", '{"price": "x"}')


def message(number: int) -> OutboxMessage:
    return OutboxMessage(f"m{number}", 1, "trades", "ORG.A1", f"body {number}".encode(), T0)


def accounts() -> list[Account]:
    secrets = {"access_token": TOKEN}
    return [
        Account(0, "ORG", name, "ZERODHA", credentials=secrets, base_url="http://127.0.0.1:1")
        for name in ("A1", "A2")
    ]


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine: Engine) -> SqlStore:
    """Books with the accounts 1 and 2."""
    migrate(engine)
    store = SqlStore(engine, MultiFernet([Fernet(KEY)]))
    store.put_accounts(accounts())
    assert [account.account_id for account in store.accounts()] == [1, 2]
    return store


def dump(store: SqlStore) -> Dump:
    with store.reading() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in metadata.sorted_tables
        }


def write_everything(work: SqlUnitOfWork, at: datetime = T0) -> None:
    work.put_states([BookState(1, "orders", DAY, at, "hash")])
    work.put_orders([ORDER], [EVENT])
    work.put_intents([INTENT])
    assert work.add_fills([(1, FILL)]) == []
    work.add_payloads({"hash": b"[]"}, at)
    work.add_rejects([(1, "orders", REJECT)], at)
    work.put_breaks([Break(1, "book_shrank", "2026-03-02", at, {"missing": ["B1"]})])
    work.put_positions([1], [POSITION])
    work.put_holdings([1], [HOLDING])
    work.put_lots([1], [LOT])
    work.put_instruments([INSTRUMENT])
    work.put_results(
        [
            {
                "tick_id": "t1",
                "account_id": 1,
                "started_at": T0,
                "status": "success",
                "results": {"orders": 1},
            }
        ]
    )
    work.put_snapshots({1: b"{}"})
    work.add_messages([message(1), message(2)])


# Migrations.


def test_migrations_go_up_down_and_up_again(engine: Engine) -> None:
    for _ in range(2):
        migrate(engine)
        check_migrated(engine)
        assert set(metadata.tables) <= set(inspect(engine).get_table_names())
        migrate(engine, "base")
        assert set(inspect(engine).get_table_names()) == {"alembic_version"}


def test_migrations_make_the_tables_that_the_code_declares(engine: Engine) -> None:
    migrate(engine)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


@pytest.mark.parametrize("spoil", [False, True], ids=["empty", "older"])
def test_an_unmigrated_database_is_refused_with_the_command_to_run(
    engine: Engine, spoil: bool
) -> None:
    if spoil:
        migrate(engine)
        with engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    with pytest.raises(NotMigratedError, match="run: tradesync db upgrade") as raised:
        check_migrated(engine)
    assert ("schema 0000" if spoil else "schema none") in str(raised.value)


@pytest.mark.parametrize(
    "url", ["mysql://u:hunter2@h/b", "hunter2", "", "postgresql+asyncpg://h/b"]
)
def test_another_database_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ConfigurationError, match="TRADESYNC_DATABASE_URL") as raised:
        open_engine(url)
    assert "hunter2" not in str(raised.value)


def test_a_database_that_is_not_there_is_told_without_its_password() -> None:
    engine = open_engine("postgresql://u:hunter2@127.0.0.1:1/books")
    with pytest.raises(ConfigurationError, match="TRADESYNC_DATABASE_URL") as raised:
        check_migrated(engine)
    assert "hunter2" not in str(raised.value)
    engine.dispose()


def test_sqlite_is_durable_and_waits(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/new/books.sqlite3")
    with engine.connect() as connection:
        asked = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        }
    engine.dispose()
    assert asked == {
        "journal_mode": "wal",
        "synchronous": 2,
        "busy_timeout": 30_000,
        "foreign_keys": 1,
    }


# Round trips.


def test_what_is_written_is_read_back_the_same(store: SqlStore) -> None:
    with store.begin([1]) as work:
        write_everything(work)
    with store.begin([1]) as work:
        assert work.states([1]) == [BookState(1, "orders", DAY, T0, "hash")]
        assert work.orders([1], DAY) == [ORDER]
        assert work.intents([1], T0) == [INTENT]
        assert work.fills([1]) == [(1, FILL)]
        assert work.positions([1]) == [POSITION]
        assert work.holdings([1]) == [HOLDING]
        assert work.instruments() == {("NSE", "INFY"): (1, None)}
    stored = dump(store)
    assert stored["order_events"] == [(EVENT.order_id, T0, "seen", EVENT.detail)]
    assert stored["lots"][0][-3:] == (T0, 6, 100)
    assert zlib.decompress(stored["raw_payloads"][0][1]) == b"[]"


def test_reads_keep_to_the_accounts_and_the_days_asked_for(store: SqlStore) -> None:
    tomorrow = DAY + timedelta(days=1)
    other = replace(ORDER, order_id=order_id_of(2, DAY, "B1"), account_id=2)
    again = replace(
        ORDER, order_id=order_id_of(1, tomorrow, "B1"), broker=replace(ROW, trade_date=tomorrow)
    )
    with store.begin([1, 2]) as work:
        work.put_orders([ORDER, other, again], [])
        work.put_intents([INTENT, replace(INTENT, account_id=2)])
        work.add_fills([(2, FILL), (1, FILL)])
        assert work.orders([1], DAY) == [ORDER, again]
        assert work.orders([2, 1], tomorrow) == [again]
        assert work.orders([], DAY) == []
        assert work.intents([2], T0) == [replace(INTENT, account_id=2)]
        assert work.intents([1, 2], T0 + timedelta(microseconds=1)) == []
        assert work.fills([2]) == [(2, FILL)]
        assert work.fills([1, 2]) == [(1, FILL), (2, FILL)]


def test_fills_come_by_account_time_and_trade_id(store: SqlStore) -> None:
    early = replace(FILL, trade_id="T9", filled_at=T0 - timedelta(seconds=1))
    tied = replace(FILL, trade_id="T0")
    self_trade = replace(FILL, side=Side.SELL)
    with store.begin([1]) as work:
        work.add_fills([(1, self_trade), (1, FILL), (1, tied), (1, early)])
        assert work.fills([1]) == [(1, early), (1, tied), (1, FILL), (1, self_trade)]


def test_times_of_any_zone_are_kept_as_the_same_moment_in_utc(store: SqlStore) -> None:
    india = timezone(timedelta(hours=5, minutes=30))
    with store.begin([1]) as work:
        work.add_fills([(1, replace(FILL, filled_at=T0.astimezone(india)))])
        [(_, got)] = work.fills([1])
    assert got.filled_at == T0
    assert got.filled_at.utcoffset() == timedelta(0)


def test_naive_times_are_refused_and_nothing_is_kept(store: SqlStore) -> None:
    before = dump(store)
    naive = replace(FILL, filled_at=T0.replace(tzinfo=None))

    def write() -> None:
        with store.begin([1]) as work:
            work.add_fills([(1, replace(FILL, trade_id="T2"))])
            work.add_fills([(1, naive)])

    with pytest.raises((StatementError, StoreError), match="without a zone"):
        write()
    assert dump(store) == before


# The same again.


def test_the_same_write_twice_changes_nothing(store: SqlStore) -> None:
    with store.begin([1]) as work:
        write_everything(work)
    before = dump(store)
    assert all(before[name] for name in before if name != "strategies"), "a table went untested"
    with store.begin([1]) as work:
        write_everything(work)
    assert dump(store) == before


def test_a_refused_transaction_keeps_nothing(store: SqlStore) -> None:
    def write() -> None:
        with store.begin([1]) as work:
            write_everything(work)
            work.put_breaks([Break(99, "kind", "no such account", T0, {"secret": TOKEN})])

    before = dump(store)
    with pytest.raises(StoreError, match="refused") as raised:
        write()
    assert TOKEN not in str(raised.value)
    assert dump(store) == before


def test_an_error_of_the_caller_keeps_nothing(store: SqlStore) -> None:
    def fail() -> None:
        with store.begin([1]) as work:
            write_everything(work)
            raise RuntimeError("boom")

    before = dump(store)
    with pytest.raises(RuntimeError, match="boom"):
        fail()
    assert dump(store) == before


def test_a_conflict_keeps_what_was_first(store: SqlStore) -> None:
    with store.begin([1]) as work:
        write_everything(work)
    moved = replace(ORDER, first_seen_at=T1, last_seen_at=T1, origin=Origin.EXTERNAL)
    with store.begin([1]) as work:
        work.put_orders([moved], [replace(EVENT, detail={"other": 1})])
        work.put_intents([replace(INTENT, state="acknowledged", created_at=T1)])
        work.put_breaks([Break(1, "book_shrank", "2026-03-02", T1, {"missing": []})])
        work.add_payloads({"hash": b"other"}, T1)
        assert work.orders([1], DAY) == [replace(moved, first_seen_at=T0)]
        assert work.intents([1], T0) == [replace(INTENT, state="acknowledged")]
    stored = dump(store)
    assert stored["order_events"][0][-1] == EVENT.detail
    assert stored["breaks"][0][3:] == ("open", "", T0, T1, {"missing": []})
    assert stored["raw_payloads"] == [("hash", zlib.compress(b"[]", 1), T0)]


def test_a_break_that_someone_took_stays_with_them(store: SqlStore) -> None:
    found = Break(1, "kind", "subject", T0, {})
    with store.begin([1]) as work:
        work.put_breaks([found])
    with store.writing() as connection:
        table = metadata.tables["breaks"]
        connection.execute(update(table).values(state="explained", owner="asha"))
    with store.begin([1]) as work:
        work.put_breaks([replace(found, seen_at=T1)])
    assert dump(store)["breaks"][0][3:7] == ("explained", "asha", T0, T1)


def test_rejects_are_kept_once_by_content(store: SqlStore) -> None:
    with store.begin([1, 2]) as work:
        work.add_rejects([(1, "orders", REJECT), (1, "orders", REJECT)], T0)
        work.add_rejects([(1, "orders", REJECT)], T1)
        work.add_rejects([(1, "trades", REJECT), (2, "orders", REJECT)], T1)
        work.add_rejects([(1, "orders", replace(REJECT, raw="{}"))], T1)
        work.add_rejects([(1, "orders", replace(REJECT, reason="another"))], T1)
    rows = [(*row[:2], *row[3:]) for row in dump(store)["quarantine"]]
    assert len(rows) == 5
    assert (1, "orders", "B9", REJECT.reason, REJECT.raw, T0, T1) in rows
    assert (2, "orders", "B9", REJECT.reason, REJECT.raw, T1, T1) in rows


def test_a_known_fill_with_other_content_is_returned_and_not_written(store: SqlStore) -> None:
    sent = replace(FILL, price=FILL.price + 1)
    with store.begin([1]) as work:
        assert work.add_fills([(1, FILL)]) == []
        fresh = replace(FILL, trade_id="T2")
        assert work.add_fills([(1, sent), (1, fresh)]) == [(1, FILL, sent)]
        assert work.fills([1]) == [(1, FILL), (1, fresh)]


def test_a_trade_id_is_another_fill_on_another_day_side_exchange_or_account(
    store: SqlStore,
) -> None:
    others = [
        (1, replace(FILL, trade_date=DAY + timedelta(days=1))),
        (1, replace(FILL, side=Side.SELL)),
        (1, replace(FILL, exchange="BSE")),
        (2, FILL),
    ]
    with store.begin([1, 2]) as work:
        assert work.add_fills([(1, FILL), *others]) == []
        assert len(work.fills([1, 2])) == 5


def test_thousands_of_rows_go_through_every_chunk(store: SqlStore) -> None:
    many = [(1, replace(FILL, trade_id=f"T{n:05}")) for n in range(5_003)]
    changed = (1, replace(many[4_999][1], quantity=11))
    with store.begin([1]) as work:
        assert work.add_fills(many) == []
        assert work.add_fills([*many[:4_999], changed]) == [(1, many[4_999][1], changed[1])]
        assert work.fills([1]) == many


def test_replacing_an_accounts_rows_leaves_the_others(store: SqlStore) -> None:
    theirs = POSITION | {"account_id": 2}
    with store.begin([1, 2]) as work:
        work.put_positions([1, 2], [POSITION, POSITION | {"symbol": "TCS"}, theirs])
        work.put_positions([1], [POSITION | {"quantity": 9}])
        assert work.positions([1, 2]) == [POSITION | {"quantity": 9}, theirs]
        work.put_positions([1], [])
        assert work.positions([1, 2]) == [theirs]


def test_failing_is_by_the_latest_sync(store: SqlStore) -> None:
    def result(tick: str, account_id: int, at: datetime, status: str) -> dict[str, Any]:
        key = {"tick_id": tick, "account_id": account_id, "started_at": at}
        return key | {"status": status, "results": {}}

    with store.begin([1, 2]) as work:
        work.put_results([result("t1", 1, T0, "failed"), result("t1", 2, T0, "success")])
        assert work.failing([1, 2]) == {1}
        work.put_results([result("t2", 1, T1, "success"), result("t2", 2, T1, "partial_success")])
        assert work.failing([1, 2]) == {2}
        assert work.failing([1]) == set()


# Accounts.


def test_credentials_are_closed_in_the_database(store: SqlStore, database_url: str) -> None:
    with store.reading() as connection:
        [first, _] = connection.scalars(select(metadata.tables["accounts"].c.credentials))
    assert TOKEN.encode() not in bytes(first)
    if database_url.startswith("sqlite"):
        file = Path(database_url.removeprefix("sqlite:///"))
        with closing(sqlite3.connect(file)) as raw:
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for part in file.parent.glob("books.sqlite3*"):
            assert TOKEN.encode() not in part.read_bytes()
    assert [dict(found.credentials) for found in store.accounts()] == [{"access_token": TOKEN}] * 2


def test_another_key_is_told_in_a_sentence(store: SqlStore) -> None:
    other = SqlStore(store.engine, MultiFernet([Fernet(Fernet.generate_key())]))
    with pytest.raises(ConfigurationError, match="ORG/A1 were closed with another key") as raised:
        other.accounts()
    assert "TRADESYNC_SECRET_KEYS" in str(raised.value)
    assert TOKEN not in str(raised.value)


def test_an_account_put_again_is_brought_up_to_date(store: SqlStore) -> None:
    renewed = replace(accounts()[0], base_url="", credentials={"access_token": "new"})
    store.put_accounts([renewed])
    [first, second] = store.accounts()
    assert (first.account_id, first.base_url, dict(first.credentials)) == (
        1,
        "",
        {"access_token": "new"},
    )
    assert dict(second.credentials) == {"access_token": TOKEN}


def test_a_disabled_account_is_left_out(store: SqlStore) -> None:
    store.set_enabled("ORG/A1", enabled=False)
    assert [account.key for account in store.accounts()] == ["ORG/A2"]
    everyone = store.accounts(enabled_only=False)
    assert [(account.key, account.enabled) for account in everyone] == [
        ("ORG/A1", False),
        ("ORG/A2", True),
    ]
    store.set_enabled("ORG/A1", enabled=True)
    assert len(store.accounts()) == 2


@pytest.mark.parametrize("key", ["ORG/A3", "OTHER/A1", "A1", "", "ORG/A1/"])
def test_an_unknown_account_cannot_be_switched(store: SqlStore, key: str) -> None:
    before = dump(store)
    with pytest.raises(AccountNotFoundError, match="tradesync accounts list"):
        store.set_enabled(key, enabled=False)
    assert dump(store) == before


# Snapshots and the outbox.


def test_a_snapshots_version_grows_only_with_its_content(store: SqlStore) -> None:
    with store.begin([1, 2]) as work:
        assert work.put_snapshots({1: b"a", 2: b"x"}) == {1, 2}
        assert work.put_snapshots({1: b"a", 2: b"y"}) == {2}
        assert work.put_snapshots({1: b"a"}) == set()
        assert work.put_snapshots({}) == set()
    first, second = Snapshot(1, "ORG/A1", 1, b"a"), Snapshot(2, "ORG/A2", 2, b"y")
    assert store.unpublished(None) == [first, second]


def test_what_was_published_is_not_asked_for_again_until_it_changes(store: SqlStore) -> None:
    with store.begin([1, 2]) as work:
        work.put_snapshots({1: b"a", 2: b"x"})
    taken = store.unpublished(None)
    with store.begin([1]) as work:
        work.put_snapshots({1: b"b"})
    store.mark_published(taken)
    newer = Snapshot(1, "ORG/A1", 2, b"b")
    assert store.unpublished(None) == [newer]
    store.mark_published([newer])
    store.mark_published(taken)
    store.mark_published([])
    assert store.unpublished(None) == [], "an older version does not undo a newer one"
    assert store.unpublished([2, 1]) == [newer, taken[1]], "asked for by account: all of them"


def test_the_outbox_is_sent_in_the_order_it_was_filled(store: SqlStore) -> None:
    with store.begin([1]) as work:
        work.add_messages([message(3), message(1)])
    with store.begin([1]) as work:
        work.add_messages([message(2), message(3)])
    assert store.pending_messages(10) == [message(3), message(1), message(2)]
    assert store.pending_messages(2) == [message(3), message(1)]
    store.mark_sent(["m3", "m1"], T1)
    store.mark_sent([], T1)
    assert store.pending_messages(10) == [message(2)]
    with store.begin([1]) as work:
        work.add_messages([message(3)])
    assert store.pending_messages(10) == [message(2)], "a sent message is not sent again"


def test_only_unsent_messages_get_another_body(store: SqlStore) -> None:
    with store.begin([1]) as work:
        work.add_messages([message(1), message(2)])
    store.mark_sent(["m1"], T1)
    store.update_messages({"m1": b"late", "m2": b"whole", "m9": b"nobody"})
    store.update_messages({})
    assert store.pending_messages(10) == [replace(message(2), body=b"whole")]
    bodies = {row[1]: row[5] for row in dump(store)["outbox"]}
    assert bodies == {"m1": b"body 1", "m2": b"whole"}


# One writer an account.


def test_writers_of_one_account_take_turns(store: SqlStore) -> None:
    start = threading.Barrier(2)
    problems: list[BaseException] = []

    def add(account_ids: list[int]) -> None:
        try:
            start.wait(10)
            for _ in range(5):
                with store.begin(account_ids) as work:
                    states = work.states([1])
                    count = int(states[0].payload_hash) if states else 0
                    time.sleep(0.01)
                    work.put_states([BookState(1, "orders", DAY, T0, str(count + 1))])
        except BaseException as error:  # noqa: BLE001 - told by the test's own thread
            problems.append(error)

    threads = [threading.Thread(target=add, args=(ids,)) for ids in ([1, 2], [2, 1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []
    with store.begin([1]) as work:
        assert work.states([1])[0].payload_hash == "10"


def test_readers_do_not_wait_for_a_writer(store: SqlStore) -> None:
    with store.begin([1]) as work:
        work.add_messages([message(1)])
        assert store.pending_messages(1) == []
        assert len(store.accounts()) == 2
    with store.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(metadata.tables["outbox"])) == 1
