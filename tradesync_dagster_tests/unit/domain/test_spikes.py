"""When an account's external orders are a spike."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradesync_dagster.domain.market_calendar import IST
from tradesync_dagster.domain.spikes import (
    DAYS,
    KNOWN_DAYS,
    Activity,
    Spike,
    SpikeRules,
    baseline,
    follow_spikes,
    history_since,
)
from tradesync_dagster.domain.trading_hours import TradingHours

TODAY = date(2026, 11, 19)
TEN = datetime(2026, 11, 19, 10, tzinfo=IST)
RULES = SpikeRules()
HISTORY = TradingHours().trading_days(history_since(TODAY, SpikeRules()), TODAY - timedelta(days=1))


def activity(
    history: list[int], today: dict[int, int] | None = None, since: date = HISTORY[0]
) -> Activity:
    """An account with these counts at ten o'clock on its last days, and today's by hour."""
    days = HISTORY[-len(history) :] if history else []
    counts = {(day, 10): count for day, count in zip(days, history, strict=True)}
    return Activity(7, "DESK/A", since, counts | {(TODAY, h): n for h, n in (today or {}).items()})


def at(hour: int, minute: int) -> datetime:
    return TEN.replace(hour=hour, minute=minute)


def test_the_history_is_twenty_trading_days_without_today() -> None:
    assert len(HISTORY) == DAYS
    assert HISTORY[-1] == date(2026, 11, 18)
    assert date(2026, 11, 10) not in HISTORY, "Diwali"


@pytest.mark.parametrize(
    ("history", "usual", "threshold"),
    [
        ([0] * 20, "0", 5),
        ([1] * 20, "1", 7),
        ([8] * 20, "8", 14),
        ([6, 10] * 10, "8", 20),
        ([0, 1] * 10, "0.5", 5),
        ([8] * 19 + [500], "8", 14),
        ([8] * 11 + [500] * 9, "8", 14),
    ],
)
def test_an_hour_is_held_against_its_own_history(
    history: list[int], usual: str, threshold: int
) -> None:
    found = baseline(activity(history), TEN, RULES)
    assert (found.usual, found.threshold) == (Decimal(usual), threshold)


def test_other_hours_are_no_history() -> None:
    busy = {(day, 14): 40 for day in HISTORY}
    quiet = Activity(7, "DESK/A", HISTORY[0], busy)
    assert baseline(quiet, TEN, RULES).threshold == 5
    assert baseline(quiet, at(14, 0), RULES).threshold == 46


def test_days_before_the_account_was_known_are_no_history() -> None:
    since = HISTORY[-KNOWN_DAYS]
    assert baseline(activity([9] * KNOWN_DAYS, since=since), TEN, RULES).usual == 9
    late = baseline(activity([9] * 4, since=HISTORY[-4]), TEN, RULES)
    assert (late.usual, late.threshold) == (None, 30)


def test_a_spike_begins_once_grows_and_ends() -> None:
    quiet = follow_spikes({}, [activity([2] * 20, {10: 7})], at(10, 5), RULES)
    assert (quiet.open, quiet.begun, quiet.ended) == ({}, [], [])
    begun = follow_spikes({}, [activity([2] * 20, {10: 8})], at(10, 20), RULES)
    [spike] = begun.begun
    assert (spike.account, spike.hour, spike.count) == ("DESK/A", TEN, 8)
    grown = follow_spikes(begun.open, [activity([2] * 20, {10: 30})], at(10, 40), RULES)
    assert (grown.begun, grown.ended) == ([], [])
    assert grown.open["DESK/A"].count == 30
    late = follow_spikes(grown.open, [activity([2] * 20, {10: 30})], at(11, 14), RULES)
    assert late.open == grown.open
    over = follow_spikes(late.open, [activity([2] * 20, {10: 30})], at(11, 15), RULES)
    assert over.open == {}
    assert [(s.account, s.hour, s.count) for s in over.ended] == [("DESK/A", TEN, 30)]


def test_a_spike_of_two_hours_is_one() -> None:
    begun = follow_spikes({}, [activity([], {10: 9})], at(10, 30), RULES)
    on = follow_spikes(begun.open, [activity([], {10: 9, 11: 6})], at(11, 20), RULES)
    assert (on.begun, on.ended) == ([], [])
    assert on.open["DESK/A"].hour == TEN


def test_orders_confirmed_after_their_hour_still_count_in_it() -> None:
    found = follow_spikes({}, [activity([], {10: 9})], at(11, 4), RULES)
    assert [spike.hour for spike in found.begun] == [TEN]
    assert follow_spikes({}, [activity([], {10: 9})], at(11, 16), RULES).begun == []


def test_a_spike_of_an_account_without_orders_ends() -> None:
    begun = follow_spikes({}, [activity([], {10: 9})], at(10, 30), RULES)
    assert [s.account for s in follow_spikes(begun.open, [], at(10, 31), RULES).ended] == ["DESK/A"]


def test_the_minimum_and_the_factor_rule() -> None:
    strict = SpikeRules(minimum=12, factor=1)
    assert baseline(activity([0] * 20), TEN, strict).threshold == 12
    assert baseline(activity([20] * 20), TEN, strict).threshold == 21


COUNTS = st.lists(st.integers(0, 500), min_size=DAYS, max_size=DAYS)


@given(COUNTS, st.randoms(use_true_random=False), st.integers(1, 50), st.integers(1, 20))
def test_no_order_of_days_and_no_wild_minority_moves_a_baseline_far(
    history: list[int], random: object, minimum: int, factor: int
) -> None:
    rules = SpikeRules(minimum, factor)
    found = baseline(activity(history), TEN, rules)
    shuffled = list(history)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert baseline(activity(shuffled), TEN, rules) == found
    assert found.usual is not None
    assert found.threshold > found.usual
    assert found.threshold >= minimum
    wild = [*sorted(history)[:11], *[10**9] * 9]
    assert baseline(activity(wild), TEN, rules).threshold <= 500 * (factor + 1) + minimum


@given(
    st.lists(st.tuples(st.integers(0, 59), st.integers(0, 40)), min_size=1, max_size=30),
    st.integers(1, 20),
)
def test_beginnings_and_endings_take_turns_and_are_named_once(
    looks: list[tuple[int, int]], minimum: int
) -> None:
    """Whatever is seen when, of growing counts, each spike begins once and ends after it."""
    told: list[tuple[str, datetime]] = []
    known: dict[str, Spike] = {}
    today: dict[int, int] = {}
    now = TEN
    for minutes, orders in looks:
        now += timedelta(minutes=minutes)
        if now.date() != TODAY:
            break
        today[now.hour] = today.get(now.hour, 0) + orders
        rules = SpikeRules(minimum)
        found = follow_spikes(known, [activity([], today)], now, rules)
        known = dict(found.open)
        told += [("ended", spike.hour) for spike in found.ended]
        told += [("begun", spike.hour) for spike in found.begun]
    assert len(set(told)) == len(told)
    kinds = [kind for kind, _ in told]
    assert kinds == ["begun", "ended"] * (len(kinds) // 2) + ["begun"] * (len(kinds) % 2)
