"""What is due and what is missed, at the borders of grace, days, minutes and clocks."""

from datetime import UTC, datetime, time, timedelta

import pytest

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.market_calendar import IST
from tradesync_dagster.domain.task_schedules import (
    MINUTE,
    Agenda,
    Repeat,
    Schedule,
    Watched,
    due,
)
from tradesync_dagster.domain.tasks import Due, Task, Turn, TurnState
from tradesync_dagster.domain.trading_hours import TradingHours

ACCOUNT = Account(7, "acme", "main", "PAPER")
LONG_AGO = datetime(2026, 11, 1, tzinfo=UTC)
GRACE = 30 * MINUTE
ONCE = Schedule("", Task.ANALYSIS, time(16, 0), grace=GRACE)
WATCH = Schedule("", Task.SELL_MONITOR, time(9, 15), Repeat.CONTINUOUS, grace=timedelta())
SECOND = timedelta(seconds=1)


def ist(text: str) -> datetime:
    """Read a time of India; 2026-11-20 is a Friday, and a trading day."""
    return datetime.fromisoformat(text).replace(tzinfo=IST).astimezone(UTC)


NOON, FOUR = ist("2026-11-20T12:00"), ist("2026-11-20T16:00")


def agenda(
    now: datetime, *turns: Turn, of: Schedule = ONCE, looked: datetime | None = None
) -> Agenda:
    watched = Watched(ACCOUNT, LONG_AGO, now if looked is None else looked)
    return due([watched], [of], {one.key: one for one in turns}, now, TradingHours())


def turn(state: TurnState, at: datetime = FOUR, lease: datetime | None = None) -> Turn:
    task = Task.ANALYSIS if at == FOUR else Task.SELL_MONITOR
    return Turn(7, task, f"{at.astimezone(IST):%Y-%m-%d}", at, state, at, lease, attempts=1)


def days(found: list[Due]) -> list[str]:
    return [one.slot for one in found]


@pytest.mark.parametrize(
    ("now", "is_due", "is_missed"),
    [
        (FOUR - SECOND, False, False),
        (FOUR, True, False),
        (FOUR + GRACE, True, False),
        (FOUR + GRACE + SECOND, False, True),
    ],
)
def test_a_turn_is_due_from_its_time_to_the_end_of_its_grace(
    now: datetime, is_due: bool, is_missed: bool
) -> None:
    found = agenda(now)
    assert ("2026-11-20" in days(found.due), "2026-11-20" in days(found.missed)) == (
        is_due,
        is_missed,
    )


@pytest.mark.parametrize("state", [TurnState.MISSED, TurnState.INTERRUPTED])
def test_what_a_clock_ahead_recorded_as_not_done_is_done_when_its_time_comes(
    state: TurnState,
) -> None:
    assert days(agenda(FOUR + MINUTE, turn(state)).due) == ["2026-11-20"]
    late = agenda(FOUR + GRACE + MINUTE, turn(state))
    assert "2026-11-20" not in days([*late.due, *late.missed]), "not told a second time"


@pytest.mark.parametrize("state", [TurnState.DONE, TurnState.FAILED])
def test_what_was_done_or_failed_is_neither_due_nor_missed(state: TurnState) -> None:
    for now in (FOUR + MINUTE, FOUR + GRACE + MINUTE):
        found = agenda(now, turn(state))
        assert "2026-11-20" not in days([*found.due, *found.missed])


def test_what_was_begun_is_left_alone_until_its_lease_ends_and_told_after_its_grace() -> None:
    begun = turn(TurnState.RUNNING, lease=FOUR + 15 * MINUTE)
    assert not agenda(FOUR + 15 * MINUTE - SECOND, begun).due
    [again] = agenda(FOUR + 15 * MINUTE, begun).due
    assert (again.interrupted, again.attempts) == (True, 1)
    [gone] = [one for one in agenda(FOUR + 31 * MINUTE, begun).missed if one.due_at == FOUR]
    assert gone.interrupted


def test_what_was_begun_before_midnight_is_told_after_it() -> None:
    late = Schedule("", Task.ANALYSIS, time(23, 55), grace=GRACE)
    at = ist("2026-11-20T23:55")
    begun = Turn(7, Task.ANALYSIS, "2026-11-20", at, TurnState.RUNNING, at, at + GRACE, attempts=1)
    found = agenda(at + 35 * MINUTE, begun, of=late, looked=at + 30 * MINUTE)
    assert days(found.missed)[-1] == "2026-11-20"


def test_a_clock_that_was_days_ahead_hides_nothing_once_it_is_right() -> None:
    assert days(agenda(FOUR, looked=FOUR + timedelta(days=5)).due) == ["2026-11-20"]


@pytest.mark.parametrize(
    ("now", "minute"),
    [
        ("09:14:59", None),
        ("09:15:00", "09:15"),
        ("12:00:59", "12:00"),
        ("15:30:59", "15:30"),
        ("15:31:00", None),
    ],
)
def test_a_continuous_task_does_the_present_minute_of_its_hours(
    now: str, minute: str | None
) -> None:
    found = agenda(ist(f"2026-11-20T{now}"), of=WATCH)
    wanted = [] if minute is None else [ist(f"2026-11-20T{minute}")]
    assert [one.due_at for one in found.due] == wanted
    assert ("2026-11-20" in days(found.missed)) == (now == "15:31:00"), "a day without any"


def test_a_continuous_task_goes_on_after_a_clock_was_set_back() -> None:
    for back, wanted in ((0, 0), (1, 0), (2, 0), (3, 1), (90, 1)):
        done = turn(TurnState.DONE, NOON + back * MINUTE)
        assert len(agenda(NOON, done, of=WATCH).due) == wanted, back
    assert agenda(NOON + MINUTE, turn(TurnState.DONE, NOON), of=WATCH).due


@pytest.mark.parametrize("last", ["09:30", "10:00", "10:30"])
def test_an_hourly_task_runs_at_its_last_hour_too(last: str) -> None:
    end = time.fromisoformat(last)
    hourly = Schedule("", Task.POSITION_MONITOR, time(9, 30), Repeat.HOURLY, end, 5 * MINUTE)
    found = agenda(ist("2026-11-20T10:31"), of=hourly)
    assert days(found.due) == (["2026-11-20T10"] if last == "10:30" else [])
    assert "2026-11-20T09" in days(found.missed)


@pytest.mark.parametrize("opens", [None, time(18, 0)])
def test_a_saturday_has_turns_where_it_has_a_session(opens: time | None) -> None:
    saturday = ist("2026-11-21T19:50")
    hours = TradingHours({saturday.date(): opens and (opens, time(19, 15))})
    found = due([Watched(ACCOUNT, LONG_AGO, saturday)], [ONCE], {}, saturday, hours)
    told = [one.due_at for one in found.due if one.slot == "2026-11-21"]
    assert told == ([ist("2026-11-21T19:45")] if opens else []), "half an hour after its close"
