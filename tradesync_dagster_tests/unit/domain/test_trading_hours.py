"""Sessions: ordinary ones, holidays, and days that no calendar knows."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.domain.market_calendar import IST, ordinary_days
from tradesync_dagster.domain.trading_hours import KNOWN, Session, TradingHours, read_sessions

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


def test_trading_days_are_those_with_a_session() -> None:
    named = read_sessions("2026-11-20 closed, 2026-11-21 09:15-12:30, 2026-11-23 10:00-11:00")
    week = (date(2026, 11, 19), date(2026, 11, 25))
    assert [day.day for day in TradingHours().trading_days(*week)] == [19, 20, 23, 25]
    assert [day.day for day in named.trading_days(*week)] == [19, 21, 23, 25]
    assert named.trading_days(SUNDAY, FRIDAY) == []
    assert named.previous_trading_day(date(2026, 11, 23)) == SATURDAY
    assert named.previous_trading_day(SATURDAY) == date(2026, 11, 19)
    assert TradingHours().previous_trading_day(date(2026, 11, 23)) == FRIDAY
    for hours in (TradingHours(), named):
        span = hours.trading_days(date(2019, 12, 1), date(2027, 2, 1))
        every = (span[0] + timedelta(days=n) for n in range((span[-1] - span[0]).days + 1))
        assert span == [day for day in every if hours.session(day) is not None]


def test_sessions_that_were_announced_are_known_and_can_be_overruled() -> None:
    muhurat, budget = date(2023, 11, 12), date(2026, 2, 1)
    for hours in (TradingHours(), read_sessions(""), read_sessions("2026-11-20 closed")):
        assert hours.session(muhurat) == Session(utc(muhurat, 18, 15), utc(muhurat, 19, 15))
        assert hours.previous_trading_day(date(2026, 2, 2)) == budget
    assert read_sessions("2026-02-01 closed").session(budget) is None
    extra = [day for day in KNOWN if ordinary_days(day, day)]
    assert extra == [], "the calendar has come to know them"
    assert all(one is not None and time(9) < one[0] < one[1] for one in KNOWN.values())


def test_the_market_has_opened_from_the_opening_on_until_the_days_end() -> None:
    named = read_sessions("2026-11-20 closed, 2026-11-21 18:00-19:15")
    for day, hour, minute, opened in (
        (date(2026, 11, 19), 9, 14, False), (date(2026, 11, 19), 9, 15, True),
        (date(2026, 11, 19), 23, 59, True), (FRIDAY, 12, 0, False), (SATURDAY, 17, 59, False),
        (SATURDAY, 18, 0, True), (SATURDAY, 20, 0, True), (SUNDAY, 12, 0, False),
    ):  # fmt: skip
        assert named.has_opened(utc(day, hour, minute)) is opened, (day, hour, minute)


def test_the_exchanges_are_open_from_the_opening_until_before_the_close() -> None:
    named = read_sessions("2026-11-20 closed, 2026-11-21 18:00-19:15")
    for day, hour, minute, is_open in (
        (date(2026, 11, 19), 9, 14, False), (date(2026, 11, 19), 9, 15, True),
        (date(2026, 11, 19), 15, 29, True), (date(2026, 11, 19), 15, 30, False),
        (FRIDAY, 12, 0, False), (SATURDAY, 12, 0, False), (SATURDAY, 18, 0, True),
    ):  # fmt: skip
        assert named.is_open(utc(day, hour, minute)) is is_open, (day, hour, minute)


def test_a_month_without_trading_is_an_error_that_names_the_setting() -> None:
    closed = TradingHours({date.fromordinal(n): None for n in range(739_000, 741_000)})
    with pytest.raises(ConfigurationError, match="TRADESYNC_SPECIAL_SESSIONS"):
        closed.session_for(utc(FRIDAY, 12, 0))
    with pytest.raises(ConfigurationError, match="TRADESYNC_SPECIAL_SESSIONS"):
        closed.previous_trading_day(date.fromordinal(740_500))


@pytest.mark.parametrize(
    "text",
    ["2026-11-31 closed", "2026-11-20", "2026-11-20 09:15", "2026-11-20 25:00-26:00",
     "2026-11-20 12:00-09:15", "tomorrow closed"],
)  # fmt: skip
def test_what_is_no_session_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="session"):
        read_sessions(text)
