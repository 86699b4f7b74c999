"""Fills: kept once, completed by the broker, contradicted by nobody, and marked for the books."""

from dataclasses import replace
from datetime import date, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import text, update

from tradesync_dagster.domain.book_frames import FILL_COLUMNS
from tradesync_dagster.domain.book_states import AddedFills, Generation
from tradesync_dagster.domain.errors import StoreError
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.orders import Side
from tradesync_dagster.store.engine import open_engine
from tradesync_dagster.store.schema import metadata
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.support.store_frames import dump, fill_rows, rows, stored
from tradesync_dagster_tests.support.store_rows import (
    DAY,
    FILL,
    NEXT,
    T0,
    T1,
)

FILED = replace(
    FILL, product="CNC", broker_order_id="", filled_at=T0.replace(microsecond=0), isin="INE1"
)
"""As a tradebook has it."""
REPORTED = replace(FILL, product="MIS", isin="")
"""The same fill as the broker reports it."""


def test_fills_are_columns_of_whole_numbers(store: SqlStore) -> None:
    sold = replace(FILL, side=Side.SELL, quantity=2**62, price=-(2**62))
    with store.begin([1]) as work:
        work.add_fills([(1, FILL), (1, sold)], "broker")
        got = work.fills([1], DAY)
        nothing = work.fills([2], DAY)
    assert rows(got) == fill_rows(FILL, sold)
    assert sorted(got["quantity"]) == [-(2**62), 10]
    for frame in (got, nothing):
        assert list(frame.columns) == list(FILL_COLUMNS)
        kinds = {name: str(frame[name].dtype) for name in FILL_COLUMNS}
        whole = {"account_id", "trade_date", "quantity", "price", "filled_at"}
        assert {name for name, kind in kinds.items() if kind == "int64"} == whole


def test_fills_keep_to_the_accounts_and_days_asked_for(store: SqlStore) -> None:
    days = [replace(FILL, trade_date=DAY + timedelta(days=n)) for n in range(3)]
    with store.begin([1, 2]) as work:
        work.add_fills([*((1, fill) for fill in days), (2, FILL)], "broker")

        def found(*asked: Any) -> list[tuple[int, int]]:
            frame = work.fills(*asked)
            return sorted(
                zip(frame["account_id"], frame["trade_date"] - DAY.toordinal(), strict=True)
            )

        assert found([1], DAY) == [(1, 0), (1, 1), (1, 2)]
        assert found([1], NEXT) == [(1, 1), (1, 2)]
        assert found([1], DAY, NEXT) == [(1, 0), (1, 1)]
        assert found([1], NEXT, NEXT) == [(1, 1)]
        assert found([1, 2], DAY, DAY) == [(1, 0), (2, 0)]
        assert found([], DAY) == []


def test_an_annulled_fill_stays_as_evidence_and_is_not_read(store: SqlStore) -> None:
    table = metadata.tables["fills"]
    with store.begin([1]) as work:
        work.add_fills([(1, FILL), (1, replace(FILL, trade_id="T2"))], "broker")
    with store.writing() as connection:
        connection.execute(update(table).where(table.c.trade_id == "T2").values(annulled_at=T1))
    with store.begin([1]) as work:
        assert rows(work.fills([1], DAY)) == fill_rows(FILL)
        again = work.add_fills([(1, replace(FILL, trade_id="T2"))], "broker")
    assert again == AddedFills(known=1), "coming again brings it back no more than it marks books"
    assert [row["annulled_at"] for row in stored(store, "fills")] == [None, T1]


def test_times_of_any_zone_are_kept_as_the_same_moment_in_utc(store: SqlStore) -> None:
    india = timezone(timedelta(hours=5, minutes=30))
    with store.begin([1]) as work:
        work.add_fills([(1, replace(FILL, filled_at=T0.astimezone(india)))], "broker")
        assert rows(work.fills([1], DAY)) == fill_rows(FILL)
        again = work.add_fills([(1, FILL)], "broker")
    assert again.known == 1
    [row] = stored(store, "fills")
    assert (row["filled_at"], row["filled_at"].utcoffset()) == (T0, timedelta(0))


def test_naive_times_are_refused_without_the_rows_values(store: SqlStore) -> None:
    before = dump(store)
    naive = replace(FILL, filled_at=T0.replace(tzinfo=None), broker_order_id="SECRET-ORDER")

    def write() -> None:
        with store.begin([1]) as work:
            work.add_fills([(1, replace(FILL, trade_id="T2"))], "broker")
            work.add_fills([(1, naive)], "broker")

    with pytest.raises(StoreError, match="a time without a zone") as raised:
        write()
    assert "SECRET-ORDER" not in str(raised.value)
    assert str(FILL.price) not in str(raised.value)
    assert raised.value.__cause__ is None
    assert dump(store) == before


def test_a_known_fill_with_other_content_is_told_and_not_written(store: SqlStore) -> None:
    sent = replace(FILL, price=FILL.price + 1)
    fresh = replace(FILL, trade_id="T2")
    with store.begin([1]) as work:
        assert work.add_fills([(1, FILL)], "broker") == AddedFills(added=1, since={1: DAY})
        told = work.add_fills([(1, sent), (1, fresh), (1, FILL)], "broker")
        assert (told.added, told.differing[-1]) == (1, (1, FILL, sent))
        assert rows(work.fills([1], DAY)) == fill_rows(FILL, fresh)


