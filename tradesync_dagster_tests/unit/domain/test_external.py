"""The rules for external orders, one test a rule."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from tradesync_dagster.domain.answers import Fetch, Outcome, Reject
from tradesync_dagster.domain.external import (
    Detection,
    DetectionRules,
    count_origins,
    detect,
    is_skewed,
    missing_ids,
)
from tradesync_dagster.domain.order_progress import advance
from tradesync_dagster.domain.orders import (
    BrokerOrder,
    Intent,
    Order,
    OrderStatus,
    Origin,
    order_id_of,
)
from tradesync_dagster_tests.support.orders import DAY, sample_intent, sample_order

T0 = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
OLD = T0 - timedelta(hours=1)
"""Placed long before any look, so that age never stands in the way."""
RULES = DetectionRules()
ROW = sample_order(placed_at=OLD)
INTENT = sample_intent(created_at=OLD - timedelta(seconds=1), strategy_id="mean-reversion")
B1 = order_id_of(1, DAY, "B1")


def row(broker_order_id: str = "B1", **changes: object) -> BrokerOrder:
    return replace(ROW, broker_order_id=broker_order_id, **changes)  # type: ignore[arg-type]


def book(
    *rows: BrokerOrder,
    at: datetime = T0,
    rejects: Sequence[Reject] = (),
    broker_time: datetime | None = None,
    seconds: float = 0.0,
    trade_date: date = DAY,
) -> Fetch[BrokerOrder]:
    return Fetch(
        kind="orders",
        outcome=Outcome.COMPLETE,
        trade_date=trade_date,
        requested_at=at,
        seconds=seconds,
        rows=rows,
        rejects=tuple(rejects),
        broker_time=broker_time,
    )


class Ledger:
    """An account's orders, looked at again and again."""

    def __init__(self, rules: DetectionRules = RULES, intents: Sequence[Intent] = ()) -> None:
        self.rules = rules
        self.intents = list(intents)
        self.orders: dict[UUID, Order] = {}

    def look(self, fetch: Fetch[BrokerOrder]) -> Detection:
        found = detect(1, fetch, self.orders, self.intents, self.rules)
        self.orders.update(found.orders)
        resolved = {intent.client_order_id: intent for intent in found.intents}
        self.intents = [resolved.get(i.client_order_id, i) for i in self.intents]
        return found

    def __getitem__(self, broker_order_id: str) -> Order:
        return self.orders[order_id_of(1, DAY, broker_order_id)]


def kinds(found: Detection) -> list[str]:
    return [event.kind for event in found.events]


