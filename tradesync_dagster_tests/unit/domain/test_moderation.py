"""Decisions: repeatable, 70% approved, reasons by weight, bad orders quarantined alone."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from tradesync_dagster.domain.fake_orders import FakeOrder
from tradesync_dagster.domain.marks import profit
from tradesync_dagster.domain.moderation import (
    LOOK_AHEAD,
    REASONS,
    SERVED,
    ModerationRules,
    Window,
    decide,
    may_try_again,
    window_wanted,
)
from tradesync_dagster_tests.support.fake_orders import HOUR, ORDER, RULES

LMP = 41_230_000
MANY = 40_000
MINUTE = timedelta(minutes=1)


def decided(number: int, rules: ModerationRules = RULES) -> FakeOrder:
    return decide(replace(ORDER, order_id=UUID(int=number)), LMP, rules, HOUR).order


def test_decisions_are_what_they_always_were() -> None:
    letters = "".join(decided(number).status[0] for number in range(32))
    assert letters == "ARARRAAAAARARAAAARAAAAAAARAAAAAR"


def test_the_approval_rate_is_within_its_confidence_interval() -> None:
    for rules, rate in ((RULES, 0.7), (replace(RULES, approval=250_000), 0.25)):
        approved = sum(decided(number, rules).status == "APPROVED" for number in range(MANY))
        spread = 4 * (rate * (1 - rate) / MANY) ** 0.5
        assert abs(approved / MANY - rate) < spread
    for approval, status in ((0, "REJECTED"), (1_000_000, "APPROVED")):
        rules = replace(RULES, approval=approval)
        assert {decided(number, rules).status for number in range(500)} == {status}


def test_reasons_come_by_their_weights_and_only_to_rejections() -> None:
    found = [decided(number) for number in range(MANY)]
    assert {one.reason for one in found if one.status == "APPROVED"} == {""}
    reasons = Counter(one.reason for one in found if one.status == "REJECTED")
    assert set(reasons) == set(REASONS)
    rejected = reasons.total()
    for reason, weight in REASONS.items():
        share = weight / sum(REASONS.values())
        assert abs(reasons[reason] / rejected - share) < 4 * (share * (1 - share) / rejected) ** 0.5
    own = replace(RULES, reasons={"because": 3})
    assert {decided(n, own).reason for n in range(200)} == {"", "because"}


def test_a_decision_follows_from_seed_and_order_alone() -> None:
    again = decide(replace(ORDER, limit_price=7), LMP, RULES, HOUR + timedelta(days=1)).order
    assert again.status == decide(ORDER, LMP, RULES, HOUR).order.status
    others = [decided(n, replace(RULES, seed="another")).status for n in range(100)]
    assert others != [decided(n).status for n in range(100)]


def test_both_get_the_price_and_an_approved_one_its_first_mark() -> None:
    everything = replace(RULES, approval=1_000_000)
    done = decide(ORDER, LMP, everything, HOUR + MINUTE)
    order = done.order
    assert (order.rt_lmp, order.last_lmp, order.pnl) == (LMP, LMP, profit(ORDER, LMP))
    assert (order.marked_at, order.next_mark_at) == (HOUR, HOUR + timedelta(minutes=5))
    assert [(m.at, m.lmp, m.pnl) for m in done.marks] == [(HOUR, LMP, order.pnl)]
    assert order.decided_at == HOUR + MINUTE
    refused = decide(ORDER, LMP, replace(RULES, approval=0), HOUR)
    assert (refused.order.rt_lmp, refused.order.pnl, refused.marks) == (LMP, None, [])
    assert refused.order.next_mark_at is None


@pytest.mark.parametrize(
    ("bad", "lmp", "word"),
    [
        (replace(ORDER, side="HOLD"), LMP, "side"),
        (replace(ORDER, quantity=0), LMP, "quantity_mwh"),
        (ORDER, None, "no LMP of PJM WESTERN HUB"),
    ],
)
def test_a_bad_order_is_quarantined_with_its_reason(
    bad: FakeOrder, lmp: int | None, word: str
) -> None:
    done = decide(bad, lmp, RULES, HOUR)
    assert done.order.status == "QUARANTINED"
    assert word in done.order.reason
    assert (done.marks, done.order.decided_at, done.order.next_mark_at) == ([], HOUR, None)


def test_a_due_time_that_no_run_serves_gets_one_for_a_quarter_of_an_hour() -> None:
    soon = HOUR + timedelta(seconds=50)
    assert window_wanted(soon, None, None, HOUR) == Window(soon, soon + SERVED)
    assert window_wanted(None, None, None, HOUR) is None
    served = soon - timedelta(microseconds=1)
    assert window_wanted(soon, HOUR, served, HOUR) == Window(soon, soon + SERVED)
    past = HOUR - timedelta(days=1)
    assert window_wanted(past, HOUR, None, HOUR) == Window(past, HOUR + SERVED), "from now on"


def test_while_orders_keep_coming_the_next_run_is_there_before_the_end_of_the_last() -> None:
    created = HOUR - timedelta(minutes=2)
    assert window_wanted(None, created, None, HOUR) == Window(created, HOUR + SERVED)
    ends = HOUR + LOOK_AHEAD
    assert window_wanted(None, created, ends, HOUR) == Window(ends, ends + SERVED)
    assert window_wanted(None, created, ends + timedelta(microseconds=1), HOUR) is None, "not yet"
    assert window_wanted(None, None, ends, HOUR) is None, "none was created lately"


def test_runs_that_fail_again_and_again_are_tried_once_a_minute() -> None:
    assert all(may_try_again(attempts, HOUR, HOUR) for attempts in range(3))
    assert not may_try_again(3, HOUR, HOUR + timedelta(seconds=59))
    assert may_try_again(3, HOUR, HOUR + MINUTE)
    assert may_try_again(9, None, HOUR), "the last one did not fail"
