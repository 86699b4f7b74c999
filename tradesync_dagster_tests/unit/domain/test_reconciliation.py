"""Which figures of a broker differ from the books, and which only cannot be told apart."""

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from tradesync_dagster.domain.answers import BrokerHolding
from tradesync_dagster.domain.breaks import Break
from tradesync_dagster.domain.facts import Facts
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.orders import Order, OrderStatus, Origin, Side, order_id_of
from tradesync_dagster.domain.reconciliation import Figures, compare
from tradesync_dagster_tests.support.orders import DAY, sample_order

AT = datetime(2025, 11, 3, 4, 0, tzinfo=UTC)
TRADED = ((3, 100_000_000), (7, 100_050_000))
"""Quantities and prices; on average 100.035."""


def prices_differ(average: int, trades: Iterable[tuple[int, int]] = TRADED) -> list[Break]:
    row = sample_order(
        placed_at=AT, status_word="COMPLETE", filled_quantity=10, average_price=average
    )
    order = Order(order_id_of(1, DAY, "B1"), 1, row, Origin.EXTERNAL, OrderStatus.EXECUTED, AT, AT)
    fills = [
        Fill(str(number), "B1", DAY, "NSE", "INFY", "MIS", Side.BUY, quantity, price, AT)
        for number, (quantity, price) in enumerate(trades)
    ]
    return compare(Figures(1, (order,), fills, (), (), (), ()), Facts(), AT)


@pytest.mark.parametrize("average", [100_035_000, 100_040_000, 100_085_000, 99_985_000, 0])
def test_an_average_within_a_tick_of_its_trades_is_theirs(average: int) -> None:
    assert prices_differ(average) == []


@pytest.mark.parametrize(
    ("average", "told"), [(100_085_001, "100.085001"), (99_984_999, "99.984999")]
)
def test_an_average_further_from_its_trades_is_a_break(average: int, told: str) -> None:
    (found,) = prices_differ(average)
    assert (found.kind, found.subject) == ("price_differs", "B1")
    assert found.evidence == {"ours": "100.035", "broker": told}


def test_prices_are_compared_only_where_the_quantities_agree() -> None:
    assert [one.kind for one in prices_differ(1, TRADED[:1])] == ["filled_without_trades"]


def holdings_differ(ours: int, sent: BrokerHolding) -> bool:
    row = {"exchange": "NSE", "symbol": "ITC", "product": "CNC", "isin": "", "t1_quantity": 0}
    books = [row | {"quantity": ours}]
    found = compare(Figures(1, (), (), (), books, (), (sent,)), Facts(), AT)
    return [one.kind for one in found] == ["holding_differs"]


def sent(quantity: int, used: int, blocked: int) -> BrokerHolding:
    return BrokerHolding("NSE", "ITC", "", "CNC", quantity, 0, used, 1, 1, blocked)


@pytest.mark.parametrize(("ours", "differs"), [(6, True), (7, False), (10, False), (11, True)])
def test_shares_held_for_open_orders_may_be_counted_or_not(ours: int, differs: bool) -> None:
    assert holdings_differ(ours, sent(7, 3, blocked=3)) is differs


@pytest.mark.parametrize(("ours", "differs"), [(6, True), (7, False), (8, True), (10, True)])
def test_where_used_means_sold_every_share_counts(ours: int, differs: bool) -> None:
    assert holdings_differ(ours, sent(7, 3, blocked=0)) is differs
