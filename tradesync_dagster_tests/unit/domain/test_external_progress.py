"""Rules 7 to 9 for external orders: an order only moves forward."""

from dataclasses import replace

import pytest

from tradesync_dagster.domain.external import Detection
from tradesync_dagster.domain.order_progress import advance
from tradesync_dagster.domain.orders import Order, OrderStatus, Origin
from tradesync_dagster_tests.support.looked_at import B1, ROW, T0, Ledger, book, later, row


def test_the_same_book_again_changes_nothing() -> None:
    ledger = Ledger()
    rows = [row("B1"), row("B2", tag="ts-2"), row("B3", status_word="REJECTED")]
    ledger.look(book(*rows))
    ledger.look(book(*rows, at=later(60)))
    before = dict(ledger.orders)
    again = ledger.look(book(*rows, at=later(120)))
    assert again == Detection(settled=again.settled)
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
    assert new == replace(
        order, broker=moved, last_seen_at=later(5), execution_time=moved.updated_at
    )


def test_partly_filled_then_cancelled_keeps_its_fills() -> None:
    ledger = Ledger()
    ledger.look(book(row(filled_quantity=4, pending_quantity=6)))
    ended = row(
        status_word="CANCELLED", filled_quantity=4, pending_quantity=0, cancelled_quantity=6
    )
    ledger.look(book(ended, at=later(1)))
    assert ledger["B1"].status is OrderStatus.CANCELLED
    assert ledger["B1"].broker.filled_quantity == 4
