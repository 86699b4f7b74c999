"""What is told of orders, and how a burst reads."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from tradesync_dagster.domain.notifications import Happening, digest, happenings, type_of
from tradesync_dagster.domain.orders import Order, OrderEvent, OrderStatus, Origin
from tradesync_dagster_tests.support.orders import sample_order

AT = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
ORDER = Order(
    uuid4(), 1, sample_order(AT), Origin.INTERNAL, OrderStatus.OPEN, AT, AT, client_order_id="ts1",
)  # fmt: skip


def event(kind: str, **detail: str) -> OrderEvent:
    return OrderEvent(ORDER.order_id, kind, AT, dict(detail))


@pytest.mark.parametrize(
    ("happened", "told"),
    [
        (event("acknowledged"), Happening.PLACED),
        (event("failed"), Happening.REJECTED),
        (event("status_changed", **{"from": "open", "to": "rejected"}), Happening.REJECTED),
        (event("status_changed", **{"from": "open", "to": "executed"}), Happening.EXECUTED),
        (event("corrected", **{"from": "cancelled", "to": "executed"}), Happening.EXECUTED),
        (event("status_changed", **{"from": "open", "to": "cancelled"}), Happening.CANCELLED),
        (event("retry"), Happening.RETRY_QUEUE),
        (event("retry_held"), Happening.RETRY_QUEUE),
        (event("status_changed", **{"from": "executed", "to": "executed"}), None),
        (event("status_changed", **{"from": "open", "to": "trigger_pending"}), None),
        (event("intended"), None),
    ],
)
def test_each_event_is_told_as_what_it_is(happened: OrderEvent, told: Happening | None) -> None:
    found = [happening for happening, _ in happenings(ORDER, [happened])]
    assert found == ([] if told is None else [told])
    assert list(happenings(replace(ORDER, origin=Origin.EXTERNAL), [happened])) == []


def test_a_cancellation_by_hand_is_not_told_twice() -> None:
    moved = event("status_changed", **{"from": "open", "to": "cancelled"})
    assert list(happenings(ORDER, [moved, event("cancelled_by_hand")])) == []


def test_a_digest_counts_every_event_and_quotes_rejections_first() -> None:
    bodies = [
        {"type": "order_placed", "organization_id": "o", "account": "a", "message": f"placed {n}"}
        for n in range(500)
    ]
    bodies.append(
        {"type": "order_rejected", "organization_id": "o", "account": "b", "message": "no money"}
    )
    text = digest(bodies, 3_500)
    lines = text.split("\n")
    assert len(text) <= 3_500
    assert lines[:4] == ["501 order events", "o/a: 500 placed", "o/b: 1 rejected", "no money"]
    quoted = sum(line.startswith("placed ") for line in lines)
    assert lines[-1] == f"and {500 - quoted} more; see tradesync orders list"
    short = digest(bodies[:6], 3_500)
    assert "more; see" not in short
    assert len(digest(bodies, 50)) <= 50


def test_the_type_is_the_last_word_of_the_routing_key() -> None:
    assert type_of("account.a.b.order_placed") == "order_placed"
