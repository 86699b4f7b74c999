"""The fourteen rules for external orders, one test a rule; each fails when its rule is broken.

Rules of the store (transactions, leases, what a later answer may change) run on real databases,
those of the wire over HTTP against the simulated exchange, the others on values.
"""

import threading
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import BrokerHolding, BrokerPosition, Outcome
from tradesync_dagster.domain.attribution import AttributionRules, Evidence
from tradesync_dagster.domain.attribution import decide as decide_owner
from tradesync_dagster.domain.external import DetectionRules
from tradesync_dagster.domain.facts import Facts
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.looks import Decision
from tradesync_dagster.domain.orders import Order, OrderStatus, Origin, Side, order_id_of
from tradesync_dagster.domain.reconciliation import Figures, compare
from tradesync_dagster.domain.watermarks import derive
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster.sync.applying import apply
from tradesync_dagster_tests.support.answers import look_of, taken
from tradesync_dagster_tests.support.desk import Desk, open_desk
from tradesync_dagster_tests.support.known_fills import known_of
from tradesync_dagster_tests.support.looked_at import OLD, ROW, T0, later, row
from tradesync_dagster_tests.support.orders import DAY, sample_intent
from tradesync_dagster_tests.support.store_frames import refuse_rows, stored

LOST = sample_intent(created_at=OLD, strategy_id="mean-reversion")


def ledger(store: SqlStore) -> dict[str, Order]:
    with store.begin([1]) as work:
        orders = work.orders([1], DAY - timedelta(days=30))
    return {order.broker.broker_order_id: order for order in orders}


def decisions(entry: Any) -> list[str]:
    return [answer["decision"] for answer in entry.record.answers]


@pytest.mark.parametrize("kind", ["html", "cut", "empty", "null", "error"])
def test_rule_1_only_a_complete_answer_changes_the_books(desk: Desk, kind: str) -> None:
    """Only a complete answer changes state; an error is never an empty book."""
    desk.by_hand("BUY", 5)
    desk.one()
    before = desk.services.orders("desk/SIM001")
    desk.by_hand("BUY", 6)
    desk.fault(kind, path="/orders", times=9)
    assert desk.one().status == "partial_success"
    assert desk.services.orders("desk/SIM001") == before
    newest = desk.services.looks("desk/SIM001")[0]
    assert (newest["complete"], newest["answers"][0]["decision"]) == (False, "not_complete")
    assert newest["answers"][0]["error"]


def test_rule_1_an_answer_in_part_changes_nothing(store: SqlStore, account: Account) -> None:
    """A book that ended at a cap is Partial, and none of its rows is taken."""
    entry = taken(store, look_of(account, T0, [ROW], outcome=Outcome.PARTIAL))
    assert (ledger(store), decisions(entry)[0]) == ({}, Decision.INCOMPLETE)


def test_rule_1_a_genuinely_empty_book_is_complete(database_url: str, tmp_path: Path) -> None:
    """Kotak says 5203 where there is nothing; that one is empty."""
    with open_desk(database_url, tmp_path, accounts=1, brokers=("KOTAK",)) as desk:
        assert desk.one().status == "success"
        (look,) = desk.services.looks("desk/SIM001")
        told = [(answer["outcome"], answer["rows"]) for answer in look["answers"]]
        assert (look["complete"], told) == (True, [("complete", 0)] * 4)


def test_rule_2_a_book_that_lost_an_order_is_quarantined(store: SqlStore, account: Account) -> None:
    """An id seen today cannot vanish; any loss, to nothing included, quarantines the book."""
    taken(store, look_of(account, T0, [ROW, row("B2")]))
    moved = row("B2", status_word="COMPLETE", filled_quantity=10)
    for shrunk in ([moved, row("B3")], []):
        entry = taken(store, look_of(account, later(60), shrunk))
        assert decisions(entry)[0] == Decision.QUARANTINED
        assert "lost" in entry.record.answers[0]["reason"]  # type: ignore[union-attr]
        assert {o.status for o in ledger(store).values()} == {OrderStatus.OPEN}
    assert [each["kind"] for each in stored(store, "breaks")] == ["book_shrank"]


