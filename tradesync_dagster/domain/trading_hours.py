"""When the exchanges are open: ordinary sessions, and those that no calendar knows.

Trading on a Saturday, in the evening of Diwali, or for half a day is announced by circular. Desks
name such days in their settings. What belongs here: a day's session. What does not: the days of
past trading (``market_calendar``), what is done within a session (``sync.monitoring``).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from typing import Final

from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.domain.market_calendar import IST, OPENING, trade_date_of, trading_days

CLOSING: Final = time(15, 30)
"""When the cash market closes on an ordinary day, in Asia/Kolkata."""
_LOOK_AHEAD = 30
"""Most days to the next session."""
_FORM = "write days as 2026-11-08 18:00-19:15 or 2026-11-10 closed, with commas between"
_SPECIAL = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d) +(?:(?P<closed>closed)|(?P<opens>\d\d:\d\d)-(?P<closes>\d\d:\d\d))"
)


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

    special: Mapping[date, tuple[time, time] | None] = field(
        default_factory=lambda: MappingProxyType({})
    )

    def session(self, day: date) -> Session | None:
        """Return a day's session; ``None`` where there is none."""
        hours = self.special.get(day, (OPENING, CLOSING) if trading_days(day, day) else None)
        if hours is None:
            return None
        opens, closes = (datetime.combine(day, at, IST).astimezone(UTC) for at in hours)
        return Session(opens, closes)

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
        The hours of all days.

    Raises:
        ConfigurationError: A part is malformed; it says which.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    return TradingHours(MappingProxyType(dict(_read(part) for part in parts)))


def _read(part: str) -> tuple[date, tuple[time, time] | None]:
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
