"""Breaks that detection found end by themselves, when what made them is gone, with the time."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tradesync_dagster.domain import placements
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import OrderRequest, Outcome
from tradesync_dagster.domain.external import DetectionRules
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.money import INT64_MAX
from tradesync_dagster.domain.orders import Order, Side
from tradesync_dagster.domain.placements import Placement
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster.sync import placing
from tradesync_dagster.sync.correcting import Statement, correct_fill
from tradesync_dagster.sync.fetching import Answers
from tradesync_dagster_tests.support.answers import look_of, taken
from tradesync_dagster_tests.support.looked_at import OLD, ROW, T0, later, row
from tradesync_dagster_tests.support.orders import DAY, sample_intent
from tradesync_dagster_tests.support.store_frames import stored

LOST = sample_intent(created_at=OLD)
TRADE = Fill("T1", "B1", DAY, "NSE", "INFY", "MIS", Side.BUY, 3, 1_500_000_000, OLD)


def breaks(store: SqlStore) -> dict[str, tuple[str, datetime | None]]:
    return {
        f"{b['kind']} {b['subject']}": (b["state"], b["resolved_at"])
        for b in stored(store, "breaks")
    }


def test_a_loss_ends_with_a_whole_book_of_its_day(store: SqlStore, account: Account) -> None:
    name = "book_shrank 2026-03-02"
    taken(store, look_of(account, T0, [ROW, row("B2")]))
    taken(store, look_of(account, later(60), [ROW]))
    assert breaks(store) == {name: ("open", None)}
    taken(store, look_of(account, later(120), [], outcome=Outcome.FAILED))
    taken(store, look_of(account, later(30), [ROW, row("B2")]))
    assert breaks(store) == {name: ("open", None)}, "no answer that was believed says otherwise"
    taken(store, look_of(account, later(180), [ROW, row("B2"), row("B3")]))
    assert breaks(store) == {name: ("resolved", later(180))}
    taken(store, look_of(account, later(240), [ROW]))
    assert breaks(store) == {name: ("open", None)}, "another loss opens it again"


def test_a_loss_of_yesterday_is_not_ended_by_todays_book(store: SqlStore, account: Account) -> None:
    taken(store, look_of(account, T0, [ROW]))
    taken(store, look_of(account, later(60), []))
    taken(store, look_of(account, T0 + timedelta(days=1), []))
    assert breaks(store) == {"book_shrank 2026-03-02": ("open", None)}


def hold(store: SqlStore, account: Account) -> str:
    with store.begin([1]) as work:
        work.put_intents([LOST])
    taken(store, look_of(account, T0, [ROW]))
    name = "order_may_be_ours 2026-03-02:B1"
    assert breaks(store) == {name: ("open", None)}
    return name


def answered(store: SqlStore, **changes: Any) -> None:
    with store.begin([1]) as work:
        work.put_intents([replace(LOST, **changes)])


def test_a_doubt_ends_when_the_order_is_claimed(store: SqlStore, account: Account) -> None:
    name = hold(store, account)
    answered(store, state="acknowledged", broker_order_id="B1")
    taken(store, look_of(account, later(60), [ROW]))
    assert breaks(store) == {name: ("resolved", later(60))}
    assert [r["origin"] for r in stored(store, "orders")] == ["internal"]
    assert "found_ours" in {e["kind"] for e in stored(store, "order_events")}


def test_a_doubt_ends_when_the_order_is_confirmed(store: SqlStore, account: Account) -> None:
    name = hold(store, account)
    answered(store, state="refused")
    taken(store, look_of(account, later(60), [ROW]))
    assert breaks(store) == {name: ("resolved", later(60))}
    assert [r["origin"] for r in stored(store, "orders")] == ["external"]


def test_a_doubt_stays_where_nothing_can_be_said(store: SqlStore, account: Account) -> None:
    name = hold(store, account)
    answered(store, state="refused")
    off = DetectionRules(enabled=False)
    taken(store, look_of(account, later(60), [ROW]), off)
    taken(store, look_of(account, later(90), [ROW], broker_time=later(400)))
    taken(store, look_of(account, later(120), []))
    assert breaks(store)[name] == ("open", None)


def test_a_contradiction_ends_when_the_broker_takes_it_back(
    store: SqlStore, account: Account
) -> None:
    name = f"fill_changed {DAY}:{TRADE.fill_id}"
    other = replace(TRADE, quantity=4)
    taken(store, look_of(account, T0, [ROW], [TRADE]))
    taken(store, look_of(account, later(60), [ROW], [other]))
    assert breaks(store) == {name: ("open", None)}
    taken(store, look_of(account, later(120), [ROW], [other, replace(TRADE, trade_id="T2")]))
    assert breaks(store)[name] == ("open", None)
    taken(store, look_of(account, later(180), [ROW], [TRADE]))
    assert breaks(store)[name] == ("resolved", later(180))


def test_a_contradiction_ends_when_a_person_corrects_the_fill_to_it(
    store: SqlStore, account: Account
) -> None:
    name = f"fill_changed {DAY}:{TRADE.fill_id}"
    taken(store, look_of(account, T0, [ROW], [TRADE]))
    taken(store, look_of(account, later(60), [ROW], [replace(TRADE, quantity=4)]))
    said = Statement(DAY, TRADE.fill_id, "the contract note says so", "asha")
    correct_fill(store, account, said, {"quantity": 5}, later(90))
    assert breaks(store)[name] == ("open", None), "to something else"
    correct_fill(store, account, said, {"quantity": 4}, later(100))
    assert breaks(store)[name] == ("resolved", later(100))


def test_breaks_of_other_accounts_stay(store: SqlStore, account: Account) -> None:
    second = store.accounts()[1]
    for one in (account, second):
        taken(store, look_of(one, T0, [ROW]))
        taken(store, look_of(one, later(60), []))
    taken(store, look_of(account, later(120), [ROW]))
    states = {b["account_id"]: b["state"] for b in stored(store, "breaks")}
    assert states == {1: "resolved", 2: "open"}


PLACED = OrderRequest("NSE", "INFY", "MIS", "BUY", "LIMIT", 10, 1_500_000_000)


def lost(store: SqlStore, tag: str) -> Placement:
    """Write down a placement of ours, an hour before, whose answer was lost."""
    request = replace(PLACED, tag=tag)
    found = placements.intend(1, request, OLD, strategy_id="momentum", who="asha", value=1)
    placements.lose(found, "silence", OLD)
    kept(store, found)
    return found


def kept(store: SqlStore, placement: Placement) -> None:
    with store.begin([1]) as work:
        placing._absorb_candidate(work, placement.order)
        work.put_orders([placement.order], placement.events)
        work.put_intents([placement.intent])


def test_what_may_be_several_placements_ends_with_the_answers(
    store: SqlStore, account: Account
) -> None:
    first, _ = lost(store, "tsone"), lost(store, "tstwo")
    taken(store, look_of(account, T0, [ROW]))
    taken(store, look_of(account, later(60), [ROW]))
    names = [f"placement_ambiguous {tag}" for tag in ("tsone", "tstwo")]
    assert [breaks(store)[name] for name in names] == [("open", None)] * 2
    placements.acknowledge(first, "B1", later(90), "answer")
    kept(store, first)
    taken(store, look_of(account, later(120), [ROW]))
    assert [breaks(store)[name] for name in names] == [("resolved", later(120)), ("open", None)]
    taken(store, look_of(account, later(180), [ROW]))  # missing for the second time: it failed
    assert breaks(store)[names[1]] == ("resolved", later(180))
    assert "open" not in {state for state, _ in breaks(store).values()}


def test_what_no_book_could_tell_ends_with_the_answer(store: SqlStore, account: Account) -> None:
    placed = lost(store, "tsone")
    tomorrow = T0 + timedelta(days=1)
    taken(store, look_of(account, tomorrow, []))
    name = "placement_unresolved tsone"
    assert breaks(store) == {name: ("open", None)}
    taken(store, look_of(account, tomorrow + timedelta(minutes=5), []))
    assert breaks(store) == {name: ("open", None)}
    placements.fail(placed, "the broker says that it never came", tomorrow)
    kept(store, placed)
    at = tomorrow + timedelta(minutes=10)
    taken(store, look_of(account, at, []))
    assert breaks(store) == {name: ("resolved", at)}


def test_an_order_that_is_missing_ends_with_its_row(store: SqlStore, account: Account) -> None:
    placed = lost(store, "tsone")
    placements.acknowledge(placed, "B1", OLD, "answer")
    kept(store, placed)
    taken(store, look_of(account, T0, []))
    name = "acknowledged_not_in_book tsone"
    assert breaks(store) == {name: ("open", None)}
    taken(store, look_of(account, later(60), [row("B1", tag="tsone")]))
    assert breaks(store) == {name: ("resolved", later(60))}


def test_an_order_that_is_there_twice_ends_when_one_is_void(
    store: SqlStore, account: Account
) -> None:
    lost(store, "tsone")
    both = [row("B1", tag="tsone"), row("B2", tag="tsone")]
    taken(store, look_of(account, T0, both))
    name = "placement_doubled tsone"
    assert breaks(store) == {name: ("open", None)}
    void = replace(both[1], status_word="CANCELLED")
    taken(store, look_of(account, later(60), [both[0], void]))
    assert breaks(store) == {name: ("resolved", later(60))}


def shown(account: Account, seconds: float, filled: int, average: int, minutes: int) -> Answers:
    """Look at a broker without trades, whose book shows how far ROW is filled, and since when."""
    at = OLD + timedelta(minutes=minutes)
    order = row("B1", filled_quantity=filled, average_price=average)
    look = look_of(account, later(seconds), [replace(order, updated_at=at)])
    look.trades = replace(look.trades, derived=True)
    return look


@pytest.mark.parametrize(
    ("filled", "average", "minutes", "kind"),
    [
        (4, 103_000_000, 9, "filled_quantity_fell"),
        (5, 104_000_000, 9, "filled_value_changed"),
        (6, 1_000_000, 9, "filled_value_fell"),
        (6, INT64_MAX, 9, "filled_value_too_large"),
        (6, 103_000_000, 1, "fill_time_went_back"),
    ],
)
def test_a_watermark_that_went_wrong_ends_when_it_is_right_again(
    store: SqlStore, account: Account, filled: int, average: int, minutes: int, kind: str
) -> None:
    taken(store, shown(account, 0, 5, 103_000_000, 5))
    with store.begin([1]) as work:  # a book in which the order itself has not moved back
        work.put_orders([_unfilled(store)], [])
    taken(store, shown(account, 60, filled, average, minutes))
    name = f"{kind} {DAY}:B1"
    assert breaks(store) == {name: ("open", None)}
    taken(store, look_of(account, later(90), [], outcome=Outcome.FAILED))
    assert breaks(store) == {name: ("open", None)}
    taken(store, shown(account, 120, 5, 103_000_000, 5))
    assert breaks(store) == {name: ("resolved", later(120))}
    assert [fill["quantity"] for fill in stored(store, "fills")] == [5]


def _unfilled(store: SqlStore) -> Order:
    with store.look() as work:
        (order,) = work.orders([1], DAY)
    return replace(order, broker=replace(order.broker, filled_quantity=0, average_price=0))
