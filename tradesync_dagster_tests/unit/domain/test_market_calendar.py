"""Ordinary days, also where the calendar knows nothing."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tradesync_dagster.domain.market_calendar import (
    known_until,
    microseconds,
    moment_of,
    ordinary_days,
    previous_settlement_day,
    start_of,
    trade_date_of,
)


@pytest.mark.parametrize(
    ("day", "before"),
    [
        (date(2026, 3, 3), date(2026, 3, 2)),
        (date(2026, 3, 2), date(2026, 2, 27)),
        (date(2026, 1, 27), date(2026, 1, 23)),  # Republic Day was a Monday
        (date(2005, 1, 3), date(2004, 12, 31)),
        (date(2026, 2, 2), date(2026, 1, 30)),  # nothing was settled on Budget Sunday
    ],
)
def test_the_day_before_skips_weekends_and_holidays(day: date, before: date) -> None:
    assert previous_settlement_day(day) == before


def test_days_beyond_the_known_holidays_are_weekdays() -> None:
    end = known_until()
    later = ordinary_days(end - timedelta(days=7), end + timedelta(days=14))
    unknown = [day for day in later if day > end]
    assert len(unknown) == 10
    assert all(day.weekday() < 5 for day in unknown)
    assert previous_settlement_day(end + timedelta(days=400)).weekday() < 5


def test_ranges_join_what_is_known_and_what_is_not() -> None:
    whole = ordinary_days(date(2006, 11, 1), date(2006, 12, 31))
    assert whole == sorted(set(whole))
    assert {date(2006, 11, 2), date(2006, 12, 29)} <= set(whole)
    assert ordinary_days(date(2026, 3, 7), date(2026, 3, 8)) == []
    assert ordinary_days(date(2026, 3, 9), date(2026, 3, 2)) == []


def test_days_and_moments_go_both_ways() -> None:
    moment = datetime(2026, 3, 2, 18, 30, 0, 7, tzinfo=UTC)
    assert trade_date_of(moment) == date(2026, 3, 3)
    assert moment_of(microseconds(moment)) == moment
    assert start_of(date(2026, 3, 3)) == datetime(2026, 3, 2, 18, 30, tzinfo=UTC)
