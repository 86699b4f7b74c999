"""Corporate actions by example, and which days and queues lots change on."""

from datetime import date
from typing import Any

import pandas as pd
import pytest

from tradesync_dagster.domain.book_frames import QUEUE
from tradesync_dagster.domain.facts import Conversion, CorporateAction, Facts
from tradesync_dagster.domain.lot_events import changes, concerned
from tradesync_dagster.domain.orders import Side
from tradesync_dagster_tests.support.book_frames import (
    INFY,
    LISTED,
    days_of,
    kept,
    lots_on,
    trade,
)

MONDAY, TUESDAY, WEDNESDAY = date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4)
THURSDAY, FRIDAY = date(2026, 3, 5), date(2026, 3, 6)
NEWER = "INE009A01039"


def action(after: int, before: int, day: date = WEDNESDAY, **more: Any) -> CorporateAction:
    return CorporateAction(**{"isin": INFY, "ex_date": day, "kind": "split", "shares_after": after,
                              "shares_before": before} | more)  # fmt: skip


def acted(*actions: CorporateAction) -> Facts:
    return Facts(LISTED, actions=actions)


def move(quantity: int, **more: Any) -> Conversion:
    """Convert on Wednesday, by default from MIS to CNC and of the day's units."""
    row = {"account_id": 1, "conversion_id": "C1", "trade_date": WEDNESDAY, "exchange": "NSE",
           "symbol": "INFY", "side": Side.BUY, "from_product": "MIS", "to_product": "CNC",
           "quantity": quantity, "overnight": False}  # fmt: skip
    return Conversion(**row | more)


# Corporate actions.


def test_a_split_turns_one_share_into_five_on_its_day() -> None:
    books = kept([trade(10, 1000, MONDAY), trade(-20, 210, THURSDAY)], acted(action(5, 1)))
    assert lots_on(books, TUESDAY) == [(10, 1000)]
    assert lots_on(books, WEDNESDAY) == [(50, 200)]
    assert lots_on(books, THURSDAY) == [(30, 200)]
    assert days_of(books, "trade_date", "quantity", "cost", "realised_pnl") == [
        (MONDAY, 10, 10_000, 0),
        (WEDNESDAY, 50, 10_000, 0),
        (THURSDAY, 30, 6_000, 200),
    ]


def test_a_bonus_share_halves_the_price() -> None:
    books = kept([trade(7, 1000, MONDAY)], acted(action(2, 1, kind="bonus")))
    assert lots_on(books, WEDNESDAY) == [(14, 500)]


def test_the_cost_stays_to_the_last_unit_in_two_pieces() -> None:
    books = kept([trade(3, 1000, MONDAY), trade(-4, 300, THURSDAY)], acted(action(7, 3)))
    found = lots_on(books, WEDNESDAY, "quantity", "price", "piece")
    assert found == [(4, 429, 0), (3, 428, 1)], "the dearer piece is sold first"
    assert 4 * 429 + 3 * 428 == 3000
    assert lots_on(books, THURSDAY) == [(3, 428)]
    assert days_of(books)[-1] == (THURSDAY, 4 * (300 - 429))


def test_an_odd_holding_ends_with_the_whole_shares_that_its_total_gives() -> None:
    buys = [trade(1, 10, MONDAY), trade(3, 20, MONDAY), trade(1, 30, TUESDAY)]
    books = kept(buys, acted(action(3, 2, kind="bonus")))
    lots = lots_on(books, WEDNESDAY)
    assert sum(quantity for quantity, _ in lots) == 5 * 3 // 2
    assert sum(quantity * price for quantity, price in lots) == 10 + 60 + 30
    assert lots == [(1, 10), (5, 12), (1, 30)]


def test_a_consolidation_carries_the_cost_of_what_is_no_whole_share() -> None:
    buys = [trade(4, 10, MONDAY), trade(7, 20, MONDAY), trade(2, 30, TUESDAY)]
    books = kept(buys, acted(action(1, 10, kind="consolidation")))
    assert lots_on(books, WEDNESDAY) == [(1, 40 + 140 + 60)]


def test_less_than_one_share_stays_as_it_is() -> None:
    books = kept([trade(4, 10, MONDAY), trade(5, 20, MONDAY)], acted(action(1, 10)))
    assert lots_on(books, WEDNESDAY) == [(4, 10), (5, 20)]
    assert [day for day, _ in days_of(books)] == [MONDAY], "nothing happened on the day"


def test_a_short_side_is_changed_alike() -> None:
    books = kept([trade(-10, 1000, MONDAY), trade(20, 190, THURSDAY)], acted(action(5, 1)))
    assert lots_on(books, WEDNESDAY) == [(-50, 200)]
    assert days_of(books)[-1] == (THURSDAY, 20 * 10)


