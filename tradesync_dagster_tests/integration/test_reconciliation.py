"""The books held against the broker's own figures, over the wire."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tradesync_dagster.domain.breaks import BreakState
from tradesync_dagster.domain.errors import BreakNotFoundError
from tradesync_dagster.store import book_tables, tables
from tradesync_dagster.sync.explaining import Word
from tradesync_dagster_tests.support.desk import Desk, open_desk

ACCOUNT = "desk/SIM001"


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    with open_desk(database_url, tmp_path) as desk:
        yield desk


def breaks(desk: Desk) -> dict[tuple[str, str], str]:
    with desk.services.store.reading() as connection:
        rows = connection.execute(tables.breaks.select()).mappings()
        return {(row["kind"], row["subject"]): row["state"] for row in rows}


def lose_a_fill(desk: Desk) -> list[dict[str, Any]]:
    """Take the fills out of the books, as if a day had been missed."""
    with desk.services.store.writing() as connection:
        lost = [dict(row) for row in connection.execute(book_tables.fills.select()).mappings()]
        connection.execute(book_tables.fills.delete())
        connection.execute(
            book_tables.generations.update().values(stale_from=lost[0]["trade_date"])
        )
    return lost


def later(desk: Desk, **by: float) -> int:
    desk.clock.move(timedelta(**by))
    return desk.one(ACCOUNT).breaks


def test_books_that_agree_have_no_break(desk: Desk) -> None:
    desk.by_hand("BUY", 10)
    desk.by_hand("BUY", 5, product="MIS")
    assert desk.one(ACCOUNT).breaks == 0
    assert later(desk, days=1) == 0
    desk.by_hand("SELL", 4)
    assert later(desk, minutes=5) == 0
    assert breaks(desk) == {}


def test_a_difference_is_suspected_then_open_then_resolved(desk: Desk) -> None:
    desk.by_hand("BUY", 10)
    desk.by_hand("BUY", 5, product="MIS")
    desk.one(ACCOUNT)
    lost = lose_a_fill(desk)
    keys = {("position_differs", "NSE:INFY CNC"), ("position_differs", "NSE:INFY MIS")}
    assert later(desk, minutes=5) == 0
    assert breaks(desk) == dict.fromkeys(keys, "suspected")
    assert later(desk, minutes=5) == 2
    assert breaks(desk) == dict.fromkeys(keys, "open")
    with desk.services.store.writing() as connection:
        connection.execute(book_tables.fills.insert(), lost)
        day = lost[0]["trade_date"]
        connection.execute(book_tables.generations.update().values(stale_from=day))
    assert later(desk, minutes=5) == 0
    assert breaks(desk) == dict.fromkeys(keys, "resolved")
    desk.clock.move(timedelta(days=1))
    ages = {one["age_seconds"] for one in desk.services.breaks(ACCOUNT, everything=True)}
    assert ages == {600}, "from the first look that found it to the one that found it gone"


def test_a_holding_that_the_books_lack_is_a_break(desk: Desk) -> None:
    desk.by_hand("BUY", 10)
    desk.one(ACCOUNT)
    later(desk, days=1)
    lose_a_fill(desk)
    later(desk, minutes=5)
    assert later(desk, minutes=5) == 1
    [(kind, _)] = breaks(desk)
    assert kind == "holding_differs"


def test_an_answer_that_failed_neither_opens_nor_resolves(desk: Desk) -> None:
    desk.by_hand("BUY", 10)
    desk.one(ACCOUNT)
    lost = lose_a_fill(desk)
    later(desk, minutes=5)
    assert later(desk, minutes=5) == 1
    with desk.services.store.writing() as connection:
        connection.execute(book_tables.fills.insert(), lost)
        day = lost[0]["trade_date"]
        connection.execute(book_tables.generations.update().values(stale_from=day))
    desk.fault("html", path="/portfolio/positions", user_id="SIM001", times=1)
    assert later(desk, minutes=5) == 1
    assert later(desk, minutes=5) == 0


def test_people_explain_accept_and_reopen_a_break(desk: Desk) -> None:
    desk.by_hand("BUY", 10)
    desk.one(ACCOUNT)
    later(desk, days=1)
    lose_a_fill(desk)
    later(desk, minutes=5)
    [(kind, subject)] = breaks(desk)
    key = (ACCOUNT, kind, subject)
    with pytest.raises(BreakNotFoundError, match="breaks list"):
        desk.services.explain(*key, Word(BreakState.ACCEPTED, "asha", "only suspected yet"))
    assert desk.services.breaks(ACCOUNT) == []
    assert later(desk, minutes=5) == 1
    desk.services.explain(*key, Word(BreakState.EXPLAINED, "asha", "a missed day"))
    assert later(desk, minutes=5) == 0
    [row] = desk.services.breaks(ACCOUNT)
    said = {name: row[name] for name in ("account", "kind", "subject", "state", "owner", "note")}
    assert said == {
        "account": ACCOUNT, "kind": key[1], "subject": key[2], "state": "explained",
        "owner": "asha", "note": "a missed day",
    }  # fmt: skip
    assert (row["evidence"], row["seen_count"]) == ({"ours": "0", "broker": "10"}, 3)
    desk.by_hand("SELL", 1)
    assert later(desk, minutes=5) == 1


def test_before_the_opening_nothing_is_compared(desk: Desk) -> None:
    desk.by_hand("BUY", 10)
    desk.one(ACCOUNT)
    lose_a_fill(desk)
    later(desk, hours=20)  # 05:30 of the next day
    later(desk, minutes=5)
    assert breaks(desk) == {}


def test_a_saturday_with_a_session_is_compared_and_a_day_that_is_closed_is_not(desk: Desk) -> None:
    desk.by_hand("BUY", 10)
    desk.one(ACCOUNT)
    lose_a_fill(desk)
    saturday = desk.with_settings(special_sessions="2026-11-20 closed, 2026-11-21 09:15-12:30")
    for hours, expected in ((24, set()), (24, {"suspected"})):
        later(saturday, hours=hours)
        assert set(breaks(saturday).values()) == expected


def test_a_busy_fortnight_has_no_false_break(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/books.sqlite3"
    with open_desk(url, tmp_path, accounts=4, people_rate=0.3, seed=7) as desk:
        for _ in range(14):
            for _ in range(3):
                desk.step(15)
                desk.clock.move(timedelta(minutes=40))
                assert desk.sync().total("breaks") == 0
            desk.clock.move(timedelta(hours=22))
        assert len(desk.services.orders(days=30)) > 200
        assert set(breaks(desk).values()) <= {"resolved"}
        assert [found.count for found in desk.services.replay().values()] == [0] * 4
