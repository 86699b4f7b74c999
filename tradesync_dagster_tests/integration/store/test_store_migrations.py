"""Coming to the present schema, from nothing and from books that are in use."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import JSON, DateTime, Engine, LargeBinary, Uuid, bindparam, inspect, text
from sqlalchemy import Date as DateType

from tradesync_dagster.domain.errors import ConfigurationError, NotMigratedError
from tradesync_dagster.store import engine as engines
from tradesync_dagster.store.engine import check_migrated, migrate, open_engine
from tradesync_dagster.store.schema import metadata

FIRST_DAY, LAST_DAY = date(2026, 2, 27), date(2026, 3, 2)
AT = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
TYPES: dict[type, Any] = {
    date: DateType(),
    datetime: DateTime(timezone=True),
    bytes: LargeBinary(),
    dict: JSON(),
}
_PLACE = {"exchange": "NSE", "symbol": "INFY"}
_FILL = _PLACE | {
    "account_id": 1,
    "trade_date": LAST_DAY,
    "trade_id": "T1",
    "broker_order_id": "B1",
    "product": "CNC",
    "side": "BUY",
    "quantity": 10,
    "price": 1_500_000_000,
    "filled_at": AT,
}
OLDER: list[tuple[str, dict[str, Any]]] = [
    *(
        ("accounts", {"account_id": number, "organization_id": "ORG", "broker": "ZERODHA",
                      "pseudo_account": f"A{number}", "credentials": b"closed"})
        for number in (1, 2, 3)
    ),
    ("fills", _FILL | {"fill_id": "late"}),
    ("fills", _FILL | {"fill_id": "early", "trade_date": FIRST_DAY}),
    ("fills", _FILL | {"fill_id": "theirs", "account_id": 2}),
    ("lots", _PLACE | {"account_id": 1, "product": "CNC", "trade_date": LAST_DAY,
                       "fill_id": "late", "opened_at": AT, "quantity": 10, "price": 1}),
    ("holdings", _PLACE | {"account_id": 1, "quantity": 10, "t1_quantity": 0,
                           "average_price": 1}),
    ("positions", _PLACE | {"account_id": 1, "product": "CNC", "quantity": 10, "average_price": 1,
                            "buy_quantity": 10, "sell_quantity": 0, "multiplier": 1,
                            "realised_pnl": "0"}),
    ("instruments", _PLACE | {"isin": "INE009A01021", "multiplier": 1, "last_price": 7}),
    ("breaks", {"account_id": 1, "kind": "book_shrank", "subject": "s", "state": "explained",
                "owner": "asha", "first_seen_at": AT, "last_seen_at": AT, "evidence": {}}),
    ("quarantine", {"account_id": 1, "kind": "orders", "digest": "d", "row_id": "r",
                    "reason": "x", "raw": "{}", "first_seen_at": AT, "last_seen_at": AT}),
]  # fmt: skip
"""Rows as the first schema had them."""


@pytest.fixture
def engine(empty_database_url: str) -> Iterator[Engine]:
    engine = open_engine(empty_database_url)
    yield engine
    engine.dispose()


def older_books(engine: Engine) -> None:
    """Lay books of the first schema, with data."""
    migrate(engine, "0001")
    with engine.begin() as connection:
        for table, row in OLDER:
            values = [
                bindparam(name, value, type_=TYPES.get(type(value))) for name, value in row.items()
            ]
            marks = ", ".join(f":{name}" for name in row)
            statement = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})"  # noqa: S608
            connection.execute(text(statement).bindparams(*values))


def rows(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(str(value) for value in row) for row in connection.execute(text(query))]


def downgrade(engine: Engine, revision: str) -> None:
    with engine.begin() as connection:
        command.downgrade(engines._config(connection), revision)


def test_migrations_go_up_down_and_up_again(engine: Engine) -> None:
    for _ in range(2):
        migrate(engine)
        check_migrated(engine)
        assert set(metadata.tables) <= set(inspect(engine).get_table_names())
        downgrade(engine, "base")
        assert set(inspect(engine).get_table_names()) == {"alembic_version"}


def test_migrations_make_the_tables_that_the_code_declares(engine: Engine) -> None:
    migrate(engine)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_books_in_use_are_marked_to_be_made_anew_from_their_first_fill(engine: Engine) -> None:
    older_books(engine)
    migrate(engine)
    check_migrated(engine)
    query = "SELECT account_id, generated_at, stale_from, opened_on FROM generations ORDER BY 1"
    assert rows(engine, query) == [
        ("1", "None", str(FIRST_DAY), "None"),
        ("2", "None", str(LAST_DAY), "None"),
    ], "an account without fills has nothing to make anew"
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_what_people_and_brokers_said_outlives_the_upgrade(engine: Engine) -> None:
    older_books(engine)
    migrate(engine)
    query = "SELECT fill_id, account_id, quantity, isin, source, annulled_at FROM fills ORDER BY 1"
    assert rows(engine, query) == [
        ("early", "1", "10", "", "broker", "None"),
        ("late", "1", "10", "", "broker", "None"),
        ("theirs", "2", "10", "", "broker", "None"),
    ]
    assert rows(engine, "SELECT state, owner, seen_count FROM breaks") == [
        ("explained", "asha", "1")
    ]
    assert rows(engine, "SELECT reason, seen_count FROM quarantine") == [("x", "1")]
    assert rows(engine, "SELECT isin, last_price, expiry FROM instruments") == [
        ("INE009A01021", "7", "None")
    ]
    assert rows(engine, "SELECT quantity, assumed_quantity FROM positions") == [("10", "0")]
    assert rows(engine, "SELECT count(*) FROM accounts") == [("3",)]
    for made_again in ("lots", "holdings", "position_days"):
        assert rows(engine, f"SELECT count(*) FROM {made_again}") == [("0",)]  # noqa: S608


def of(order_id: UUID) -> Any:
    return bindparam("id", order_id, type_=Uuid())


def test_orders_and_what_happened_to_them_outlive_their_table(engine: Engine) -> None:
    older_books(engine)
    migrate(engine, "0004")
    texts = (
        "exchange_order_id", "parent_order_id", "client_order_id", "validity", "variety", "tag",
        "message", "strategy_id", "status_word", "product", "order_type",
    )  # fmt: skip
    numbers = (
        "quantity", "filled_quantity", "pending_quantity", "cancelled_quantity", "price",
        "trigger_price", "average_price",
    )  # fmt: skip
    times = ("placed_at", "updated_at", "first_seen_at", "last_seen_at")
    row = dict.fromkeys(texts, "") | dict.fromkeys(numbers, 1) | dict.fromkeys(times, AT)
    place = {"account_id": 1, "trade_date": LAST_DAY, "broker_order_id": "B1", "side": "BUY"}
    names = row | place | {"origin": "external", "status": "open"} | _PLACE
    columns, marks = ", ".join(names), ", ".join(f":{name}" for name in names)
    order_id = UUID("ecd5bf3b-b1d6-5748-9e4e-2b0bfc3c568b")
    values = [bindparam(n, v, type_=TYPES.get(type(v))) for n, v in names.items()]
    events = "INSERT INTO order_events (order_id, at, kind, detail) VALUES (:id, :at, 'seen', '{}')"
    with engine.begin() as connection:
        statement = f"INSERT INTO orders (order_id, {columns}) VALUES (:id, {marks})"  # noqa: S608
        connection.execute(text(statement).bindparams(*values, of(order_id)))
        at = bindparam("at", AT, type_=TYPES[datetime])
        connection.execute(text(events).bindparams(at, of(order_id)))
    for _ in range(2):
        migrate(engine)
        joined = "SELECT broker_order_id, kind FROM orders JOIN order_events USING (order_id)"
        assert rows(engine, joined) == [("B1", "seen")]
        with engine.begin() as connection:
            connection.execute(text("UPDATE orders SET retry_count = 2"))
        assert rows(engine, "SELECT retry_count, cancel_asked FROM orders") == [("2", "")]
        downgrade(engine, "0004")
        assert rows(engine, joined) == [("B1", "seen")]
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE orders SET broker_order_id = ''"))
    downgrade(engine, "0004")
    assert rows(engine, "SELECT count(*) FROM orders") == [("0",)]
    assert rows(engine, "SELECT count(*) FROM order_events") == [("0",)]


def test_books_in_use_can_go_back_and_come_again(engine: Engine) -> None:
    older_books(engine)
    fresh = inspect(engine)
    before = {name: _columns(engine, name) for name in fresh.get_table_names()}
    migrate(engine)
    downgrade(engine, "0001")
    assert {name: _columns(engine, name) for name in inspect(engine).get_table_names()} == before
    assert rows(engine, "SELECT fill_id FROM fills ORDER BY 1") == [
        ("early",),
        ("late",),
        ("theirs",),
    ]
    assert rows(engine, "SELECT state, owner FROM breaks") == [("explained", "asha")]
    migrate(engine)
    query = "SELECT account_id, stale_from FROM generations ORDER BY 1"
    assert rows(engine, query) == [("1", str(FIRST_DAY)), ("2", str(LAST_DAY))]


def test_every_single_step_up_and_down_keeps_what_people_and_brokers_said(engine: Engine) -> None:
    older_books(engine)
    with engine.connect() as connection:
        script = ScriptDirectory.from_config(engines._config(connection))
        steps = [one.revision for one in script.walk_revisions()][::-1]
    said = "SELECT fill_id, account_id, quantity, price, filled_at FROM fills ORDER BY 1"
    kept = {
        query: rows(engine, query)
        for query in (
            said,
            "SELECT organization_id, pseudo_account, broker, credentials FROM accounts ORDER BY 2",
            "SELECT kind, subject, state, owner FROM breaks",
            "SELECT digest, reason, raw FROM quarantine",
            "SELECT isin, multiplier, last_price FROM instruments",
        )
    }
    way = [(migrate, step) for step in steps[1:]] + [(engines.downgrade, s) for s in steps[-2::-1]]
    for go, step in way:
        go(engine, step)
        with engine.connect() as connection:
            assert MigrationContext.configure(connection).get_current_revision() == step
        for query, before in kept.items():
            assert rows(engine, query) == before, (go.__name__, step, query)


def _columns(engine: Engine, table: str) -> tuple[dict[str, tuple[str, bool]], list[str]]:
    found = inspect(engine)
    columns = {c["name"]: (str(c["type"]), c["nullable"]) for c in found.get_columns(table)}
    return columns, found.get_pk_constraint(table)["constrained_columns"]


@pytest.mark.parametrize("spoil", [False, True], ids=["empty", "older"])
def test_an_unmigrated_database_is_refused_with_the_command_to_run(
    engine: Engine, spoil: bool
) -> None:
    if spoil:
        migrate(engine, "0001")
    with pytest.raises(NotMigratedError, match="run: tradesync db upgrade") as raised:
        check_migrated(engine)
    assert ("schema 0001" if spoil else "schema none") in str(raised.value)


@pytest.mark.parametrize("use", [check_migrated, migrate])
def test_books_of_a_newer_version_are_left_alone_and_told_apart(
    engine: Engine, use: Callable[[Engine], object]
) -> None:
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(NotMigratedError, match=r"at schema 9999, .* db downgrade 00") as raised:
        use(engine)
    assert "upgrade" not in str(raised.value)
    assert rows(engine, "SELECT version_num FROM alembic_version") == [("9999",)]


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


@pytest.mark.parametrize("use", [check_migrated, migrate, engines.is_empty])
def test_a_file_that_holds_no_database_is_told_in_words(
    use: Callable[[Engine], object], tmp_path: Path
) -> None:
    (tmp_path / "books.sqlite3").write_text("a list of things to do, and no database at all")
    engine = open_engine(f"sqlite:///{tmp_path}/books.sqlite3")
    with pytest.raises(ConfigurationError, match=r"sqlite3 cannot be used: .*not a database"):
        use(engine)
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
