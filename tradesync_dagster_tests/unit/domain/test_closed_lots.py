"""What a day closed, by example; that its profit is the day's is a property of the books."""

from datetime import date

from tradesync_dagster.domain.book_frames import empty_lots
from tradesync_dagster.domain.closed_lots import CLOSED_COLUMNS, closed_on
from tradesync_dagster.domain.facts import CorporateAction, Facts, Settlement
from tradesync_dagster_tests.support.book_frames import INFY, LISTED, Trade, fills_of, kept, trade

MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)
FACTS = Facts(LISTED)


def pairs(
    earlier: list[Trade], today: list[Trade], facts: Facts = FACTS
) -> list[tuple[object, ...]]:
    lots = kept(earlier, facts).lots
    day = TUESDAY.toordinal()
    eve = lots[(lots["held_from"] < day) & (lots["held_to"] >= day)]
    found = closed_on(eve, fills_of(today), facts, day)
    names = ["opened_on", "opening_price", "closing_price", "quantity", "realised_pnl"]
    return [
        (date.fromordinal(first), *rest)
        for first, *rest in found[names].itertuples(index=False, name=None)
    ]


def test_nothing_closes_nothing() -> None:
    found = closed_on(empty_lots(), fills_of([]), FACTS, 5)
    assert (len(found), tuple(found.columns)) == (0, CLOSED_COLUMNS)


def test_the_oldest_lot_closes_first_and_in_parts() -> None:
    held = [trade(10, 100, MONDAY, "NRML"), trade(10, 120, MONDAY, "NRML")]
    assert pairs(held, [trade(-15, 130, TUESDAY, "NRML")]) == [
        (MONDAY, 100, 130, 10, 300),
        (MONDAY, 120, 130, 5, 50),
    ]


def test_delivery_of_a_day_closes_within_it_before_older_lots() -> None:
    today = [trade(4, 110, TUESDAY), trade(-6, 130, TUESDAY)]
    assert sorted(pairs([trade(10, 100, MONDAY)], today)) == [
        (MONDAY, 100, 130, 2, 60),
        (TUESDAY, 110, 130, 4, 80),
    ]


def test_a_short_is_closed_by_a_buy() -> None:
    today = [trade(-5, 200, TUESDAY, "MIS"), trade(5, 190, TUESDAY, "MIS")]
    assert pairs([], today) == [(TUESDAY, 200, 190, -5, 50)]


def test_a_split_of_the_day_comes_before_its_trading() -> None:
    split = Facts(LISTED, (), (CorporateAction(INFY, TUESDAY, "split", 2, 1),))
    assert pairs([trade(10, 100, MONDAY)], [trade(-20, 60, TUESDAY)], split) == [
        (MONDAY, 50, 60, 20, 200)
    ]


def test_an_expiry_closes_at_the_settlement_price() -> None:
    future = {"product": "NRML", "exchange": "NFO", "symbol": "INFY26MARFUT"}
    ended = Facts(LISTED, settlements=(Settlement("NFO", "INFY26MARFUT", TUESDAY, 90),))
    assert pairs([trade(10, 100, MONDAY, **future)], [], ended) == [(MONDAY, 100, 90, 10, -100)]