def test_sizes_beyond_64_bits_keep_their_cost() -> None:
    books = kept([trade(3 * 10**12, 9 * 10**12 + 1, MONDAY)], acted(action(7, 3)))
    lots = lots_on(books, WEDNESDAY)
    assert sum(int(q) * int(p) for q, p in lots) == 3 * 10**12 * (9 * 10**12 + 1)


def test_a_new_isin_is_followed_from_the_old_one() -> None:
    facts = Facts({("NSE", "INFY"): NEWER}, actions=(action(5, 1, new_isin=NEWER),))
    old = trade(10, 1000, MONDAY, isin=INFY, symbol="INFYOLD")
    books = kept([old, trade(-20, 210, THURSDAY)], facts)
    assert lots_on(books, MONDAY, "instrument", "quantity") == [(NEWER, 10)]
    assert lots_on(books, THURSDAY, "instrument", "quantity") == [(NEWER, 30)]
    assert days_of(books)[-1] == (THURSDAY, 200)


def test_actions_follow_one_another() -> None:
    newest = "INE009A01047"
    facts = Facts(
        {("NSE", "INFY"): newest},
        actions=(
            action(2, 1, THURSDAY, isin=NEWER, new_isin=newest, kind="bonus"),
            action(5, 1, new_isin=NEWER),
        ),
    )
    books = kept([trade(1, 1001, MONDAY, isin=INFY)], facts)
    assert lots_on(books, WEDNESDAY) == [(1, 201), (4, 200)]
    assert lots_on(books, THURSDAY, "quantity", "price", "piece") == [
        (1, 101, 0),
        (1, 100, 1),
        (8, 100, 3),
    ]


def test_an_action_and_the_days_trading_make_one_day() -> None:
    books = kept([trade(10, 1000, MONDAY), trade(-20, 210, WEDNESDAY)], acted(action(5, 1)))
    assert lots_on(books, WEDNESDAY) == [(30, 200)]
    assert days_of(books, "trade_date", "quantity", "realised_pnl", "wins") == [
        (MONDAY, 10, 0, 0),
        (WEDNESDAY, 30, 200, 1),
    ]


@pytest.mark.parametrize("other", [{"product": "MIS"}, {"symbol": "TCS"}, {"isin": "INE1"}])
def test_an_action_changes_delivery_of_its_shares_only(other: dict[str, Any]) -> None:
    row = trade(**{"quantity": 10, "price": 1000, "day": MONDAY} | other)
    assert lots_on(kept([row], acted(action(5, 1))), FRIDAY) == [(10, 1000)]


def test_shares_bought_on_the_day_are_new_ones() -> None:
    books = kept([trade(10, 200, WEDNESDAY)], acted(action(5, 1)))
    assert lots_on(books, WEDNESDAY) == [(10, 200)]


def test_every_account_and_strategy_is_rounded_by_itself() -> None:
    rows = [
        trade(1, 10, MONDAY),
        trade(1, 10, MONDAY, account_id=2),
        trade(3, 20, MONDAY, strategy_id="trend"),
    ]
    books = kept(rows, acted(action(3, 2)))
    found = lots_on(books, WEDNESDAY, "account_id", "strategy_id", "quantity", "price")
    assert sorted(found) == [(1, "", 1, 10), (1, "trend", 4, 15), (2, "", 1, 10)]


# Which days and queues.


def test_changes_come_by_day_and_not_before_the_start() -> None:
    facts = Facts(
        LISTED,
        actions=(action(2, 1, THURSDAY, kind="split"), action(3, 1, THURSDAY, kind="bonus")),
        conversions=(move(1, conversion_id="b"), move(1, conversion_id="a"), move(1, account_id=0)),
    )
    found = changes(facts, WEDNESDAY.toordinal())
    assert [date.fromordinal(change.day) for change in found] == [WEDNESDAY, THURSDAY]
    assert [(c.account_id, c.conversion_id) for c in found[0].conversions] == [
        (0, "C1"),
        (1, "a"),
        (1, "b"),
    ]
    assert [one.kind for one in found[1].actions] == ["bonus", "split"]
    assert [c.day for c in changes(facts, WEDNESDAY.toordinal() + 1)] == [THURSDAY.toordinal()]
    assert changes(Facts(), 1) == []


def test_queues_concerned_are_those_a_change_may_touch() -> None:
    facts = Facts(LISTED, actions=(action(2, 1),), conversions=(move(1, to_product="NRML"),))
    names = [
        (1, "", INFY, "CNC"),
        (2, "trend", INFY, "MTF"),
        (1, "", "NSE:INFY", "MIS"),
        (1, "", "NSE:INFY", "NRML"),
        (2, "", "NSE:INFY", "MIS"),
        (1, "", "BSE:INFY", "MIS"),
        (1, "", "NSE:TCS", "CNC"),
    ]
    queues = pd.DataFrame([*names, names[0]], columns=QUEUE)
    assert concerned(queues, facts, changes(facts, 1)) == set(names[:4])
    assert concerned(queues, facts, []) == set()
