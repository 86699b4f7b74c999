"""Days and times of the Indian exchanges.

What belongs here: the exchange's zone, its trading days. What does not: what is done on them.
"""

import warnings
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import exchange_calendars
import pandas as pd
from pandas.errors import Pandas4Warning

IST = ZoneInfo("Asia/Kolkata")
"""The exchanges' zone; a trade date is a day in it."""
_CALENDAR = "XBOM"


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


@lru_cache(maxsize=512)
def previous_trading_day(day: date) -> date:
    """Return the last trading day before a day.

    Args:
        day: Any date within the calendar's range.

    Returns:
        A trading day of the BSE and NSE.
    """
    session = _calendar().date_to_session(
        pd.Timestamp(day - timedelta(days=1)), direction="previous"
    )
    return session.date()  # type: ignore[no-any-return]


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
