"""What a book says of placements that nobody answered for."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tradesync_dagster.domain import placements
from tradesync_dagster.domain.answers import Fetch, OrderRequest, Outcome, Reject
from tradesync_dagster.domain.external import Detection, DetectionRules, detect
from tradesync_dagster.domain.orders import BrokerOrder, Intent, Order, OrderStatus, Origin
from tradesync_dagster.domain.placements import Placement
from tradesync_dagster.domain.resolving import resolve
from tradesync_dagster_tests.support.orders import DAY, sample_order

AT = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
RULES = DetectionRules(lost_after=timedelta(seconds=190))
REQUEST = OrderRequest("NSE", "INFY", "MIS", "BUY", "LIMIT", 10, 1_500_000_000, tag="tsabc")
LATE = timedelta(seconds=200)


def lost(tag: str = "tsabc", variety: str = "regular") -> Placement:
    request = replace(REQUEST, tag=tag, variety=variety)
    found = placements.intend(1, request, AT, strategy_id="momentum", who="asha", value=1)
    placements.lose(found, "silence", AT)
    return found


def row(**changes: Any) -> BrokerOrder:
    return sample_order(placed_at=AT + timedelta(seconds=1), **changes)


class Books:
    """The ledger and the placements over several books."""

    def __init__(self, *placed: Placement) -> None:
        self.orders = {one.order.order_id: one.order for one in placed}
        self.intents = [one.intent for one in placed]

    def see(self, after: timedelta, *rows: BrokerOrder, **changes: Any) -> Detection:
        at = AT + after
        fetch = Fetch("orders", Outcome.COMPLETE, DAY, at, 0.1, rows=rows, broker_time=at)
        fetch = replace(fetch, **changes)
        found = detect(1, fetch, self.orders, self.intents, RULES)
        resolve(found, fetch, self.orders, self.intents, RULES)
        self.orders |= found.orders
        for gone in found.absorbed:
            self.orders.pop(gone, None)
        settled = {one.client_order_id: one for one in found.intents}
        self.intents = [settled.get(one.client_order_id, one) for one in self.intents]
        return found

    def one(self, tag: str = "tsabc") -> tuple[Order, Intent]:
        (intent,) = [one for one in self.intents if one.client_order_id == tag]
        assert intent.order_id is not None
        return self.orders[intent.order_id], intent


def kinds(found: Detection) -> list[str]:
    return [entry.kind for entry in found.breaks]


def test_found_by_its_tag_it_is_the_same_order() -> None:
    books = Books(lost())
    books.see(timedelta(seconds=5), row(tag="tsabc"))
    order, intent = books.one()
    assert len(books.orders) == 1
    assert (order.status, order.broker.broker_order_id) == (OrderStatus.OPEN, "B1")
    assert (order.origin, order.strategy_id) == (Origin.INTERNAL, "momentum")
    assert (intent.state, intent.broker_order_id) == ("acknowledged", "B1")


def test_missing_from_two_books_late_enough_and_apart_it_failed() -> None:
    books = Books(lost())
    steps = [(189, "unknown"), (190, "unknown"), (219, "unknown"), (220, "failed")]
    for seconds, status in steps:
        books.see(timedelta(seconds=seconds))
        assert books.one()[0].status.value == status, seconds
    order, intent = books.one()
    assert intent.state == "refused"
    assert order.first_failed_at == AT + timedelta(seconds=220)
    assert "never reached" in order.failure_reason


def test_a_book_of_another_day_or_with_unreadable_rows_proves_nothing() -> None:
    books = Books(lost())
    for changes in (
        {"trade_date": DAY + timedelta(days=1)},
        {"rejects": (Reject("", "no id", "{}"),)},
    ):
        for seconds in (200, 300, 400):
            found = books.see(timedelta(seconds=seconds), **changes)
            assert kinds(found) == ["placement_unresolved"]
    assert books.one()[0].status is OrderStatus.UNKNOWN


def test_the_only_candidate_like_the_only_lost_placement_is_it() -> None:
    books = Books(lost())
    held = books.see(timedelta(seconds=100), row())
    assert kinds(held) == ["order_may_be_ours"]
    assert len(books.orders) == 2
    found = books.see(LATE, row(status_word="COMPLETE", filled_quantity=10))
    order, intent = books.one()
    assert (order.status, order.broker.broker_order_id) == (OrderStatus.EXECUTED, "B1")
    assert intent.state == "acknowledged"
    assert len(books.orders) == len(found.absorbed) == 1
    assert "order_may_be_ours" not in kinds(found)
    assert {event.order_id for event in found.events} == {order.order_id}
    assert books.see(LATE * 2, row(status_word="COMPLETE", filled_quantity=10)).orders == {}


@pytest.mark.parametrize(("tags", "ids"), [(["tsabc", "tsdef"], ["B1"]), (["tsabc"], ["B1", "B2"])])
def test_what_fits_several_is_a_break_and_not_a_guess(
    tags: Sequence[str], ids: Sequence[str]
) -> None:
    books = Books(*(lost(tag) for tag in tags))
    found = books.see(LATE, *(row(broker_order_id=one) for one in ids))
    assert kinds(found).count("placement_ambiguous") == len(tags)
    assert {books.one(tag)[0].status for tag in tags} == {OrderStatus.UNKNOWN}
    assert found.absorbed == {}


def test_a_late_sight_brings_a_failed_order_back() -> None:
    books = Books(lost())
    for seconds in (200, 300):
        books.see(timedelta(seconds=seconds))
    assert books.one()[0].status is OrderStatus.FAILED
    books.see(timedelta(seconds=400), row(tag="tsabc"))
    assert books.one()[0].status is OrderStatus.OPEN


def test_one_tag_on_two_orders_is_a_break_and_both_are_kept() -> None:
    books = Books(lost())
    found = books.see(
        timedelta(seconds=5), row(tag="tsabc"), row(tag="tsabc", broker_order_id="B2")
    )
    assert kinds(found) == ["placement_doubled"]
    assert found.breaks[0].evidence == {"broker_order_ids": ["B1", "B2"]}
    assert {one.broker.broker_order_id for one in books.orders.values()} == {"B1", "B2"}
    assert {one.origin for one in books.orders.values()} == {Origin.INTERNAL}


@pytest.mark.parametrize(
    ("second", "doubled", "ended"),
    [
        ({"status_word": "CANCELLED"}, False, True),
        ({"status_word": "REJECTED"}, False, True),
        ({"status_word": "CANCELLED", "filled_quantity": 3}, True, False),
        ({"status_word": "COMPLETE", "filled_quantity": 10}, True, False),
        ({"parent_order_id": "B1"}, False, False),
        ({"tag": "other"}, False, False),
    ],
)
def test_a_second_order_counts_unless_it_is_a_slice_or_ended_without_a_trade(
    second: dict[str, Any], doubled: bool, ended: bool
) -> None:
    books = Books(lost())
    rows = row(tag="tsabc"), row(**{"tag": "tsabc", "broker_order_id": "B2", **second})
    found = books.see(timedelta(seconds=5), *rows)
    assert ("placement_doubled" in kinds(found)) == doubled
    assert (("placement_doubled", "tsabc") in found.settled) == ended


def test_doubts_end_with_the_placement_whoever_answers_it() -> None:
    doubts = {("placement_ambiguous", "tsabc"), ("placement_unresolved", "tsabc")}
    books = Books(lost())
    assert not doubts & books.see(LATE).settled
    books.intents = [replace(one, state="refused") for one in books.intents]
    assert doubts <= books.see(LATE * 2).settled
    books.orders.clear()
    assert doubts <= books.see(LATE * 3).settled, "the order itself is of another day"


def test_that_an_order_is_missing_ends_with_its_row_alone() -> None:
    acknowledged = lost()
    placements.acknowledge(acknowledged, "B7", AT, "answer")
    books, missing = Books(acknowledged), ("acknowledged_not_in_book", "tsabc")
    assert missing not in books.see(LATE, trade_date=DAY + timedelta(days=1)).settled
    assert missing in books.see(LATE * 2, row(broker_order_id="B7", tag="tsabc")).settled


def test_an_order_without_an_id_cannot_vanish_and_an_acknowledged_one_is_waited_for() -> None:
    acknowledged = lost("tsdef")
    placements.acknowledge(acknowledged, "B7", AT, "answer")
    books = Books(lost(), acknowledged)
    found = books.see(timedelta(seconds=1), row(broker_order_id="B9", tag="x"))
    assert (found.quarantined, kinds(found)) == ("", [])
    assert "acknowledged_not_in_book" in kinds(books.see(LATE, row(broker_order_id="B9", tag="x")))


def test_a_wrong_clock_settles_nothing() -> None:
    books = Books(lost())
    for seconds in (200, 300, 400):
        at = AT + timedelta(seconds=seconds)
        books.see(timedelta(seconds=seconds), broker_time=at + timedelta(minutes=3))
    assert books.one()[0].status is OrderStatus.UNKNOWN
