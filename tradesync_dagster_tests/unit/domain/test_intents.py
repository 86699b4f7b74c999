"""Which placement of ours explains an order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tradesync_dagster.domain.intents import IntentMatcher
from tradesync_dagster.domain.orders import (
    Order,
    OrderStatus,
    Origin,
    Side,
    order_id_of,
)
from tradesync_dagster_tests.support.orders import sample_intent, sample_order

PLACED = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
ROW = sample_order(placed_at=PLACED)
DAYS = timedelta(days=2)
INTENT = sample_intent(created_at=PLACED - timedelta(seconds=2))


def test_exact_by_our_tag() -> None:
    matcher = IntentMatcher([INTENT], [])
    assert matcher.exact(replace(ROW, tag="ts-1")) == INTENT
    assert matcher.exact(replace(ROW, tag="ts-2")) is None
    assert matcher.exact(ROW) is None


def test_exact_by_acknowledged_id_without_a_tag() -> None:
    known = replace(INTENT, state="acknowledged", broker_order_id="B1")
    matcher = IntentMatcher([known], [])
    assert matcher.exact(ROW) == known
    assert matcher.exact(replace(ROW, broker_order_id="B2")) is None


@pytest.mark.parametrize("turn", [1, -1])
def test_an_id_that_comes_again_names_the_placement_of_its_own_day(turn: int) -> None:
    known = replace(INTENT, state="acknowledged", broker_order_id="B1")
    earlier = replace(known, client_order_id="ts-0", created_at=known.created_at - DAYS)
    matcher = IntentMatcher([earlier, known][::turn], [])
    assert matcher.exact(ROW) == known
    assert matcher.exact(replace(ROW, placed_at=PLACED - DAYS)) == earlier


def test_an_order_placed_before_the_intent_is_not_its_own() -> None:
    later = replace(
        INTENT,
        state="acknowledged",
        broker_order_id="B1",
        created_at=PLACED + timedelta(seconds=61),
    )
    assert IntentMatcher([later], []).exact(ROW) is None
    within = replace(later, created_at=PLACED + timedelta(seconds=60))
    assert IntentMatcher([within], []).exact(ROW) == within


@pytest.mark.parametrize("state", ["placing", "unknown"])
def test_compatible_with_a_placement_that_has_no_answer(state: str) -> None:
    intent = replace(INTENT, state=state)
    assert IntentMatcher([intent], []).compatible(ROW) == [intent]


@pytest.mark.parametrize("state", ["acknowledged", "refused"])
def test_an_answered_placement_explains_no_other_order(state: str) -> None:
    assert IntentMatcher([replace(INTENT, state=state)], []).compatible(ROW) == []


@pytest.mark.parametrize(
    "other",
    [
        {"exchange": "BSE"},
        {"symbol": "TCS"},
        {"product": "CNC"},
        {"side": Side.SELL},
        {"quantity": 11},
        {"order_type": "MARKET"},
        {"tag": "someone"},
        {"placed_at": INTENT.created_at - timedelta(seconds=61)},
        {"placed_at": INTENT.created_at + timedelta(minutes=5, seconds=1)},
    ],
    ids="-".join,
)
def test_what_makes_an_order_incompatible(other: dict[str, object]) -> None:
    assert IntentMatcher([INTENT], []).compatible(replace(ROW, **other)) == []  # type: ignore[arg-type]


@pytest.mark.parametrize("seconds", [-60, 0, 300])
def test_the_window_of_a_lost_placement_includes_its_ends(seconds: int) -> None:
    row = replace(ROW, placed_at=INTENT.created_at + timedelta(seconds=seconds))
    assert IntentMatcher([INTENT], []).compatible(row) == [INTENT]


def test_a_placement_already_found_in_the_ledger_explains_no_second_order() -> None:
    order = Order(
        order_id=order_id_of(1, ROW.trade_date, "B0"),
        account_id=1,
        broker=replace(ROW, broker_order_id="B0"),
        origin=Origin.INTERNAL,
        status=OrderStatus.OPEN,
        first_seen_at=PLACED,
        last_seen_at=PLACED,
        client_order_id="ts-1",
    )
    assert IntentMatcher([INTENT], [order]).compatible(ROW) == []


def test_every_compatible_placement_is_listed() -> None:
    twin = replace(INTENT, client_order_id="ts-2")
    assert IntentMatcher([INTENT, twin], []).compatible(ROW) == [INTENT, twin]


def test_where_tags_are_kept_an_order_without_one_is_not_ours() -> None:
    assert IntentMatcher([INTENT], [], by_likeness=False).compatible(ROW) == []