def test_rule_3_an_id_of_another_day_is_another_order(store: SqlStore, account: Account) -> None:
    """Identity is broker, account, trade date and the broker's id."""
    next_day = timedelta(days=1)
    again = row("B1", trade_date=DAY + next_day, placed_at=OLD + next_day, quantity=3)
    taken(store, look_of(account, T0, [ROW]))
    taken(store, look_of(account, T0 + next_day, [again]))
    kept = {(r["trade_date"], r["quantity"]) for r in stored(store, "orders")}
    assert kept == {(DAY, 10), (DAY + next_day, 3)}


def test_rule_4_a_placement_without_an_answer_is_resolved_by_the_book(
    store: SqlStore, account: Account
) -> None:
    """Our intent is committed first; the book says what became of it, and it is one order."""
    with store.begin([1]) as work:
        work.put_intents([LOST])
    taken(store, look_of(account, T0, [row("B1", tag="ts-1")]))
    taken(store, look_of(account, later(90), [row("B1", tag="ts-1")]))
    (kept,) = ledger(store).values()
    assert (kept.origin, kept.client_order_id) == (Origin.INTERNAL, "ts-1")
    (intent,) = stored(store, "intents")
    assert (intent["state"], intent["broker_order_id"]) == ("acknowledged", "B1")


def test_rule_5_several_compatible_placements_make_a_break_not_a_guess(
    store: SqlStore, account: Account
) -> None:
    """Exact key, tag, one compatible placement, else a candidate; several are a break."""
    with store.begin([1]) as work:
        work.put_intents([LOST, replace(LOST, client_order_id="ts-2")])
    for seconds in (0, 60, 120):
        taken(store, look_of(account, later(seconds), [ROW]))
    assert ledger(store)["B1"].origin is Origin.CANDIDATE
    (found,) = stored(store, "breaks")
    assert (found["kind"], found["evidence"]) == (
        "order_may_be_ours", {"intents": ["ts-1", "ts-2"]},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "placed", "origin"),
    [
        (29, 60, Origin.CANDIDATE),
        (30, 60, Origin.EXTERNAL),
        (30, 29, Origin.CANDIDATE),
        (30, 30, Origin.EXTERNAL),
    ],
)
def test_rule_6_an_order_is_external_after_two_books_and_a_minute(
    store: SqlStore, account: Account, seconds: int, placed: int, origin: Origin
) -> None:
    """Two complete books 30 s apart, and 60 s old by the broker's clock."""
    new = replace(ROW, placed_at=T0 - timedelta(seconds=placed), updated_at=T0)
    assert taken(store, look_of(account, T0, [new])).confirmed == 0
    taken(store, look_of(account, later(seconds), [new]))
    assert ledger(store)["B1"].origin is origin


def test_rule_7_creation_is_one_transaction_and_does_nothing_on_conflict(
    store: SqlStore, account: Account
) -> None:
    """Order, events and outbox row together or not at all; the same again changes nothing."""
    look = look_of(account, T0, [ROW])
    with suppress(KeyboardInterrupt), store.begin([1]) as work:
        apply(work, [look], DetectionRules(), T0)
        assert len(work.orders([1], DAY)) == 1
        raise KeyboardInterrupt  # as a killed process would
    assert (ledger(store), stored(store, "order_events")) == ({}, [])
    for _ in range(2):
        taken(store, look)
    assert [event["kind"] for event in stored(store, "order_events")] == ["seen"]
    odd = row("B1", status_word="HALF WAY TO THE EXCHANGE")
    taken(store, look_of(account, later(5), [odd]))
    assert not ledger(store)["B1"].status.is_terminal