@pytest.mark.parametrize("source", ["broker", "tradebook"])
def test_two_fills_of_one_id_in_one_call_are_told(store: SqlStore, source: str) -> None:
    other = replace(FILL, quantity=11)
    with store.begin([1]) as work:
        told = work.add_fills([(1, FILL), (1, FILL), (1, other)], source)
        assert told == AddedFills(added=1, differing=[(1, FILL, other)], since={1: DAY})
        assert rows(work.fills([1], DAY)) == fill_rows(FILL), "the first one stays"


@pytest.mark.parametrize(
    "changed",
    [{"product": "MIS"}, {"broker_order_id": "B2"}, {"filled_at": T1}, {"isin": "INE2"}],
    ids=lambda changed: next(iter(changed)),
)
def test_a_brokers_two_reports_must_agree_in_everything(
    store: SqlStore, changed: dict[str, Any]
) -> None:
    sent = replace(FILL, **changed)
    with store.begin([1]) as work:
        work.add_fills([(1, FILL)], "broker")
        assert work.add_fills([(1, sent)], "broker") == AddedFills(differing=[(1, FILL, sent)])


def test_an_imported_fill_is_completed_by_the_brokers_own_report(store: SqlStore) -> None:
    with store.begin([1]) as work:
        work.add_fills([(1, FILED)], "tradebook")
        work.put_generations([Generation(1, T0, None, DAY)])
        assert work.add_fills([(1, REPORTED)], "broker") == AddedFills(since={1: DAY})
        whole = replace(REPORTED, isin=FILED.isin)
        assert rows(work.fills([1], DAY)) == fill_rows(whole), "but for the ISIN, which it has not"
        assert work.generations([1])[1].stale_from == DAY
    assert stored(store, "fills")[0]["source"] == "broker"


def test_a_file_changes_nothing_of_what_the_broker_reported(store: SqlStore) -> None:
    with store.begin([1]) as work:
        work.add_fills([(1, REPORTED)], "broker")
        before = work.generations([1])
        assert work.add_fills([(1, FILED)], "tradebook") == AddedFills(known=1)
        assert work.generations([1]) == before
        assert rows(work.fills([1], DAY)) == fill_rows(REPORTED)
    assert stored(store, "fills")[0]["source"] == "broker"


@pytest.mark.parametrize("changed", [{"price": 1}, {"quantity": 11}, {"symbol": "TCS"}])
@pytest.mark.parametrize(
    ("first", "second"),
    [("broker", "tradebook"), ("tradebook", "broker"), ("tradebook", "tradebook")],
)
def test_a_file_and_the_broker_must_agree_on_the_trade(
    store: SqlStore, first: str, second: str, changed: dict[str, Any]
) -> None:
    sent = replace(FILED, **changed)
    with store.begin([1]) as work:
        work.add_fills([(1, FILL)], first)
        assert work.add_fills([(1, sent)], second) == AddedFills(differing=[(1, FILL, sent)])
        assert rows(work.fills([1], DAY)) == fill_rows(FILL)


def test_a_trade_id_is_another_fill_on_another_day_side_exchange_or_account(
    store: SqlStore,
) -> None:
    others = [
        (1, replace(FILL, trade_date=NEXT)),
        (1, replace(FILL, side=Side.SELL)),
        (1, replace(FILL, exchange="BSE")),
        (2, FILL),
    ]
    with store.begin([1, 2]) as work:
        told = work.add_fills([(1, FILL), *others], "broker")
        assert told == AddedFills(added=5, since={1: DAY, 2: DAY})
        assert len(work.fills([1, 2], DAY)) == 5


def test_thousands_of_rows_go_through_every_chunk(store: SqlStore) -> None:
    many = [(1, replace(FILL, trade_id=f"T{n:05}")) for n in range(5_003)]
    changed = (1, replace(many[4_999][1], quantity=11))
    with store.begin([1]) as work:
        assert work.add_fills(many, "broker").added == 5_003
        told = work.add_fills([*many[:4_999], changed], "broker")
        assert told == AddedFills(known=4_999, differing=[(1, many[4_999][1], changed[1])])
        assert rows(work.fills([1], DAY)) == fill_rows(*(fill for _, fill in many))


def _on(*days: int) -> list[tuple[int, Fill]]:
    return [(1, replace(FILL, trade_date=date(2026, 3, day), trade_id=f"T{day}")) for day in days]


def test_books_are_stale_from_the_earliest_day_that_changed(store: SqlStore) -> None:
    with store.begin([1, 2]) as work:

        def stale() -> list[date | None]:
            return [known.stale_from for known in work.generations([1, 2]).values()]

        assert work.add_fills(_on(9, 6), "broker").since == {1: date(2026, 3, 6)}
        assert stale() == [date(2026, 3, 6), None]
        work.add_fills(_on(12), "broker")
        assert stale() == [date(2026, 3, 6), None], "a later day does not undo an earlier mark"
        work.put_generations([Generation(1, T0, None, DAY)])
        work.add_fills(_on(6, 9, 12), "broker")
        assert stale() == [None, None], "known fills mark nothing"
        work.add_fills(_on(4), "broker")
        assert work.generations([1])[1] == Generation(1, T0, date(2026, 3, 4), DAY)


def test_no_plan_outlives_the_table_that_it_was_made_for(postgres_url: str) -> None:
    """One made while a table was small would read all of it for each key once it is large."""
    engine = open_engine(postgres_url)
    with engine.connect() as connection:
        for number in range(20):
            connection.execute(text("SELECT :number"), {"number": number})
        kept = connection.execute(text("SELECT statement FROM pg_prepared_statements")).all()
    engine.dispose()
    assert kept == []
