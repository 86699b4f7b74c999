"""Moderation: the decision on a fake order, which follows from the seed, the order and the rules.

A rerun decides the same. What belongs here: the rules, the decision, which stretches of time a run
serves. What does not: claiming and writing (``sync.moderating``), prices (``lmp``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from tradesync_dagster.domain.errors import ValueRefusedError
from tradesync_dagster.domain.fake_orders import FakeOrder, FakeOrderStatus, check
from tradesync_dagster.domain.lmp import PricePoint, draw
from tradesync_dagster.domain.marks import Mark, marked

CERTAIN = 1_000_000
"""An approval rate is in millionths."""
PATIENT_FROM = 3
"""After so many runs for one due time, the last of which failed, the next one waits."""
PATIENCE = timedelta(minutes=1)
LOOK_AHEAD = timedelta(seconds=90)
"""How long before it is due an order gets its run: a busy machine takes long to start one."""
SERVED = timedelta(minutes=15)
"""How long a run goes on after the due time that it was asked for: starting one costs seconds."""

REASONS: Final[Mapping[str, int]] = {
    "credit limit of the portfolio exceeded": 25,
    "congestion on the path to the node": 20,
    "position limit at the node exceeded": 18,
    "not enough transmission capacity for the hour": 14,
    "collateral does not cover the exposure": 10,
    "reliability curtailment by the market operator": 8,
    "node out of service for the hour": 5,
}
"""Reasons of rejections, by weight."""


@dataclass(frozen=True, slots=True)
class ModerationRules:
    """How orders are decided.

    Attributes:
        seed: Other seeds decide otherwise.
        approval: Share of approved orders, in millionths.
        reasons: Reasons of rejections, by weight.
        step: Time between two marks of an approved order.
    """

    seed: str
    approval: int = 700_000
    reasons: Mapping[str, int] = field(default_factory=lambda: REASONS)
    step: timedelta = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Decided:
    """An order after its decision, and its first mark if it was approved."""

    order: FakeOrder
    marks: list[Mark]


@dataclass(frozen=True, slots=True)
class Window:
    """What one run serves: whatever is due from its start until an end.

    Attributes:
        due: The due time that it was asked for, UTC.
        until: Its end, UTC.
    """

    due: datetime
    until: datetime


def priced_at(order: FakeOrder) -> PricePoint:
    """Name the price that an order is moderated with."""
    return PricePoint(order.market, order.node, order.hour_start_utc)


def decide(order: FakeOrder, lmp: int | None, rules: ModerationRules, at: datetime) -> Decided:
    """Decide one order; never raises, so that a bad one stops no other.

    Args:
        order: A pending one.
        lmp: The real-time price of its node at its hour; ``None`` if it is not known.
        rules: How.
        at: When, UTC.

    Returns:
        The order approved, rejected, or quarantined with its reason.
    """
    try:
        check(order)
    except ValueRefusedError as error:
        return _quarantined(order, str(error), at)
    if lmp is None:
        return _quarantined(order, f"no LMP of {order.market} {order.node} is known", at)
    decided = replace(order, decided_at=at, rt_lmp=lmp)
    name = str(order.order_id)
    if draw(CERTAIN, rules.seed, "approval", name) >= rules.approval:
        reason = _reason(rules, name)
        return Decided(replace(decided, status=FakeOrderStatus.REJECTED.value, reason=reason), [])
    approved = replace(decided, status=FakeOrderStatus.APPROVED.value)
    point = priced_at(order)
    return Decided(*marked(approved, [point], {point: lmp}, rules.step))


def window_wanted(
    due: datetime | None, created: datetime | None, served_until: datetime | None, now: datetime
) -> Window | None:
    """Say which run to ask for, if any.

    A run serves whatever is due until its end, so that one is enough; the next one is asked for
    while it still waits, early enough to be there before its end.

    Args:
        due: When the earliest pending order is due, soon or past, that lies beyond
            ``served_until``, UTC; ``None`` if none is.
        created: When the latest order was created, UTC; ``None`` if that is long ago.
        served_until: Until when a run that is alive serves; ``None`` if none is.
        now: UTC.

    Returns:
        A window of ``SERVED`` from its due time on: while orders keep coming one run is alive, also
        if none is due, so that one created at the last moment finds it.
    """
    start = due
    if start is None and created is not None:
        if served_until is None:
            start = created
        elif served_until - now <= LOOK_AHEAD:
            start = served_until
    return None if start is None else Window(start, max(start, now) + SERVED)


def may_try_again(attempts: int, failed_at: datetime | None, now: datetime) -> bool:
    """Whether a due time may have another run: at once, but not for ever while runs fail.

    Args:
        attempts: How many runs it has had.
        failed_at: When the last of them failed, UTC; ``None`` if it did not.
        now: UTC.
    """
    return attempts < PATIENT_FROM or failed_at is None or now - failed_at >= PATIENCE


def _quarantined(order: FakeOrder, reason: str, at: datetime) -> Decided:
    status = FakeOrderStatus.QUARANTINED.value
    return Decided(replace(order, status=status, reason=reason, decided_at=at), [])


def _reason(rules: ModerationRules, name: str) -> str:
    left = draw(sum(rules.reasons.values()), rules.seed, "reason", name)
    for reason, weight in rules.reasons.items():
        if left < weight:
            return reason
        left -= weight
    raise AssertionError("a draw is below the sum of the weights")
