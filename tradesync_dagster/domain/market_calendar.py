"""Days and times of the Indian exchanges.

What belongs here: the exchange's zone, its ordinary days, on which it also settles, times as frames
hold them. What does not: sessions on other days (``trading_hours``), what is done on a day.
"""

import warnings
from bisect import bisect_left, bisect_right
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import exchange_calendars
from pandas.errors import Pandas4Warning

IST = ZoneInfo("Asia/Kolkata")
"""The exchanges' zone; a trade date is a day in it."""
_CALENDAR = "XBOM"
_SATURDAY = 5


def trade_date_of(moment: datetime) -> date:
    """Return the exchange's day of a moment.

    Args:
        moment: Aware.

    Returns:
        The date in Asia/Kolkata.
    """
    return moment.astimezone(IST).date()


@lru_cache(maxsize=1)
def _calendar() -> exchange_calendars.ExchangeCalendar:
    with warnings.catch_warnings():
        # exchange_calendars 4.13 uses a Series accessor that pandas 3.1 deprecates.
        warnings.simplefilter("ignore", Pandas4Warning)
        return exchange_calendars.get_calendar(_CALENDAR)


@lru_cache(maxsize=1)
def _sessions() -> tuple[date, ...]:
    return tuple(session.date() for session in _calendar().sessions)


def known_until() -> date:
    """Return the last day for which the exchange's holidays are known.

    After it every weekday counts as a trading day, until a newer exchange_calendars brings the
    next year's holidays: a sync on a holiday finds nothing, whereas a sync left out loses a day.

    Returns:
        The date.
    """
    return _sessions()[-1]


@lru_cache(maxsize=512)
def previous_settlement_day(day: date) -> date:
    """Return the last day before a day on which the clearing houses settle.

    Nothing is settled on a day of a special session: what is traded on it, and what is due on it,
    is settled on the next ordinary day.

    Args:
        day: Any date.

    Returns:
        An ordinary day.
    """
    before = day - timedelta(days=1)
    while not ordinary_days(before, before):
        before -= timedelta(days=1)
    return before


def ordinary_days(since: date, until: date) -> list[date]:
    """List the days of a range on which the exchanges trade by their calendar.

    Sessions that a circular announces beside it are not among them: see ``TradingHours``.

    Args:
        since: The first day.
        until: The last day, included.

    Returns:
        Days in order; weekdays where the calendar knows nothing.
    """
    sessions = _sessions()
    first, last = sessions[0], sessions[-1]
    known = sessions[bisect_left(sessions, since) : bisect_right(sessions, until)]
    before = _weekdays(since, min(until, first - timedelta(days=1)))
    after = _weekdays(max(since, last + timedelta(days=1)), until)
    return [*before, *known, *after]


def _weekdays(since: date, until: date) -> list[date]:
    days = (since + timedelta(days=n) for n in range((until - since).days + 1))
    return [day for day in days if day.weekday() < _SATURDAY]


def start_of(day: date) -> datetime:
    """Return the moment at which an exchange's day begins.

    Args:
        day: A date in Asia/Kolkata.

    Returns:
        UTC.
    """
    return datetime.combine(day, time(), IST).astimezone(UTC)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(moment: datetime) -> int:
    """Return a moment as whole microseconds since 1970 UTC, as frames hold it.

    Args:
        moment: Aware.

    Returns:
        Exact.
    """
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment_of(count: int) -> datetime:
    """Return the moment of a count of ``microseconds``.

    Args:
        count: Microseconds since 1970 UTC.

    Returns:
        UTC.
    """
    return _EPOCH + timedelta(microseconds=count)
