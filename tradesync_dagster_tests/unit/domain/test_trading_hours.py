"""Sessions: ordinary ones, holidays, and days that no calendar knows."""

from datetime import UTC, date, datetime

import pytest

from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.domain.market_calendar import IST
from tradesync_dagster.domain.trading_hours import Session, TradingHours, read_sessions

FRIDAY, SATURDAY, SUNDAY = date(2026, 11, 20), date(2026, 11, 21), date(2026, 11, 22)


def utc(day: date, hour: int, minute: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=IST).astimezone(UTC)


def test_sessions_are_the_calendars_but_for_named_days() -> None:
    plain, named = TradingHours(), read_sessions("2026-11-20 closed, 2026-11-21 09:15-12:30")
    assert plain.session(FRIDAY) == Session(utc(FRIDAY, 9, 15), utc(FRIDAY, 15, 30))
    assert plain.session(SATURDAY) is None
    assert plain.session(date(2026, 11, 24)) is None, "a holiday"
    assert named.session(FRIDAY) is None
    assert named.session(SATURDAY) == Session(utc(SATURDAY, 9, 15), utc(SATURDAY, 12, 30))


def test_an_order_is_for_the_first_session_that_closes_after_it() -> None:
    plain = TradingHours()
    before, after = utc(FRIDAY, 15, 29), utc(FRIDAY, 15, 30)
    assert plain.session_for(before) == plain.session(FRIDAY)
    assert plain.session_for(after) == plain.session(date(2026, 11, 23))
    saturday = read_sessions("2026-11-21 09:15-12:30")
    assert saturday.session_for(after) == saturday.session(SATURDAY)


def test_a_month_without_trading_is_an_error_that_names_the_setting() -> None:
    closed = TradingHours({date.fromordinal(n): None for n in range(739_000, 741_000)})
    with pytest.raises(ConfigurationError, match="TRADESYNC_SPECIAL_SESSIONS"):
        closed.session_for(utc(FRIDAY, 12, 0))


@pytest.mark.parametrize(
    "text",
    ["2026-11-31 closed", "2026-11-20", "2026-11-20 09:15", "2026-11-20 25:00-26:00",
     "2026-11-20 12:00-09:15", "tomorrow closed"],
)  # fmt: skip
def test_what_is_no_session_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="session"):
        read_sessions(text)
