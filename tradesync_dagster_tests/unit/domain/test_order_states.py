"""The table of an order's life: nothing moves an order but by it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tradesync_dagster.domain import placements
from tradesync_dagster.domain.answers import OrderRequest
from tradesync_dagster.domain.order_progress import advance
from tradesync_dagster.domain.order_states import RULES, Cause, drawing, permits
from tradesync_dagster.domain.orders import BrokerOrder, OrderStatus
from tradesync_dagster.domain.placements import Placement

ROOT = Path(__file__).resolve().parents[3]
AT = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
REQUEST = OrderRequest("NSE", "INFY", "CNC", "BUY", "LIMIT", 10, 1_500_000_000, tag="tsabc")
S = OrderStatus


def placed() -> Placement:
    return placements.intend(1, REQUEST, AT, strategy_id="", who="asha", value=15_000_000_000)


def in_book(placement: Placement, word: str, filled: int = 0) -> BrokerOrder:
    return replace(
        placement.order.broker, broker_order_id="B1", status_word=word, filled_quantity=filled
    )


@pytest.mark.parametrize(
    ("before", "after", "cause"),
    [
        (S.OPEN, S.EXECUTED, Cause.BROKER),
        (S.OPEN, S.CANCELLED, Cause.BROKER),
        (S.AMO, S.OPEN, Cause.BROKER),
        (S.OPEN, S.PENDING_EXECUTION, Cause.BROKER),
        (S.FAILED, S.EXECUTED, Cause.BROKER),
        (S.RETRY_PENDING, S.PENDING_EXECUTION, Cause.DESK),
        (S.PENDING_EXECUTION, S.UNKNOWN, Cause.PLACEMENT),
        (S.UNKNOWN, S.FAILED, Cause.PLACEMENT),
        (S.OPEN, S.EXPIRED, Cause.DAY_END),
        (S.EXECUTED, S.CANCELLED, Cause.CORRECTION),
        (S.OPEN, S.OPEN, Cause.DESK),
    ],
)
def test_what_may_happen(before: S, after: S, cause: Cause) -> None:
    assert permits(before, after, cause)


@pytest.mark.parametrize(
    ("before", "after", "cause"),
    [
        (S.EXECUTED, S.OPEN, Cause.BROKER),
        (S.CANCELLED, S.EXECUTED, Cause.BROKER),
        (S.OPEN, S.AMO, Cause.BROKER),
        (S.OPEN, S.FAILED, Cause.PLACEMENT),
        (S.OPEN, S.RETRY_PENDING, Cause.DESK),
        (S.REJECTED, S.RETRY_PENDING, Cause.DESK),
        (S.FAILED, S.PENDING_EXECUTION, Cause.DESK),
        (S.EXECUTED, S.EXPIRED, Cause.DAY_END),
        (S.PENDING_EXECUTION, S.RETRY_PENDING, Cause.DESK),
    ],
)
def test_what_may_not(before: S, after: S, cause: Cause) -> None:
    assert not permits(before, after, cause)


def test_every_status_is_reached_and_every_one_but_an_end_is_left() -> None:
    assert {after for rule in RULES for after in rule.after} == set(OrderStatus)
    left = {
        before for rule in RULES if rule.cause is not Cause.CORRECTION for before in rule.before
    }
    assert left == {status for status in OrderStatus if not status.is_terminal}


def test_an_end_is_left_only_by_a_correction() -> None:
    causes = {r.cause for r in RULES for before in r.before if before.is_terminal}
    assert causes == {Cause.CORRECTION}


_WORDS = st.sampled_from(
    ["OPEN", "COMPLETE", "CANCELLED", "REJECTED", "TRIGGER PENDING", "AMO REQ RECEIVED",
     "PUT ORDER REQ RECEIVED", "WHATEVER NEXT"]
)  # fmt: skip
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("book"), _WORDS, st.integers(0, 10)),
        st.tuples(st.sampled_from(["acknowledge", "fail", "lose", "retry", "queue", "expire"])),
    ),
    max_size=12,
)


@given(_STEPS)
@example([("fail",), ("retry",), ("fail",), ("queue",), ("retry",)])  # found by chance too seldom
def test_no_path_leaves_the_table(steps: list[tuple[object, ...]]) -> None:
    now, at = placed(), AT
    for step in steps:
        at += timedelta(seconds=1)
        before, row = now.order.status, now.order.broker
        now = Placement(now.order, now.intent, [])
        _take(now, step, at)
        after = now.order.status
        moves = [e for e in now.events if e.detail.get("to") and e.kind != "status_refused"]
        path = [before, *(S(str(e.detail["to"])) for e in moves)]
        assert path[-1] is after, (step, now.events)
        assert [e.detail["from"] for e in moves] == path[:-1], "moved without an event"
        for old, new in pairwise(path):
            assert any(permits(old, new, cause) for cause in Cause), (step, old, new)
        if before is S.EXPIRED and row.status_word:  # we concluded it; the broker may know better
            assert after is before or {e.kind for e in moves} == {"corrected"}
        elif before.is_terminal and row.status_word:
            assert after is before, "an end was left without a correction"
        if any(e.kind in ("status_refused", "reopen_ignored") for e in now.events):
            assert (after, now.order.broker.status_word) == (before, row.status_word)


def _take(now: Placement, step: tuple[object, ...], at: datetime) -> None:
    kind = step[0]
    ours: dict[object, Callable[[], object]] = {
        "acknowledge": lambda: placements.acknowledge(now, "B1", at, "answer"),
        "fail": lambda: placements.fail(now, "no", at),
        "lose": lambda: placements.lose(now, "silence", at),
        "queue": lambda: now.move(S.RETRY_PENDING, Cause.DESK, at, "retry_queued"),
        "expire": lambda: now.move(S.EXPIRED, Cause.DAY_END, at, "expired"),
        "retry": lambda: _retry(now, at),
    }
    if kind == "book":
        now.order, events = advance(now.order, in_book(now, str(step[1]), int(str(step[2]))), at)
        now.events += events
    else:
        ours[kind]()


def _retry(now: Placement, at: datetime) -> None:
    waits = now.order.status in (S.FAILED, S.RETRY_PENDING)
    if waits and not now.order.broker.broker_order_id:
        request = replace(REQUEST, tag=f"ts{at.timestamp():.0f}")
        again = placements.try_again(now.order, request, at, "asha", 1)
        now.order, now.intent, now.events = again.order, again.intent, again.events


def test_a_fill_after_a_request_to_cancel_counts() -> None:
    open_order, _ = advance(placed().order, in_book(placed(), "OPEN"), AT)
    done, events = advance(open_order, in_book(placed(), "COMPLETE", 10), AT + timedelta(seconds=1))
    assert (done.status, done.broker.filled_quantity) == (S.EXECUTED, 10)
    assert "status_changed" in [event.kind for event in events]


def test_a_move_that_the_table_lacks_is_an_event_and_no_change() -> None:
    open_order, _ = advance(placed().order, in_book(placed(), "OPEN"), AT)
    same, (event,) = advance(open_order, in_book(placed(), "AMO REQ RECEIVED"), AT)
    assert same == open_order
    assert (event.kind, event.detail["to"]) == ("status_refused", "amo")


def test_the_brokers_first_word_corrects_what_we_made_of_its_silence() -> None:
    given_up = replace(placed().order, status=S.CANCELLED)
    found, (event, *_) = advance(given_up, in_book(placed(), "COMPLETE", 10), AT)
    assert (found.status, event.kind) == (S.EXECUTED, "corrected")


def test_the_drawing_in_the_docs_is_the_tables() -> None:
    text = (ROOT / "docs" / "orders.md").read_text()
    drawn = text.partition("<!-- states -->\n")[2].partition("<!-- end of states -->")[0]
    assert drawn == drawing(), "put what `tradesync orders states` prints into docs/orders.md"