def test_rule_7_an_order_is_not_external_without_its_message(desk: Desk) -> None:
    """The outbox row is of the transaction that confirms the order."""
    desk.by_hand("BUY", 5)
    refuse_rows(desk.services.store.engine, "outbox", 1)
    assert desk.one().status == "failed"
    assert [order.origin for order in ledger(desk.services.store).values()] == [Origin.CANDIDATE]
    kinds = [event["kind"] for event in stored(desk.services.store, "order_events")]
    assert kinds == ["seen"]


def test_rule_8_missing_is_not_cancelled(store: SqlStore, account: Account) -> None:
    """CANCELLED needs the broker's word: another day's book without an order ends nothing."""
    taken(store, look_of(account, T0, [ROW]))
    taken(store, look_of(account, later(60), []))
    evening = row("B9", variety="amo")  # so that the day before is looked at, too
    taken(store, look_of(account, T0 + timedelta(days=1), [evening]))
    assert ledger(store)["B1"].status is OrderStatus.OPEN
    told = row("B1", status_word="CANCELLED", cancelled_quantity=10, pending_quantity=0)
    taken(store, look_of(account, later(90), [told]))
    assert ledger(store)["B1"].status is OrderStatus.OPEN, "older than the last applied book"
    taken(store, look_of(account, T0 + timedelta(days=1, seconds=5), [told]))
    assert ledger(store)["B1"].status is OrderStatus.CANCELLED


def test_rule_9_a_late_answer_and_a_falling_fill_change_nothing(
    store: SqlStore, account: Account
) -> None:
    """Snapshots apply in the order they were asked for; fills only grow; ends stay."""
    half = row("B1", filled_quantity=6, pending_quantity=4)
    taken(store, look_of(account, later(60), [half]))
    late = taken(store, look_of(account, later(30), [row("B1", filled_quantity=2)]))
    assert decisions(late)[0] == Decision.OLDER
    assert ledger(store)["B1"].broker.filled_quantity == 6
    taken(store, look_of(account, later(90), [row("B1", filled_quantity=5)]))
    assert ledger(store)["B1"].broker.filled_quantity == 6
    taken(store, look_of(account, later(120), [replace(half, status_word="CANCELLED")]))
    taken(store, look_of(account, later(150), [half]))
    assert ledger(store)["B1"].status is OrderStatus.CANCELLED
    kinds = [event["kind"] for event in stored(store, "order_events")]
    assert {"fill_fell_ignored", "reopen_ignored"} <= set(kinds)


def trade(trade_id: str, quantity: int) -> Fill:
    return Fill(
        trade_id, "B1", DAY, "NSE", "INFY", "MIS", Side.BUY, quantity, 1_500_000_000, later(1)
    )  # fmt: skip


def test_rule_10_fills_go_by_trade_id_or_by_watermark(store: SqlStore, account: Account) -> None:
    """A trade counts once; partly filled then cancelled orders count."""
    ended = row("B1", status_word="CANCELLED", filled_quantity=4, cancelled_quantity=6)
    for seconds, trades in ((5, [trade("T1", 3)]), (10, [trade("T1", 3), trade("T2", 1)])):
        taken(store, look_of(account, later(seconds), [ended], trades))
    assert [(f["trade_id"], f["quantity"]) for f in stored(store, "fills")] == [
        ("T1", 3), ("T2", 1),
    ]  # fmt: skip
    grown = replace(ended, average_price=1_500_000_000)
    (first,) = derive(1, [replace(grown, filled_quantity=3)], {}, T0).fills
    (second,) = derive(1, [grown], known_of([first]), T0).fills
    assert (first.quantity, second.quantity) == (3, 1)
    assert derive(1, [grown], known_of([first, second]), T0).fills == []


