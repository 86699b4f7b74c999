"""How the assets are cut: one partition an account, or one an account and trading day.

What belongs here: partitions definitions. What does not: who adds accounts to them (``sensors``),
which days are trading days (``domain.trading_hours``).
"""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta

import dagster as dg

from tradesync_dagster.domain.market_calendar import IST, known_until
from tradesync_dagster.domain.trading_hours import TradingHours
from tradesync_dagster.settings import load_settings

accounts = dg.DynamicPartitionsDefinition(name="accounts")
"""The desk's enabled accounts by their ``ORG/ACCOUNT`` keys, in the order of their discovery."""

ACCOUNTS = "accounts"
"""The name under which an instance keeps them."""

ACCOUNT = "account"
DATE = "date"
"""The dimensions of ``account_days``, whose keys read ``ORG/ACCOUNT|YYYY-MM-DD``."""

_SETTINGS = load_settings()
HISTORY_START = _SETTINGS.history_start
_UNKNOWN = timedelta(days=3 * 365)
"""For how long after the last known holidays weekends are left out day by day."""


def trading_day_partitions(start: date, hours: TradingHours) -> dg.DailyPartitionsDefinition:
    """Cut time into the exchange's trading days.

    Args:
        start: The first day.
        hours: Which days are trading days.

    Returns:
        One partition for each trading day from then on, today included from its first minute; on
        other days the next trading day is there already, to be filled when it has come. After the
        last year whose holidays are known, every weekday counts.
    """
    until = known_until() + _UNKNOWN
    trading = set(hours.trading_days(start, until))
    days = (start + timedelta(days=n) for n in range((until - start).days + 1))
    # Day by day, weekends too: a cron expression cannot spare those with a special session.
    closed = [datetime.combine(day, time(), IST) for day in days if day not in trading]
    return dg.DailyPartitionsDefinition(
        start_date=start.isoformat(), timezone=str(IST), exclusions=closed, end_offset=1
    )


account_days = dg.MultiPartitionsDefinition(
    {DATE: trading_day_partitions(HISTORY_START, _SETTINGS.trading_hours), ACCOUNT: accounts}
)
"""Every trading day of every account."""


def key_of(account: str, day: date) -> dg.MultiPartitionKey:
    """Name one account's day as Dagster does."""
    return dg.MultiPartitionKey({ACCOUNT: account, DATE: day.isoformat()})


def dimensions_of(key: str) -> Mapping[str, str]:
    """Take an ``account_days`` key apart, by ``ACCOUNT`` and ``DATE``."""
    return account_days.get_partition_key_from_str(key).keys_by_dimension
