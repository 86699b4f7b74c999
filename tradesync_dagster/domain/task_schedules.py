"""When the desk's tasks run: schedules, and which turns are due or missed at a moment.

What belongs here: the schedule with its bounds, and the pure answer to "what now?".
What does not: keeping schedules and turns (``store.tasks``), claiming and doing (``sync.tasks``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.errors import ScheduleRefusedError, ValueRefusedError
from tradesync_dagster.domain.market_calendar import IST, start_of, trade_date_of
from tradesync_dagster.domain.order_limits import scopes_of
from tradesync_dagster.domain.tasks import Due, Task, Turn, TurnState
from tradesync_dagster.domain.trading_hours import CLOSING, OPENING, Session, TradingHours

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MOST_GRACE = timedelta(hours=12)
LOOK_BACK = 7 * DAY
"""How far back turns are looked for; what is older was never watched over."""
_SET_BACK = 2 * MINUTE
"""From how far on a clock was set back, and is not merely another machine's."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Repeat(StrEnum):
    """How often a task runs on a trading day."""

    ONCE = "once"
    HOURLY = "hourly"
    CONTINUOUS = "continuous"
    """Every minute, and late minutes not at all."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a task runs.

    Attributes:
        scope: Whose: empty for all accounts, an organization, or ``ORG/ACCOUNT``; of several the
            narrowest holds.
        start: Of the day, in Asia/Kolkata, a whole minute.
        end: The last minute of a repeated task; the market's close when ``None``.
        grace: How late a turn may still begin; after that it counts as missed.
        changed_at: UTC; turns before it do not count.
    """

    scope: str
    task: Task
    start: time
    repeats: Repeat = Repeat.ONCE
    end: time | None = None
    grace: timedelta = 30 * MINUTE
    enabled: bool = True
    changed_at: datetime = _EPOCH
    who: str = ""

    @property
    def until(self) -> time:
        """The last minute."""
        return self.start if self.repeats is Repeat.ONCE else self.end or CLOSING


def checked(schedule: Schedule) -> Schedule:
    """Hold a schedule to its bounds.

    Raises:
        ValueRefusedError: It says which part is out of them.
    """
    start, until = schedule.start, schedule.until
    if any(one.second or one.microsecond or one.tzinfo for one in (start, until)):
        raise ValueRefusedError("times are whole minutes in Asia/Kolkata, such as 09:15")
    if schedule.repeats is not Repeat.ONCE and until <= start:
        raise ScheduleRefusedError(f"the end {until:%H:%M} is not after the start {start:%H:%M}")
    most = HOUR - MINUTE if schedule.repeats is Repeat.HOURLY else MOST_GRACE
    if not timedelta() <= schedule.grace <= most or schedule.grace % MINUTE:
        raise ScheduleRefusedError(
            f"a grace is 0 to {most // MINUTE} whole minutes for a task that runs "
            f"{schedule.repeats}"
        )
    return schedule


def schedule_of(account: Account, task: Task, schedules: Sequence[Schedule]) -> Schedule | None:
    """Find the schedule that holds for an account: the narrowest one there is."""
    found = {one.scope: one for one in schedules if one.task is task}
    held = [found[scope] for scope in scopes_of(account) if scope in found]
    return held[-1] if held else None


@dataclass(frozen=True, slots=True)
class Watched:
    """An account, and since when its tasks are watched over.

    Attributes:
        began_at: When it was first looked at, UTC; turns before it do not count.
        looked_at: When it was last looked at, UTC.
    """

    account: Account
    began_at: datetime
    looked_at: datetime

    def since(self, now: datetime) -> datetime:
        """Say from which turn on a look has to go through them."""
        known = start_of(trade_date_of(min(self.looked_at, now) - DAY))
        return max(known, start_of(trade_date_of(now - LOOK_BACK)), self.began_at)


@dataclass(frozen=True, slots=True)
class Slot:
    """One of a schedule's moments.

    Attributes:
        name: As ``Turn.slot``.
        at: UTC.
        last: The schedule's last moment on that day, UTC.
    """

    name: str
    at: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Agenda:
    """What is to be done at a moment, earliest first."""

    due: list[Due] = field(default_factory=list)
    missed: list[Due] = field(default_factory=list)


