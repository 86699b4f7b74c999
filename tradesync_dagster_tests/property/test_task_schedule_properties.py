"""No turn twice and none lost: whatever the clock does, whoever is killed, however many look."""

from datetime import UTC, date, datetime, time, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.task_schedules import (
    HOUR,
    MINUTE,
    Repeat,
    Schedule,
    Watched,
    due,
    slots_of,
)
from tradesync_dagster.domain.tasks import Due, Task, Turn, TurnState
from tradesync_dagster.domain.trading_hours import TradingHours

ACCOUNT = Account(7, "acme", "main", "PAPER")
BEGAN = datetime(2026, 11, 12, 18, 30, tzinfo=UTC)
"""Midnight in India, a Friday."""
HOURS = TradingHours()
LEASE = timedelta(minutes=15)
SCHEDULES = (
    Schedule("", Task.PREMARKET_RETRY, time(9, 0), grace=15 * MINUTE),
    Schedule("", Task.PREMARKET_AMO_ADJUSTMENT, time(9, 5), grace=8 * MINUTE),
    Schedule("", Task.SELL_MONITOR, time(9, 15), Repeat.CONTINUOUS, grace=timedelta()),
    Schedule("", Task.POSITION_MONITOR, time(9, 30), Repeat.HOURLY),
    Schedule("", Task.ANALYSIS, time(16, 0), grace=4 * HOUR),
    Schedule("", Task.BUY_ORDERS, time(16, 5), grace=4 * HOUR),
    Schedule("", Task.EOD_CLEANUP, time(18, 0), grace=5 * HOUR),
)
"""As the schema begins."""


class Books:
    """The turns' table: claims as the store makes them, by the attempts that were read."""

    def __init__(self) -> None:
        self.turns: dict[tuple[int, Task, str], Turn] = {}
        self.began: list[Due] = []
        self.ended: list[Due] = []
        self.missed: list[Due] = []

    def claim(self, one: Due, now: datetime) -> bool:
        known = self.turns.get(one.key)
        if (known.attempts if known else 0) != one.attempts:
            return False
        self.turns[one.key] = Turn(
            *one.key, one.due_at, TurnState.RUNNING, now, now + LEASE, None, one.attempts + 1
        )
        self.began.append(one)
        return True

    def end(self, one: Due, state: TurnState) -> None:
        turn = self.turns[one.key]
        self.turns[one.key] = Turn(*one.key, turn.due_at, state, attempts=turn.attempts)
        if state is TurnState.DONE:
            self.ended.append(one)

    def miss(self, one: Due) -> None:
        state = TurnState.INTERRUPTED if one.interrupted else TurnState.MISSED
        known = self.turns.get(one.key)
        same = known is not None and known.attempts == one.attempts
        if known is None or (same and known.state is TurnState.RUNNING):
            self.turns[one.key] = Turn(*one.key, one.due_at, state, attempts=one.attempts)
            self.missed.append(one)


def look(
    books: Books,
    schedules: tuple[Schedule, ...],
    now: datetime,
    last: datetime,
    kills: bool = False,
) -> None:
    """One look of two schedulers that read the same, of which one may be killed at work."""
    watched = [Watched(ACCOUNT, BEGAN, last)]
    both = [due(watched, schedules, books.turns, now, HOURS) for _ in range(2)]
    for agenda in both:
        for one in agenda.missed:
            books.miss(one)
    won = [[one for one in agenda.due if books.claim(one, now)] for agenda in both]
    assert won[1] == [], "what one has claimed the other has not"
    for one in won[0]:
        if not kills:
            books.end(one, TurnState.DONE)


def single(found: list[Due]) -> None:
    keys = [(one.key, one.attempts) for one in found if one.task is not Task.SELL_MONITOR]
    assert len(keys) == len(set(keys))


steps = st.lists(
    st.one_of(
        st.integers(1, 3),  # minutes, as a scheduler looks
        st.integers(4, 3 * 24 * 60),  # downtime
        st.integers(-3 * 24 * 60, -1),  # a clock set back
    ),
    min_size=5,
    max_size=120,
)


@settings(max_examples=60, deadline=None)
@given(steps, st.lists(st.booleans(), min_size=120, max_size=120))
def test_no_turn_is_done_twice_and_none_is_lost(minutes: list[int], kills: list[bool]) -> None:
    books, now, last = Books(), BEGAN, BEGAN
    for step, killed in zip(minutes, kills, strict=False):
        now += step * MINUTE
        now = max(now, BEGAN)
        look(books, SCHEDULES, now, last, killed)
        last = now
    latest = max(one.due_at for one in [*books.began, *books.missed]) if books.turns else now
    now = max(now, latest) + timedelta(days=1)
    look(books, SCHEDULES, now, last)
    assert len({one.key for one in books.ended if one.task is not Task.SELL_MONITOR}) == len(
        [one for one in books.ended if one.task is not Task.SELL_MONITOR]
    )
    single(books.missed)
    assert not any(t.state is TurnState.RUNNING and t.task is not Task.SELL_MONITOR
                   for t in books.turns.values())  # fmt: skip
    _nothing_lost(books, now)


def _nothing_lost(books: Books, now: datetime) -> None:
    for day in TradingHours().trading_days(trade_date_of(BEGAN), trade_date_of(now)):
        for schedule in (one for one in SCHEDULES if one.repeats is not Repeat.CONTINUOUS):
            session = HOURS.session(day)
            assert session is not None
            for slot in slots_of(schedule, day, session, now):
                over = slot.at + schedule.grace < now
                long_ago = now - slot.at > timedelta(days=6)
                if slot.at >= BEGAN and over and not long_ago:
                    assert (7, schedule.task, slot.name) in books.turns, (slot, now)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=200), st.integers(0, 400))
def test_a_continuous_task_does_each_minute_once_while_it_holds(
    minutes: list[int], first: int
) -> None:
    books = Books()
    schedules = (Schedule("", Task.SELL_MONITOR, time(9, 15), Repeat.CONTINUOUS),)
    opening = datetime(2026, 11, 13, 3, 45, tzinfo=UTC)
    now = opening + (first - 10) * MINUTE
    wanted = set()
    for step in minutes:
        now += step * MINUTE + timedelta(seconds=7)
        minute = now.replace(second=0, microsecond=0)
        look(books, schedules, now, now)
        if opening <= minute <= opening + timedelta(hours=6, minutes=15):
            wanted.add(minute)
    done = [one.due_at for one in books.ended]
    assert len(done) == len(set(done))
    assert set(done) == wanted
    assert date(2026, 11, 13).isoformat() in {one.slot for one in books.ended} or not wanted
