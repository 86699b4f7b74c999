"""Rule 14 for external orders: what a broker's clock that is off forbids."""

from collections import Counter
from datetime import timedelta

import pytest

from tradesync_dagster.domain.external import Detection, is_skewed
from tradesync_dagster.domain.order_books import count_origins
from tradesync_dagster.domain.orders import OrderStatus, Origin
from tradesync_dagster_tests.support.looked_at import INTENT, Ledger, book, later, row
from tradesync_dagster_tests.support.orders import DAY


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
    assert found == Detection(settled={("book_shrank", DAY.isoformat())})


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
