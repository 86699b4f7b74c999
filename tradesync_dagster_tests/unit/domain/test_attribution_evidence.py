"""Rule 12 for external orders: finding the evidence, one test a kind."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.attribution import Evidence
from tradesync_dagster.domain.attribution_evidence import Known, in_time_order, named_by, wanted_by
from tradesync_dagster.domain.attribution_rows import Claim, OwnedOrder, Strategy
from tradesync_dagster.domain.facts import Facts
from tradesync_dagster.domain.orders import Order, OrderStatus, Origin, Side, order_id_of
from tradesync_dagster_tests.support.orders import DAY, sample_order

AT = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
ACCOUNT = Account(1, "desk", "main", "ZERODHA")
ISIN = "INE009A01021"
FACTS = Facts(isins={("NSE", "INFY"): ISIN, ("BSE", "INFY"): ISIN})


def order(broker_order_id: str = "B1", **changes: Any) -> Order:
    row = sample_order(AT, **{"broker_order_id": broker_order_id, "product": "CNC"} | changes)
    return Order(order_id_of(1, DAY, broker_order_id), 1, row, Origin.EXTERNAL, row.status, AT, AT)


def owned(strategy_id: str = "trend", **changes: Any) -> OwnedOrder:
    plain = OwnedOrder(
        1, strategy_id, "NSE", "INFY", "CNC", Side.BUY, 10, 0, DAY - timedelta(days=3),
        AT - timedelta(days=3), guessed=False,
    )  # fmt: skip
    return replace(plain, **changes)


def strategy(strategy_id: str, **changes: Any) -> Strategy:
    plain = Strategy("desk", strategy_id, strategy_id, automatic=False, created_at=AT)
    return replace(plain, **changes)


def claim(strategy_id: str, **changes: Any) -> Claim:
    return replace(Claim("desk", None, strategy_id, "NSE", "INFY", AT, "asha"), **changes)


def known(**changes: Any) -> Known:
    empty: dict[str, Any] = {"strategies": [], "claims": [], "open_units": {}, "owned": []}
    return Known(**{"facts": FACTS} | empty | changes)


def holding(units: int, strategy_id: str = "trend") -> dict[tuple[int, str, str, str], int]:
    return {(1, strategy_id, ISIN, "CNC"): units}


def test_what_it_does_in_other_instruments_tells_its_habits_only() -> None:
    history = known(owned=[owned(symbol="TCS"), owned(symbol="TCS")])
    [found] = history.evidence(ACCOUNT, order())
    assert (found.days_since, found.size_percent, found.held) == (None, None, 0)
    assert (found.product_percent, found.minutes_off) == (100, 0)


def test_a_position_counts_for_the_side_that_reduces_it() -> None:
    long, short = known(open_units=holding(10)), known(open_units=holding(-10))
    selling, buying = order(side=Side.SELL), order(side=Side.BUY)
    assert [one.held for one in long.evidence(ACCOUNT, selling)] == [10]
    assert long.evidence(ACCOUNT, buying) == []
    assert [one.held for one in short.evidence(ACCOUNT, buying)] == [10]
    assert short.evidence(ACCOUNT, selling) == []


def test_another_product_or_account_is_no_position() -> None:
    history = known(open_units=holding(10))
    assert history.evidence(ACCOUNT, order(side=Side.SELL, product="MIS")) == []
    other = replace(order(side=Side.SELL), account_id=2)
    assert history.evidence(replace(ACCOUNT, account_id=2), other) == []


def test_a_listing_on_another_exchange_is_the_same_share() -> None:
    history = known(open_units=holding(10), claims=[claim("trend")], owned=[owned()])
    [found] = history.evidence(ACCOUNT, order(side=Side.SELL, exchange="BSE"))
    assert (found.held, found.claimed, found.days_since) == (10, True, 3)


def test_a_claim_is_of_one_account_or_of_all_of_the_organizations() -> None:
    def claimed(**changes: Any) -> bool:
        return bool(known(claims=[claim("trend", **changes)]).evidence(ACCOUNT, order()))

    assert claimed()
    assert claimed(account_id=1)
    assert not claimed(account_id=2)
    assert not claimed(organization_id="another")
    assert not claimed(symbol="TCS")


def test_habits_are_the_strategys_own() -> None:
    sizes = [owned(quantity=quantity) for quantity in (40, 20, 1)]
    early = owned(placed_at=AT - timedelta(days=9, minutes=20), trade_date=DAY - timedelta(days=9))
    intraday = replace(early, product="MIS", quantity=20)
    [found] = known(owned=[*sizes, intraday]).evidence(ACCOUNT, order(quantity=10))
    assert found == Evidence("trend", False, False, 0, 3, 75, 0, 50)
    [later] = known(owned=[early]).evidence(ACCOUNT, order())
    assert later.minutes_off == 20


def test_a_guess_is_no_evidence_for_the_next_guess() -> None:
    assert known(owned=[owned(guessed=True)]).evidence(ACCOUNT, order()) == []


def test_the_automatic_strategy_is_no_candidate() -> None:
    history = {"open_units": holding(10, "external"), "owned": [owned("external")]}
    selling = order(side=Side.SELL)
    assert known(**history).evidence(ACCOUNT, selling)
    assert known(**history, leave_out=frozenset({"external"})).evidence(ACCOUNT, selling) == []
    automatic = [strategy("external", automatic=True)]
    assert known(**history, strategies=automatic).evidence(ACCOUNT, selling) == []


@pytest.mark.parametrize(
    ("tag", "name", "length"),
    [
        ("momentum", "momentum", 8),
        ("MOMENTUM", "momentum", 8),
        ("momentum7", "momentum", 8),
        ("momentum-x", "momentum", 8),
        ("meanreversion7", "mean-reversion", 13),
        ("mean-reversion-7", "mean_reversion", 13),
        ("alpha1-7", "alpha1", 6),
        ("alpha12", "alpha1", 0),
        ("momentum", "mom", 0),
        ("mom-entum", "mom", 3),
        ("a", "a", 1),
        ("a1", "a", 0),
        ("", "momentum", 0),
        ("7", "--", 0),
        ("xmomentum", "momentum", 0),
    ],
)
def test_a_tag_names_the_strategy_that_it_begins_with(tag: str, name: str, length: int) -> None:
    assert named_by(tag, name) == length


def test_the_longest_name_in_a_tag_counts_and_those_of_others_do_not() -> None:
    history = known(
        strategies=[
            strategy("mom"),
            strategy("mom-fast"),
            strategy("x", name="mom-fast-2", organization_id="another"),
        ]
    )
    found = history.evidence(ACCOUNT, order(tag="mom-fast-2"))
    assert [(one.strategy_id, one.named) for one in found] == [("mom-fast", True)]


# Rule 12 over several orders of one look.


def test_what_one_order_takes_the_next_does_not_find() -> None:
    history = known(open_units=holding(15))
    first, second = order("B1", side=Side.SELL), order("B2", side=Side.SELL)
    assert history.available(first, "trend") == 15
    history.take(first, "trend")
    assert history.available(second, "trend") == 5
    history.take(order("B3", side=Side.BUY, filled_quantity=4), "trend")
    assert history.available(second, "trend") == 9


def test_a_working_sell_will_want_its_units() -> None:
    working = owned(side=Side.SELL, working=8, trade_date=DAY)
    selling = order(side=Side.SELL)
    assert known(open_units=holding(10), owned=[working]).available(selling, "trend") == 2
    for other in (
        {"side": Side.BUY},
        {"symbol": "TCS"},
        {"product": "MIS"},
        {"strategy_id": "x"},
        {"trade_date": DAY - timedelta(days=1)},
    ):
        history = known(open_units=holding(10), owned=[replace(working, **other)])  # type: ignore[arg-type]
        assert history.available(selling, "trend") == 10


def test_an_order_needs_what_it_traded_once_it_ended() -> None:
    part = order(filled_quantity=4)
    assert wanted_by(part) == 10
    assert wanted_by(replace(part, status=OrderStatus.CANCELLED)) == 4
    assert wanted_by(replace(order(), status=OrderStatus.REJECTED)) == 10


def test_orders_are_taken_in_the_order_of_their_placing() -> None:
    late = order("B1")
    late = replace(late, broker=replace(late.broker, placed_at=AT + timedelta(seconds=1)))
    assert in_time_order([late, order("B2")]) == [order("B2"), late]