def test_rule_11_every_difference_of_the_three_is_a_break() -> None:
    """Orders against trades, both against positions and holdings, over the union of keys."""
    order = Order(
        order_id_of(1, DAY, "B1"), 1, row("B1", filled_quantity=4), Origin.EXTERNAL,
        OrderStatus.OPEN, T0, T0,
    )  # fmt: skip
    position = {"exchange": "NSE", "symbol": "INFY", "product": "MIS", "quantity": 1}
    theirs = BrokerPosition("NSE", "TCS", "MIS", 2, 0, 1, 0, None)
    held = BrokerHolding("NSE", "WIPRO", "", "CNC", 3, 0, 0, 0, 0)
    figures = Figures(1, [order], [trade("T1", 3)], [position], [], [theirs], [held])
    assert [(each.kind, each.evidence) for each in compare(figures, Facts(), T0)] == [
        ("filled_without_trades", {"ours": "3", "broker": "4"}),
        ("holding_differs", {"ours": "0", "broker": "3"}),
        ("position_differs", {"ours": "1", "broker": "0"}),
        ("position_differs", {"ours": "0", "broker": "2"}),
    ]
    ended = replace(order, status=OrderStatus.CANCELLED)
    too_many = Figures(1, [ended], [trade("T1", 5)], [], [], [], [])
    assert [each.kind for each in compare(too_many, Facts(), T0)] == ["trades_without_fill"]


def test_rule_12_an_owner_needs_evidence_and_the_quantity() -> None:
    """A lone strategy without evidence, a tie, and a sale of what is not held stay unassigned."""
    rules = AttributionRules()
    alone = Evidence("alone", product_percent=100, minutes_off=0)
    assert decide_owner(Side.BUY, 10, [alone], rules).strategy_id == ""
    named = Evidence("named", named=True, held=10)
    assert decide_owner(Side.SELL, 10, [named], rules).strategy_id == "named"
    assert decide_owner(Side.SELL, 10, [replace(named, held=9)], rules).strategy_id == ""
    for points, owner in ((100, ""), (90, ""), (89, "named")):
        near = replace(rules, weights=replace(rules.weights, claim=points))
        two = [Evidence("named", named=True), Evidence("twin", claimed=True)]
        assert decide_owner(Side.BUY, 10, two, near).strategy_id == owner
    both = decide_owner(Side.BUY, 10, [named, alone], rules)
    assert both == decide_owner(Side.BUY, 10, [alone, named], rules)


def test_rule_13_two_syncs_of_one_account_take_turns(store: SqlStore, account: Account) -> None:
    """One writer an account: the later one waits, and then reads what the earlier one wrote."""
    second = look_of(account, later(60), [row("B1", filled_quantity=4)])
    thread = threading.Thread(target=taken, args=(store, second))
    with store.begin([1]) as work:
        thread.start()
        thread.join(0.5)
        assert thread.is_alive(), "the lease is held, though nothing is written yet"
        apply(work, [look_of(account, T0, [ROW])], DetectionRules(), T0)
    thread.join(60)
    assert not thread.is_alive()
    assert ledger(store)["B1"].broker.filled_quantity == 4
    kinds = sorted(event["kind"] for event in stored(store, "order_events"))
    assert kinds == ["changed", "confirmed_external", "seen"], "none twice, none lost"


@pytest.mark.parametrize(("skew", "orders"), [(60, 1), (61, 0), (-60, 1), (-62, 0)])
def test_rule_14_a_skewed_clock_creates_and_closes_nothing(
    store: SqlStore, account: Account, skew: int, orders: int
) -> None:
    """Above 60 s between the broker's clock and ours nothing is created or closed."""
    at = later(skew)
    taken(store, look_of(account, T0, [ROW], broker_time=at))
    assert len(ledger(store)) == orders
    taken(store, look_of(account, later(100), [ROW]))
    ended = row("B1", status_word="CANCELLED", cancelled_quantity=10)
    wrong = later(200 + skew)
    taken(store, look_of(account, later(200), [ended], broker_time=wrong))
    assert ledger(store)["B1"].status.is_terminal is bool(orders)
