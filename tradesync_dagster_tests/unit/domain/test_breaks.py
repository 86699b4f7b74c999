"""The life of a break."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tradesync_dagster.domain.breaks import Break, BreakState, KnownBreak, noted, settle

T0 = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
T1 = T0 + timedelta(minutes=5)
FOUND = Break(1, "position_differs", "NSE:INFY MIS", T0, {"ours": "5", "broker": "0"})
SUSPECTED = KnownBreak(
    1, "position_differs", "NSE:INFY MIS", BreakState.SUSPECTED, "", T0, T0, 1, FOUND.evidence
)


def again(known: KnownBreak, **evidence: str) -> KnownBreak:
    found = replace(FOUND, seen_at=T1, evidence=FOUND.evidence | evidence)
    [changed] = settle([known], [found], T1)
    return changed


def test_what_is_seen_once_is_suspected() -> None:
    assert settle([], [FOUND], T0) == [SUSPECTED]


def test_what_stays_is_open_and_counted() -> None:
    opened = again(SUSPECTED)
    assert opened == replace(SUSPECTED, state=BreakState.OPEN, last_seen_at=T1, seen_count=2)
    [third] = settle([opened], [replace(FOUND, seen_at=T1 + timedelta(minutes=5))], T1)
    assert (third.seen_count, third.first_seen_at) == (3, T0)


def test_what_moves_between_two_looks_stays_suspected() -> None:
    moved = again(SUSPECTED, ours="6")
    assert (moved.state, moved.evidence) == (BreakState.SUSPECTED, {"ours": "6", "broker": "0"})


@pytest.mark.parametrize("state", [BreakState.EXPLAINED, BreakState.ACCEPTED])
def test_what_somebody_settled_opens_again_only_when_it_changes(state: BreakState) -> None:
    settled = replace(SUSPECTED, state=state, owner="asha", note="a gift")
    assert again(settled).state is state
    changed = again(settled, ours="6")
    assert (changed.state, changed.owner, changed.note) == (BreakState.OPEN, "asha", "a gift")


@pytest.mark.parametrize("state", [state for state in BreakState if state != "resolved"])
def test_what_is_gone_is_resolved(state: BreakState) -> None:
    [changed] = settle([replace(SUSPECTED, state=state)], [], T1)
    assert changed == replace(SUSPECTED, state=BreakState.RESOLVED, resolved_at=T1)
    assert settle([changed], [], T1) == []


def test_what_comes_back_begins_anew() -> None:
    resolved = replace(
        SUSPECTED, state=BreakState.RESOLVED, owner="asha", seen_count=9, resolved_at=T0
    )
    assert again(resolved) == replace(SUSPECTED, first_seen_at=T1, last_seen_at=T1)


def test_what_needs_no_second_look_is_open_at_once() -> None:
    opened = replace(SUSPECTED, state=BreakState.OPEN)
    assert settle([], [FOUND], T0, first=BreakState.OPEN) == [opened]
    assert noted([], [FOUND]) == [opened]


def test_noting_closes_nothing_and_counts_a_time_once() -> None:
    other = replace(SUSPECTED, subject="NSE:TCS MIS", state=BreakState.OPEN)
    opened = replace(SUSPECTED, state=BreakState.OPEN)
    assert noted([other, opened], [FOUND, FOUND]) == [opened]
    [again_later] = noted([opened], [replace(FOUND, seen_at=T1)])
    assert (again_later.seen_count, again_later.last_seen_at) == (2, T1)


def test_what_was_resolved_opens_again_at_once_when_it_is_noted() -> None:
    gone = replace(SUSPECTED, state=BreakState.RESOLVED, resolved_at=T1)
    [back] = noted([gone], [replace(FOUND, seen_at=T1)])
    assert (back.state, back.resolved_at, back.first_seen_at) == (BreakState.OPEN, None, T1)
