"""Rule 6 for external orders: what makes a candidate one."""

from datetime import timedelta

from tradesync_dagster.domain.external import DetectionRules
from tradesync_dagster.domain.orders import OrderStatus, Origin
from tradesync_dagster_tests.support.looked_at import B1, T0, Ledger, book, kinds, later, row


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
    assert event.detail == {"first_seen_at": T0.isoformat(), "source": "unknown"}


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
