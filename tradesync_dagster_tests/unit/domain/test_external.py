"""Which orders are whose: the rules for external orders but confirmation, progress and clocks."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tradesync_dagster.domain.answers import Reject
from tradesync_dagster.domain.external import Detection, DetectionRules
from tradesync_dagster.domain.order_books import missing_ids
from tradesync_dagster.domain.orders import OrderStatus, Origin, order_id_of
from tradesync_dagster_tests.support.looked_at import (
    B1,
    INTENT,
    OLD,
    T0,
    Ledger,
    book,
    kinds,
    later,
    row,
)
from tradesync_dagster_tests.support.orders import DAY

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
    assert Ledger().look(book()) == Detection(settled={("book_shrank", DAY.isoformat())})


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


def test_a_part_of_an_order_of_ours_is_ours() -> None:
    part = row("B2", parent_order_id="B1")
    together, apart = Ledger(intents=[INTENT]), Ledger(intents=[INTENT])
    found = together.look(book(row(tag="ts-1"), part))
    assert kinds(found) == ["seen", "seen", "found_ours"]
    assert found.events[-1].detail == {"client_order_id": "", "part_of": "B1"}
    apart.look(book(row(tag="ts-1")))
    apart.look(book(part, row(tag="ts-1"), at=later(60)))
    for ledger in (together, apart):
        assert (ledger["B2"].origin, ledger["B2"].strategy_id) == (
            Origin.INTERNAL, "mean-reversion",
        )  # fmt: skip


def test_a_part_of_another_order_is_not_ours() -> None:
    ledger = Ledger(intents=[INTENT])
    ledger.look(book(row("B1"), row("B2", parent_order_id="B1")))
    day = DAY - timedelta(days=1)
    ledger.look(book(row("B3", tag="ts-1", trade_date=day), trade_date=day, at=later(1)))
    ledger.look(
        book(row("B1"), row("B2", parent_order_id="B1"), row("B4", parent_order_id="B3"),
             at=later(2))
    )  # fmt: skip
    assert [ledger[name].origin for name in ("B2", "B4")] == [Origin.CANDIDATE] * 2


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
        assert (entry.kind, entry.subject) == ("order_may_be_ours", "2026-03-02:B1")
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
