"""Strategies, claims and decisions in both databases."""

from dataclasses import replace
from datetime import timedelta

from tradesync_dagster.domain.attribution_rows import ASSIGNED, UNDONE, OwnedOrder, Strategy
from tradesync_dagster.domain.order_parts import Part
from tradesync_dagster.domain.orders import OrderEvent, OrderStatus, Side, order_id_of
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.support.store_rows import (
    ATTRIBUTION,
    CLAIM,
    DAY,
    ORDER,
    ROW,
    T0,
    T1,
)

TREND = Strategy("ORG", "S1", "Trend", automatic=False, created_at=T0)


def test_strategies_are_kept_as_they_were_first_added(store: SqlStore) -> None:
    other = replace(TREND, organization_id="ORG2", automatic=True)
    with store.begin([]) as work:
        work.add_strategies([other, TREND])
        work.add_strategies([replace(TREND, name="Another", created_at=T1)])
        assert work.strategies(["ORG"]) == [TREND]
        assert work.strategies(None) == [TREND, other]
        assert work.strategies([]) == []


def test_a_claim_is_there_once_until_it_is_removed(store: SqlStore) -> None:
    mine = replace(CLAIM, account_id=1)
    with store.begin([1]) as work:
        for claim in (CLAIM, mine, replace(CLAIM, who="ravi", created_at=T1)):
            work.add_claim(claim)
        found = work.claims(["ORG"])
        assert sorted(found, key=lambda one: one.account_id or 0) == [CLAIM, mine]
        assert work.claims(["ORG2"]) == []
        assert not work.remove_claim(CLAIM.claim_id, "ORG2")
        assert work.remove_claim(CLAIM.claim_id, "ORG")
        assert not work.remove_claim(CLAIM.claim_id)
        assert work.claims(None) == [mine]


def test_owned_orders_tell_what_still_works_and_what_was_guessed(store: SqlStore) -> None:
    row = replace(ROW, quantity=11, pending_quantity=5)
    still = replace(ORDER, broker=row, strategy_id="S1", confidence=None, status=OrderStatus.OPEN)
    ended = replace(still, order_id=order_id_of(1, DAY, "B2"), status=OrderStatus.CANCELLED,
                    broker=replace(row, broker_order_id="B2"), confidence=70)  # fmt: skip
    nobodys = replace(still, order_id=order_id_of(1, DAY, "B3"), strategy_id="",
                      broker=replace(row, broker_order_id="B3"))  # fmt: skip
    with store.begin([1]) as work:
        work.put_orders([still, ended, nobodys], [])
        first = OwnedOrder(1, "S1", row.exchange, row.symbol, row.product, Side(row.side), 11, 5,
                           DAY, row.placed_at, guessed=False)  # fmt: skip
        found = sorted(work.owned_orders([1], DAY), key=lambda one: one.working, reverse=True)
        assert found == [first, replace(first, working=0, guessed=True)]
        assert work.owned_orders([1], DAY + timedelta(days=1)) == []
        assert work.owned_orders([2], DAY) == []


def test_an_order_in_parts_is_owned_by_each_for_its_own_units(store: SqlStore) -> None:
    row = replace(ROW, quantity=100, filled_quantity=70, pending_quantity=30)
    parts = (Part("S1", 60), Part("S2", 30))
    shared = replace(ORDER, broker=row, strategy_id="", confidence=None, parts=parts)
    with store.begin([1]) as work:
        work.put_orders([shared], [])
        found = {one.strategy_id: one for one in work.owned_orders([1], DAY)}
        assert {name: (one.quantity, one.working) for name, one in found.items()} == {
            "S1": (60, 0), "S2": (30, 20),
        }  # fmt: skip
        work.put_orders([replace(shared, strategy_id="S3")], [])
        assert [one.quantity for one in work.owned_orders([1], DAY)] == [60, 30, 10]
        work.put_orders([replace(shared, status=OrderStatus.CANCELLED)], [])
        assert [one.working for one in work.owned_orders([1], DAY)] == [0, 0]


def test_what_changed_owners_is_told_oldest_first(store: SqlStore) -> None:
    others = OrderEvent(ORDER.order_id, "seen", T0, {})
    first, then = (
        OrderEvent(ORDER.order_id, kind, at, {"to": "S1"})
        for kind, at in ((ASSIGNED, T0), (UNDONE, T1))
    )
    with store.begin([1]) as work:
        work.put_orders([ORDER], [then, others, first])
        assert work.owner_events([ORDER.order_id]) == {ORDER.order_id: [first, then]}
        assert work.owner_events([]) == {}
        assert work.has_order(ORDER.order_id, [1])
        assert not work.has_order(ORDER.order_id, [2])


def test_a_decision_is_kept_once_for_each_version(store: SqlStore) -> None:
    with store.begin([1]) as work:
        work.put_orders([ORDER], [])
        work.put_attributions([ATTRIBUTION])
        work.put_attributions([replace(ATTRIBUTION, version="2", decided_at=T1, strategy_id="")])
        assert [one["version"] for one in work.decisions_on(ORDER.order_id)] == ["2", "1"]
        assert [one["parts"] for one in work.decisions_since([1], DAY)] == [ATTRIBUTION.parts] * 2
        assert work.decisions_since([1], DAY + timedelta(days=1)) == []
        assert work.decisions_since([2], DAY) == []
