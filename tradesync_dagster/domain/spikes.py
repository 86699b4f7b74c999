"""Whether an account suddenly has many more external orders than it uses to have.

An hour's count is judged against the same hour of the account's own last trading days: the middle
one of those counts (median), and how far from it they usually are (the median of the distances,
MAD). Both stay where they are when some of the days were wild themselves, which a mean does not. An
order counts in the hour in which it was placed, so that one found late makes no spike of the hour
in which it was found. What belongs here: what a spike is, when it begins and ends. What does not:
counting orders (``store.queries``), telling of spikes (``sync.alerts``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from statistics import median

from tradesync_dagster.domain.market_calendar import IST
from tradesync_dagster.domain.trading_hours import TradingHours

DAYS = 20
"""How many trading days an hour is compared with: about a month."""
KNOWN_DAYS = 5
"""From how many days on an account has a history; with fewer, only a very high count is a spike."""
LATE = timedelta(minutes=15)
"""How long after its end an hour is still judged: orders are confirmed some minutes after they were
placed."""
_HOUR = timedelta(hours=1)
_ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class SpikeRules:
    """From which count on an hour is a spike.

    Attributes:
        minimum: Fewer external orders in an hour are never one.
        factor: How many times the usual distance above the usual count.
        hours: Which days are trading days.
    """

    minimum: int = 5
    factor: int = 6
    hours: TradingHours = TradingHours()  # noqa: RUF009 - frozen


@dataclass(frozen=True, slots=True)
class Activity:
    """An account's external orders.

    Attributes:
        known_since: The day of its first order of any origin; earlier days are no history.
        counts: Orders by the exchange's day and hour (Asia/Kolkata) of their placing.
    """

    account_id: int
    account: str
    known_since: date
    counts: Mapping[tuple[date, int], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Baseline:
    """What an hour of the day is like for an account.

    Attributes:
        usual: The middle count; ``None`` without enough history.
        threshold: From this count on the hour is a spike.
    """

    usual: Decimal | None
    threshold: int


@dataclass(frozen=True, slots=True)
class Spike:
    """An account's spike.

    Attributes:
        hour: The start of the hour in which it began, in Asia/Kolkata; names it with the account.
        count: The most external orders in one of its hours so far.
    """

    account_id: int
    account: str
    hour: datetime
    count: int
    baseline: Baseline


@dataclass(frozen=True, slots=True)
class SpikeChanges:
    """What one look at all accounts changed.

    Attributes:
        open: The spikes that go on or have begun, by account.
        begun: Those of them that have begun.
        ended: Those that are over.
    """

    open: Mapping[str, Spike]
    begun: Sequence[Spike] = ()
    ended: Sequence[Spike] = ()


def history_since(today: date, rules: SpikeRules) -> date:
    """Return the first of the ``DAYS`` trading days before a day."""
    return _days_before(today, today - timedelta(days=3 * DAYS), rules)[0]


def baseline(activity: Activity, hour: datetime, rules: SpikeRules) -> Baseline:
    """Say what an hour is like for an account.

    Args:
        activity: Its orders since ``history_since``.
        hour: The start of the hour, in Asia/Kolkata; its own day is no part of the history.
        rules: The minimum and the factor.

    Returns:
        The usual count and the threshold, which lies above it.
    """
    days = _days_before(hour.date(), activity.known_since, rules)
    if len(days) < KNOWN_DAYS:
        return Baseline(None, rules.minimum * rules.factor)
    counts = [Decimal(activity.counts.get((day, hour.hour), 0)) for day in days]
    usual = median(counts)
    # Where most days are alike the distance is nothing, and one order more would be a spike.
    distance = max(median(abs(count - usual) for count in counts), min(usual, _ONE))
    edge = (usual + rules.factor * distance).to_integral_value(ROUND_CEILING)
    return Baseline(usual, max(rules.minimum, int(edge)))


def follow_spikes(
    known: Mapping[str, Spike], activities: Iterable[Activity], now: datetime, rules: SpikeRules
) -> SpikeChanges:
    """Judge the present hour, and for some minutes the one before it.

    Args:
        known: The spikes that were open at the last look, by account.
        activities: At least all accounts with ``minimum`` orders since ``judged_since``.
        now: Aware.
        rules: The minimum and the factor.

    Returns:
        What has begun and what is over; a spike that goes on is neither.
    """
    hours = _judged(now)
    still: dict[str, Spike] = {}
    for activity in activities:
        found = [spike for hour in hours if (spike := _spike(activity, hour, rules))]
        if found:
            first, most = found[0], max(found, key=lambda spike: spike.count)
            before = known.get(activity.account, first)
            top = most if most.count > before.count else before
            still[activity.account] = Spike(
                before.account_id, before.account, before.hour, top.count, top.baseline
            )
    return SpikeChanges(
        open=still,
        begun=[spike for account, spike in still.items() if account not in known],
        ended=[spike for account, spike in known.items() if account not in still],
    )


def _spike(activity: Activity, hour: datetime, rules: SpikeRules) -> Spike | None:
    count = activity.counts.get((hour.date(), hour.hour), 0)
    if count < rules.minimum:
        return None
    usual = baseline(activity, hour, rules)
    if count < usual.threshold:
        return None
    return Spike(activity.account_id, activity.account, hour, count, usual)


def judged_since(now: datetime) -> datetime:
    """Return the start of the first hour that is judged now, in Asia/Kolkata."""
    return _judged(now)[0]


def _judged(now: datetime) -> list[datetime]:
    local = now.astimezone(IST)
    hour = local.replace(minute=0, second=0, microsecond=0)
    return [hour - _HOUR, hour] if local - hour < LATE else [hour]


def _days_before(day: date, since: date, rules: SpikeRules) -> list[date]:
    return rules.hours.trading_days(since, day - timedelta(days=1))[-DAYS:]
