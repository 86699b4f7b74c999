"""When the exchanges are open: ordinary sessions, and those that the calendar does not know.

Trading on a Saturday, in the evening of Diwali, or for half a day is announced by circular. Such
days of past years are listed here; desks name others in their settings. What belongs here: which
days are trading days, and a day's session. What does not: days of settlement
(``market_calendar``), what is done within a session (``sync.monitoring``).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from typing import Final

from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.domain.market_calendar import IST, ordinary_days, trade_date_of

OPENING: Final = time(9, 15)
"""When the cash market opens on an ordinary day, in Asia/Kolkata."""
CLOSING: Final = time(15, 30)
"""When the cash market closes on an ordinary day, in Asia/Kolkata."""
_LOOK_AHEAD = 30
"""Most days to the next session."""
_FORM = "write days as 2026-11-08 18:00-19:15 or 2026-11-10 closed, with commas between"
_SPECIAL = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d) +(?:(?P<closed>closed)|(?P<opens>\d\d:\d\d)-(?P<closes>\d\d:\d\d))"
)
_Hours = tuple[time, time]
_WHOLE: Final = (OPENING, CLOSING)
_EVENING: Final = (time(18, 15), time(19, 15))
_TWO_HALVES: Final = (time(9, 15), time(12, 30))
KNOWN: Final[Mapping[date, _Hours | None]] = MappingProxyType(
    {
        date(2020, 2, 1): _WHOLE,  # the Union Budget, a Saturday
        date(2020, 11, 14): _EVENING,  # Muhurat, as all that are of an hour
        date(2021, 11, 4): _EVENING,
        date(2022, 10, 24): _EVENING,
        date(2023, 11, 12): _EVENING,
        date(2024, 1, 20): _WHOLE,  # instead of the Monday after it
        date(2024, 3, 2): _TWO_HALVES,  # trying the recovery site, with a break from 10:00 to 11:30
        date(2024, 5, 18): _TWO_HALVES,  # the same again
        date(2024, 11, 1): (time(18, 0), time(19, 0)),
        date(2025, 2, 1): _WHOLE,  # the Union Budget, a Saturday
        date(2025, 10, 21): (time(13, 45), time(14, 45)),
        date(2026, 2, 1): _WHOLE,  # the Union Budget, a Sunday
    }
)
"""Sessions of 2020 and later, by circulars of NSE and BSE, on days that the calendar leaves out."""


@dataclass(frozen=True, slots=True)
class Session:
    """One day's trading, from ``opens_at`` until ``closes_at``, both UTC."""

    opens_at: datetime
    closes_at: datetime


@dataclass(frozen=True, slots=True)
class TradingHours:
    """The sessions of all days.

    Attributes:
        special: The hours of days that differ from the calendar, in Asia/Kolkata; ``None`` for a
            day without trading.
    """

    special: Mapping[date, _Hours | None] = field(default_factory=lambda: KNOWN)

    def session(self, day: date) -> Session | None:
        """Return a day's session; ``None`` where there is none."""
        hours = self.special.get(day, _WHOLE if ordinary_days(day, day) else None)
        if hours is None:
            return None
        opens, closes = (datetime.combine(day, at, IST).astimezone(UTC) for at in hours)
        return Session(opens, closes)

    def trading_days(self, since: date, until: date) -> list[date]:
        """List the days of a range with a session, both ends included, in order."""
        own = {day: hours for day, hours in self.special.items() if since <= day <= until}
        ordinary = [day for day in ordinary_days(since, until) if day not in own]
        return sorted([*ordinary, *(day for day, hours in own.items() if hours is not None)])

    def previous_trading_day(self, day: date) -> date:
        """Return the last day with a session before a day.

        Raises:
            ConfigurationError: There is none within a month.
        """
        days = self.trading_days(day - timedelta(days=_LOOK_AHEAD), day - timedelta(days=1))
        if not days:
            raise ConfigurationError(
                f"no trading within {_LOOK_AHEAD} days before {day}; see TRADESYNC_SPECIAL_SESSIONS"
            )
        return days[-1]

    def has_opened(self, moment: datetime) -> bool:
        """Tell whether a moment lies on a trading day, at or after its opening.

        Args:
            moment: Aware.

        Returns:
            Whether the brokers' figures are the day's: before it they still show the last one's.
        """
        session = self.session(trade_date_of(moment))
        return session is not None and moment >= session.opens_at

    def is_open(self, moment: datetime) -> bool:
        """Tell whether the exchanges trade at a moment, which is aware."""
        session = self.session(trade_date_of(moment))
        return session is not None and session.opens_at <= moment < session.closes_at

    def session_for(self, moment: datetime) -> Session:
        """Return the session that an order of some moment is for.

        Args:
            moment: Aware.

        Returns:
            The first one that closes after it.

        Raises:
            ConfigurationError: There is none within a month.
        """
        first = trade_date_of(moment)
        for number in range(_LOOK_AHEAD):
            session = self.session(first + timedelta(days=number))
            if session is not None and session.closes_at > moment:
                return session
        raise ConfigurationError(
            f"no trading within {_LOOK_AHEAD} days of {first}; see TRADESYNC_SPECIAL_SESSIONS"
        )


def read_sessions(text: str) -> TradingHours:
    """Read the days that differ from the calendar.

    Args:
        text: Such as ``2026-11-08 18:00-19:15, 2026-11-10 closed``, in Asia/Kolkata.

    Returns:
        The hours of all days; a day that is named differs from ``KNOWN`` too.

    Raises:
        ConfigurationError: A part is malformed; it says which.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    return TradingHours(MappingProxyType({**KNOWN, **dict(_read(part) for part in parts)}))


def _read(part: str) -> tuple[date, _Hours | None]:
    found = _SPECIAL.fullmatch(part)
    if found is None:
        raise ConfigurationError(f"{part!r} is no trading session; {_FORM}")
    try:
        day = date.fromisoformat(found["day"])
        times = [time.fromisoformat(found[name] or "00:00") for name in ("opens", "closes")]
    except ValueError:
        raise ConfigurationError(f"{part!r} is no trading session; {_FORM}") from None
    if found["closed"]:
        return day, None
    if times[0] >= times[1]:
        raise ConfigurationError(f"the session {part!r} ends before it begins; {_FORM}")
    return day, (times[0], times[1])