def later(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


# Rule 2: an id seen today cannot vanish.


def test_a_book_that_lost_an_order_is_quarantined_whole_with_a_break() -> None:
    ledger = Ledger()
    ledger.look(book(row("B1"), row("B2")))
    before = dict(ledger.orders)
    shrunk = book(row("B2", status_word="COMPLETE", filled_quantity=10), row("B3"), at=later(60))
    found = ledger.look(shrunk)
    assert "lost 1 order(s)" in found.quarantined
    assert "B1" in found.quarantined
    assert (found.orders, found.events, found.intents, found.confirmed) == ({}, [], [], 0)
    assert found.retry_after is None
    assert ledger.orders == before
    [entry] = found.breaks
    assert (entry.account_id, entry.kind, entry.subject) == (1, "book_shrank", "2026-03-02")
    assert entry.seen_at == later(60)
    assert entry.evidence == {"missing": ["B1"], "missing_count": 1}


def test_a_book_that_went_from_many_to_none_is_quarantined() -> None:
    ledger = Ledger()
    ledger.look(book(*(row(f"B{n:03}") for n in range(120))))
    found = ledger.look(book(at=later(60)))
    assert "lost 120 order(s)" in found.quarantined
    assert found.orders == {}
    evidence = found.breaks[0].evidence
    assert evidence["missing_count"] == 120
    assert evidence["missing"] == [f"B{n:03}" for n in range(50)]


def test_an_empty_book_of_an_account_without_orders_is_believed() -> None:
    assert Ledger().look(book()) == Detection()


def test_a_rejected_row_with_a_readable_id_is_present() -> None:
    ledger = Ledger()
    ledger.look(book(row("B1"), row("B2")))
    unread = [Reject("B1", "price: 'x' is not a number", "{}")]
    found = ledger.look(book(row("B2"), at=later(60), rejects=unread))
    assert found.quarantined == ""
    assert B1 not in found.orders
    nameless = [Reject("", "not an object", "7")]
    assert ledger.look(book(row("B2"), at=later(90), rejects=nameless)).quarantined


def test_yesterdays_orders_are_not_missed_in_todays_book() -> None:
    ledger = Ledger()
    ledger.look(book(row("B1")))
    tomorrow = DAY + timedelta(days=1)
    assert ledger.look(book(at=later(86_400), trade_date=tomorrow)).quarantined == ""
    assert missing_ids(ledger.orders.values(), book(), DAY) == ["B1"]


# Rule 3: identity holds the trade date.


def test_an_id_used_again_on_another_day_is_another_order() -> None:
    ledger = Ledger()
    ledger.look(book(row("B1", status_word="COMPLETE", filled_quantity=10)))
    first = ledger["B1"]
    tomorrow = DAY + timedelta(days=1)
    again = row("B1", trade_date=tomorrow, symbol="TCS", placed_at=later(86_000))
    found = ledger.look(book(again, at=later(86_400), trade_date=tomorrow))
    assert kinds(found) == ["seen"]
    assert len(ledger.orders) == 2
    assert ledger["B1"] == first
    second = ledger.orders[order_id_of(1, tomorrow, "B1")]
    assert second.broker == again
    assert second.first_seen_at == later(86_400)


# Rule 5: classification.


def test_own_tag_is_internal_even_without_an_intent() -> None:
    ledger = Ledger()
    ledger.look(book(row(tag="ts-lost")))
    assert ledger["B1"].origin is Origin.INTERNAL
    assert ledger["B1"].client_order_id == "ts-lost"


def test_the_tag_prefix_is_the_rules_own() -> None:
    ledger = Ledger(DetectionRules(tag_prefix="desk"))
    ledger.look(book(row("B1", tag="desk7"), row("B2", tag="ts-1")))
    assert ledger["B1"].origin is Origin.INTERNAL
    assert ledger["B2"].origin is Origin.CANDIDATE
    assert ledger["B2"].client_order_id == ""


def test_an_intents_tag_is_internal_and_resolves_the_intent() -> None:
    ledger = Ledger(intents=[INTENT])
    found = ledger.look(book(row(tag="ts-1")))
    order = ledger["B1"]
    assert order.origin is Origin.INTERNAL
    assert (order.client_order_id, order.strategy_id) == ("ts-1", "mean-reversion")
    assert found.intents == [replace(INTENT, state="acknowledged", broker_order_id="B1")]


def test_an_acknowledged_id_is_internal_without_a_tag() -> None:
    acknowledged = replace(INTENT, state="acknowledged", broker_order_id="B1")
    ledger = Ledger(intents=[acknowledged])
    found = ledger.look(book(row()))
    assert ledger["B1"].origin is Origin.INTERNAL
    assert ledger["B1"].client_order_id == "ts-1"
    assert found.intents == []


def test_an_internal_order_is_never_confirmed_as_external() -> None:
    ledger = Ledger()
    ledger.look(book(row(tag="ts-1")))
    found = ledger.look(book(row(tag="ts-1"), at=later(3600)))
    assert (found.events, found.confirmed, found.retry_after) == ([], 0, None)


@pytest.mark.parametrize("state", ["placing", "unknown"])
def test_a_compatible_placement_in_flight_holds_the_order(state: str) -> None:
    ledger = Ledger(intents=[replace(INTENT, state=state)])
    for seconds in (0, 60, 3600, 20_000):
        found = ledger.look(book(row(), at=later(seconds)))
        assert ledger["B1"].origin is Origin.CANDIDATE
        assert found.confirmed == 0
        assert found.retry_after is None
        [entry] = found.breaks
        assert (entry.kind, entry.subject) == ("order_may_be_ours", "B1")
        assert entry.evidence == {"intents": ["ts-1"]}


def test_several_compatible_placements_make_a_break_not_a_guess() -> None:
    twin = replace(INTENT, client_order_id="ts-2")
    ledger = Ledger(intents=[INTENT, twin])
    found = ledger.look(book(row()))
    assert found.breaks[0].evidence == {"intents": ["ts-1", "ts-2"]}
    assert found.intents == []
    assert ledger["B1"].client_order_id == ""


def test_a_refused_placement_no_longer_holds_the_order() -> None:
    ledger = Ledger(intents=[INTENT])
    ledger.look(book(row()))
    ledger.intents = [replace(INTENT, state="refused")]
    assert ledger.look(book(row(), at=later(60))).confirmed == 1


@pytest.mark.parametrize(
    ("word", "status", "filled"),
    [
        ("COMPLETE", OrderStatus.EXECUTED, 10),
        ("CANCELLED", OrderStatus.CANCELLED, 4),
        ("REJECTED", OrderStatus.REJECTED, 0),
    ],
)
def test_orders_closed_before_we_ever_looked_are_found_too(
    word: str, status: OrderStatus, filled: int
) -> None:
    ledger = Ledger()
    closed = row(status_word=word, filled_quantity=filled, pending_quantity=0)
    ledger.look(book(closed))
    assert ledger["B1"].status is status
    found = ledger.look(book(closed, at=later(30)))
    assert found.confirmed == 1
    assert ledger["B1"].origin is Origin.EXTERNAL
    assert ledger["B1"].broker.filled_quantity == filled


# Rule 6: confirmation.


def test_one_book_never_confirms_whatever_the_orders_age() -> None:
    ledger = Ledger(DetectionRules(confirm=timedelta(0), minimum_age=timedelta(0)))
    found = ledger.look(book(row()))
    assert (kinds(found), found.confirmed) == (["seen"], 0)
    assert ledger["B1"].origin is Origin.CANDIDATE
    assert found.retry_after == timedelta(0)
    assert ledger.look(book(row())).confirmed == 0, "the same request is no second look"
    assert ledger.look(book(row(), at=later(0.001))).confirmed == 1


def test_two_books_confirm_apart_make_an_order_external() -> None:
    ledger = Ledger()
    assert ledger.look(book(row())).retry_after == timedelta(seconds=30)
    early = ledger.look(book(row(), at=later(29)))
    assert (early.confirmed, early.retry_after) == (0, timedelta(seconds=1))
    assert ledger["B1"].origin is Origin.CANDIDATE
    found = ledger.look(book(row(), at=later(30)))
    assert (found.confirmed, found.retry_after) == (1, None)
    assert ledger["B1"].origin is Origin.EXTERNAL
    assert ledger["B1"].first_seen_at == T0
    [event] = found.events
    assert (event.order_id, event.kind, event.at) == (B1, "confirmed_external", later(30))
    assert event.detail == {"first_seen_at": T0.isoformat()}


def test_an_order_must_be_old_enough_too() -> None:
    ledger = Ledger()
    fresh = row(placed_at=later(-5))
    assert ledger.look(book(fresh)).retry_after == timedelta(seconds=55)
    found = ledger.look(book(fresh, at=later(40)))
    assert (found.confirmed, found.retry_after) == (0, timedelta(seconds=15))
    assert ledger.look(book(fresh, at=later(55))).confirmed == 1


def test_age_is_by_the_brokers_clock_where_it_gives_one() -> None:
    ledger = Ledger()
    fresh = row(placed_at=T0)
    ledger.look(book(fresh, broker_time=later(-20)))
    slow = ledger.look(book(fresh, at=later(70), broker_time=later(50)))
    assert (slow.confirmed, slow.retry_after) == (0, timedelta(seconds=10))
    assert ledger.look(book(fresh, at=later(80), broker_time=later(60))).confirmed == 1


def test_the_wait_is_the_longest_that_any_candidate_needs() -> None:
    ledger = Ledger()
    ledger.look(book(row("B1")))
    found = ledger.look(book(row("B1"), row("B2"), row("B3", placed_at=later(10)), at=later(20)))
    assert found.retry_after == timedelta(seconds=50)


def test_both_windows_are_settings() -> None:
    rules = DetectionRules(confirm=timedelta(seconds=5), minimum_age=timedelta(seconds=7))
    ledger = Ledger(rules)
    fresh = row(placed_at=T0)
    assert ledger.look(book(fresh)).retry_after == timedelta(seconds=7)
    assert ledger.look(book(fresh, at=later(7))).confirmed == 1


def test_switched_off_nothing_is_looked_into() -> None:
    ledger = Ledger(DetectionRules(enabled=False))
    assert ledger.look(book(row())).retry_after is None
    found = ledger.look(book(row(), at=later(3600)))
    assert (found.confirmed, found.events) == (0, [])
    assert ledger["B1"].origin is Origin.CANDIDATE


def test_confirmation_keeps_what_the_same_book_changed() -> None:
    ledger = Ledger()
    ledger.look(book(row()))
    found = ledger.look(book(row(status_word="COMPLETE", filled_quantity=10), at=later(60)))
    assert kinds(found) == ["status_changed", "changed", "confirmed_external"]
    assert ledger["B1"].status is OrderStatus.EXECUTED
    assert ledger["B1"].origin is Origin.EXTERNAL


# Rules 7 to 9: moving forward only.


def test_the_same_book_again_changes_nothing() -> None:
    ledger = Ledger()
    rows = [row("B1"), row("B2", tag="ts-2"), row("B3", status_word="REJECTED")]
    ledger.look(book(*rows))
    ledger.look(book(*rows, at=later(60)))
    before = dict(ledger.orders)
    again = ledger.look(book(*rows, at=later(120)))
    assert again == Detection()
    assert ledger.orders == before


def test_unknown_status_word_stays_non_terminal_and_can_move_on() -> None:
    ledger = Ledger()
    ledger.look(book(row(status_word="FROBNICATED")))
    assert ledger["B1"].status is OrderStatus.UNKNOWN
    ledger.look(book(row(status_word="COMPLETE", filled_quantity=10), at=later(1)))
    assert ledger["B1"].status is OrderStatus.EXECUTED


def test_a_new_word_for_the_same_status_is_an_event() -> None:
    ledger = Ledger()
    ledger.look(book(row(status_word="OPEN")))
    found = ledger.look(book(row(status_word="MODIFY PENDING"), at=later(1)))
    [event] = found.events
    assert event.kind == "status_changed"
    assert event.detail == {"from": "open", "to": "open", "word": "MODIFY PENDING"}


def test_missing_is_not_cancelled() -> None:
    ledger = Ledger()
    ledger.look(book(row("B1"), row("B2")))
    ledger.look(book(row("B2"), at=later(60)))
    assert ledger["B1"].status is OrderStatus.OPEN
    assert ledger["B1"].broker == ROW


def test_filled_quantity_never_falls() -> None:
    ledger = Ledger()
    ledger.look(book(row(filled_quantity=7, pending_quantity=3)))
    before = ledger["B1"]
    found = ledger.look(book(row(filled_quantity=6, status_word="CANCELLED"), at=later(1)))
    [event] = found.events
    assert event.kind == "fill_fell_ignored"
    assert event.detail == {"ledger_filled": 7, "broker_filled": 6}
    assert ledger["B1"] == before


@pytest.mark.parametrize("word", ["COMPLETE", "CANCELLED", "REJECTED"])
@pytest.mark.parametrize("back", ["OPEN", "TRIGGER PENDING", "FROBNICATED"])
def test_a_terminal_order_does_not_reopen(word: str, back: str) -> None:
    ledger = Ledger()
    ledger.look(book(row(status_word=word, filled_quantity=5)))
    before = ledger["B1"]
    found = ledger.look(book(row(status_word=back, filled_quantity=5), at=later(1)))
    [event] = found.events
    assert event.kind == "reopen_ignored"
    assert event.detail == {"from": before.status.value, "word": back}
    assert ledger["B1"] == before


def test_advance_tells_each_changed_field_with_what_it_was() -> None:
    order = Order(B1, 1, ROW, Origin.EXTERNAL, OrderStatus.OPEN, T0, T0)
    moved = row(filled_quantity=4, pending_quantity=6, average_price=1_500_000_000, price=1)
    new, [event] = advance(order, moved, later(5))
    assert event.kind == "changed"
    assert event.detail == {
        "filled_quantity": 4,
        "filled_quantity_before": 0,
        "average_price": 1_500_000_000,
        "average_price_before": 0,
        "price": 1,
        "price_before": 1_500_000_000,
    }
    assert new == replace(order, broker=moved, last_seen_at=later(5))


def test_partly_filled_then_cancelled_keeps_its_fills() -> None:
    ledger = Ledger()
    ledger.look(book(row(filled_quantity=4, pending_quantity=6)))
    ended = row(
        status_word="CANCELLED", filled_quantity=4, pending_quantity=0, cancelled_quantity=6
    )
    ledger.look(book(ended, at=later(1)))
    assert ledger["B1"].status is OrderStatus.CANCELLED
    assert ledger["B1"].broker.filled_quantity == 4


# Rule 14: the broker's clock.


@pytest.mark.parametrize(
    ("broker_seconds", "took", "skewed"),
    [
        (0, 0, False),
        (60, 0, False),
        (61, 0, True),
        (-60, 0, False),
        (-61, 0, True),
        (100, 40, False),
        (101, 40, True),
        (-61, 40, True),
    ],
)
def test_skew_is_what_the_answers_own_time_does_not_explain(
    broker_seconds: int, took: int, skewed: bool
) -> None:
    fetch = book(broker_time=later(broker_seconds), seconds=took)
    assert is_skewed(fetch) is skewed


def test_without_a_broker_clock_there_is_no_skew() -> None:
    assert not is_skewed(book())


def test_skew_creates_nothing() -> None:
    ledger = Ledger(intents=[INTENT])
    found = ledger.look(book(row(), row("B2", tag="ts-1"), broker_time=later(61)))
    assert found == Detection()


def test_skew_closes_and_confirms_nothing_but_lets_open_orders_move() -> None:
    ledger = Ledger()
    ledger.look(book(row("B1"), row("B2")))
    done = row("B1", status_word="COMPLETE", filled_quantity=10)
    part = row("B2", filled_quantity=3)
    found = ledger.look(book(done, part, at=later(100), broker_time=later(300)))
    assert ledger["B1"].status is OrderStatus.OPEN
    assert ledger["B2"].broker.filled_quantity == 3
    assert (found.confirmed, found.retry_after) == (0, None)
    assert {order.origin for order in ledger.orders.values()} == {Origin.CANDIDATE}
    ledger.look(book(done, part, at=later(200), broker_time=later(200)))
    assert ledger["B1"].status is OrderStatus.EXECUTED
    assert ledger["B1"].origin is Origin.EXTERNAL


def test_origins_are_counted_a_day() -> None:
    ledger = Ledger()
    ledger.look(book(row("B1"), row("B2", tag="ts-1"), row("B3")))
    ledger.look(book(row("B1"), row("B2", tag="ts-1"), row("B3"), row("B4"), at=later(60)))
    assert count_origins(ledger.orders.values(), DAY) == Counter(
        {Origin.EXTERNAL: 2, Origin.INTERNAL: 1, Origin.CANDIDATE: 1}
    )
    assert count_origins(ledger.orders.values(), DAY + timedelta(days=1)) == Counter()


# A candidate turns out to be ours, and a book that contradicts itself.


def test_an_order_seen_before_its_acknowledgement_is_taken_back_as_ours() -> None:
    ledger = Ledger(intents=[replace(INTENT, state="placing")])
    ledger.look(book(row()))
    assert ledger["B1"].origin is Origin.CANDIDATE
    ledger.intents = [replace(INTENT, state="acknowledged", broker_order_id="B1")]
    found = ledger.look(book(row(), at=later(60)))
    assert kinds(found) == ["found_ours"]
    assert found.confirmed == 0
    assert (ledger["B1"].origin, ledger["B1"].strategy_id) == (Origin.INTERNAL, "mean-reversion")


def test_an_acknowledged_id_that_comes_back_on_another_day_is_not_ours() -> None:
    acknowledged = replace(INTENT, state="acknowledged", broker_order_id="B1")
    ledger = Ledger(intents=[acknowledged])
    tomorrow = DAY + timedelta(days=1)
    again = row(trade_date=tomorrow, placed_at=OLD + timedelta(days=1))
    ledger.look(book(again, at=T0 + timedelta(days=1), trade_date=tomorrow))
    [order] = ledger.orders.values()
    assert order.origin is Origin.CANDIDATE


def test_an_id_twice_in_one_book_never_moves_back() -> None:
    ledger = Ledger()
    done = row(status_word="COMPLETE", filled_quantity=10, pending_quantity=0)
    ledger.look(book(done, row(status_word="OPEN", filled_quantity=5)))
    assert (ledger["B1"].status, ledger["B1"].broker.filled_quantity) == (OrderStatus.EXECUTED, 10)


def test_one_end_never_turns_into_another() -> None:
    ledger = Ledger()
    ledger.look(book(row(status_word="COMPLETE", filled_quantity=10)))
    ledger.look(book(row(status_word="CANCELLED", filled_quantity=10), at=later(60)))
    assert ledger["B1"].status is OrderStatus.EXECUTED


def test_an_id_of_another_day_does_not_hide_a_loss() -> None:
    ledger = Ledger()
    ledger.look(book(row()))
    yesterday = row(trade_date=DAY - timedelta(days=1), placed_at=OLD - timedelta(days=1))
    assert ledger.look(book(yesterday, at=later(60))).quarantined