def due(
    watched: Sequence[Watched],
    schedules: Sequence[Schedule],
    done: Mapping[tuple[int, Task, str], Turn],
    now: datetime,
    hours: TradingHours,
) -> Agenda:
    """Say which turns are to be begun now, and which can no longer be.

    A turn is due from its time until its grace is over, whether it was never begun, was recorded as
    missed by a clock that ran ahead, or was begun by somebody who is gone. After that it is missed.
    One that is done, has failed, or is being done is neither.

    Args:
        watched: The accounts.
        schedules: All there are.
        done: Turns as they are stored, by key: all since the earliest ``Watched.since``.
        now: UTC.
        hours: On which days there is trading, and when.

    Returns:
        Turns.
    """
    agenda = Agenda()
    slots: dict[Schedule, list[Slot]] = {}
    for one in watched:
        for task in Task:
            schedule = schedule_of(one.account, task, schedules)
            if schedule is None or not schedule.enabled:
                continue
            if schedule not in slots:
                slots[schedule] = list(_slots(schedule, now, hours))
            since = max(one.since(now), schedule.changed_at)
            for slot in slots[schedule]:
                if since <= slot.at <= now:
                    key = (one.account.account_id, task, slot.name)
                    _judge(agenda, key, schedule, slot, done.get(key), now)
    order = {task: place for place, task in enumerate(Task)}
    for found in (agenda.due, agenda.missed):
        found.sort(key=lambda turn: (turn.account_id, turn.due_at, order[turn.task]))
    return agenda


def _judge(
    agenda: Agenda,
    key: tuple[int, Task, str],
    schedule: Schedule,
    slot: Slot,
    turn: Turn | None,
    now: datetime,
) -> None:
    if turn is not None and turn.is_held(now):
        return
    interrupted = turn is not None and turn.state is TurnState.RUNNING
    wanted = Due(*key, slot.at, turn.attempts if turn else 0, interrupted)
    if schedule.repeats is Repeat.CONTINUOUS:
        # It does the present minute; missed is only a day without any.
        last = None if turn is None or turn.state.is_untold else turn.due_at
        if now >= slot.last + MINUTE:
            agenda.missed.extend([wanted] if turn is None else [])
        elif last is None or slot.at > last or last - slot.at > _SET_BACK:
            agenda.due.append(wanted)
    elif turn is None or interrupted or turn.state.is_untold:
        if now <= slot.at + schedule.grace:
            agenda.due.append(wanted)
        elif turn is None or interrupted:
            agenda.missed.append(wanted)


def _slots(schedule: Schedule, now: datetime, hours: TradingHours) -> Iterator[Slot]:
    today = trade_date_of(now)
    days = (today - number * DAY for number in range(LOOK_BACK // DAY, -1, -1))
    for day in days:
        session = hours.session(day)
        if session is not None:
            yield from slots_of(schedule, day, session, now)


def slots_of(schedule: Schedule, day: date, session: Session, now: datetime) -> Iterator[Slot]:
    """List a trading day's slots.

    On a day with other hours than the usual ones, what is before the opening keeps its distance to
    it, what is after the close to that, and what is between counts from the opening.

    Args:
        schedule: Whose.
        day: The day.
        session: Its hours.
        now: UTC.

    Yields:
        Slots; that of a continuous task is its day, at the present minute.
    """
    start = _moment(day, schedule.start, session)
    last = _moment(day, schedule.until, session)
    if schedule.repeats is Repeat.ONCE:
        yield Slot(day.isoformat(), start, start)
    elif schedule.repeats is Repeat.CONTINUOUS:
        minute = now.replace(second=0, microsecond=0)
        yield Slot(day.isoformat(), max(start, min(minute, last)), last)
    else:
        while start <= last:
            yield Slot(f"{start.astimezone(IST):%Y-%m-%dT%H}", start, last)
            start += HOUR


def _moment(day: date, at: time, session: Session) -> datetime:
    wanted, opens, closes = (datetime.combine(day, t, IST) for t in (at, OPENING, CLOSING))
    if wanted <= opens:
        return session.opens_at - (opens - wanted)
    if wanted >= closes:
        return session.closes_at + (wanted - closes)
    return min(session.opens_at + (wanted - opens), session.closes_at)


def moved(schedule: Schedule, at: datetime, who: str, **changes: object) -> Schedule:
    """Change a schedule; see ``checked``.

    Raises:
        ScheduleRefusedError: An end is given to a task that runs once.
        ValueRefusedError: It is out of its bounds.
    """
    new = checked(replace(schedule, changed_at=at, who=who, **changes))  # type: ignore[arg-type]
    if changes.get("end") is not None and new.repeats is Repeat.ONCE:
        raise ScheduleRefusedError("a task that runs once has no end; give its start alone")
    return new
