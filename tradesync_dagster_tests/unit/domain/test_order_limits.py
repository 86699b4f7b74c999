"""Limits, halts, and what an order is worth."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import OrderRequest
from tradesync_dagster.domain.errors import PlacementRefusedError
from tradesync_dagster.domain.money import PRICE_UNIT
from tradesync_dagster.domain.order_limits import (
    Halt,
    Limits,
    Load,
    check_halts,
    check_live,
    check_order,
    price_of,
    scopes_of,
)

ACCOUNT = Account(1, "acme", "main", "ZERODHA", live=True)
BUY = OrderRequest("NSE", "INFY", "CNC", "BUY", "LIMIT", 10, 1_500 * PRICE_UNIT)
KNOWN = (1, 1_600 * PRICE_UNIT)
RUPEES = PRICE_UNIT


def check(
    request: OrderRequest = BUY,
    limits: Limits | None = None,
    load: Load | None = None,
    instrument: tuple[int, int | None] | None = KNOWN,
) -> int:
    return check_order(ACCOUNT, request, limits or Limits(), load or Load(), instrument)


@pytest.mark.parametrize(
    ("changes", "last", "price"),
    [
        ({}, 1_600, 1_500),
        ({"side": "SELL"}, 1_600, 1_600),
        ({"side": "SELL"}, None, 1_500),
        ({"order_type": "MARKET", "price": 0}, 1_600, 1_600),
        ({"order_type": "MARKET", "price": 0}, None, None),
        ({"order_type": "SL-M", "price": 0, "trigger_price": 1_700 * RUPEES}, 1_600, 1_700),
        ({"order_type": "SL", "trigger_price": 1_400 * RUPEES}, 1_600, 1_500),
    ],
)
def test_an_order_counts_at_the_dearest_price_that_it_may_well_trade_at(
    changes: dict[str, object], last: int | None, price: int | None
) -> None:
    units = None if last is None else last * RUPEES
    found = price_of(replace(BUY, **changes), units)  # type: ignore[arg-type]
    assert found == (None if price is None else price * RUPEES)


def test_an_order_within_all_limits_is_worth_its_price_times_its_quantity() -> None:
    assert check() == 15_000 * RUPEES
    assert check(instrument=None) == 15_000 * RUPEES


def test_contract_sizes_count() -> None:
    limits = Limits(order_value=10**18, day_value=10**18, position_value=10**18)
    assert check(limits=limits, instrument=(50, None)) == 750_000 * RUPEES


@pytest.mark.parametrize(
    ("limits", "load", "words"),
    [
        (Limits(order_value=14_999 * RUPEES), Load(), "order is worth 15000.00, and the limit is "
         "14999.00; change it with: tradesync orders limits acme/main --order-value AMOUNT"),
        (Limits(day_value=20_000 * RUPEES), Load(day_value=5_000 * RUPEES + 1),
         "would be worth 20000.000001, and the limit is 20000.00; .* --day-value"),
        (Limits(open_orders=2), Load(open_orders=2), "2 orders are open, .* --open-orders"),
        (Limits(position_value=30_000 * RUPEES), Load(position=6, working=5),
         "position in NSE:INFY would be worth 31500.00, .* is 30000.00; .* --position-value"),
    ],
)  # fmt: skip
def test_a_refusal_says_which_limit_by_how_much_and_how_to_change_it(
    limits: Limits, load: Load, words: str
) -> None:
    with pytest.raises(PlacementRefusedError, match=words):
        check(limits=limits, load=load)


def test_what_is_at_a_limit_is_within_it() -> None:
    limits = Limits(15_000 * RUPEES, 20_000 * RUPEES, 3, 30_000 * RUPEES)
    load = Load(day_value=5_000 * RUPEES, open_orders=2, position=5, working=5)
    assert check(limits=limits, load=load) == 15_000 * RUPEES


def test_an_order_that_makes_a_position_smaller_is_within_its_limit() -> None:
    limits = Limits(position_value=1)
    sell = replace(BUY, side="SELL")
    assert check(sell, limits, Load(position=100))
    with pytest.raises(PlacementRefusedError, match="position"):
        check(sell, limits, Load(position=4))


@pytest.mark.parametrize(
    ("request_", "instrument", "words"),
    [
        (replace(BUY, order_type="MARKET", price=0), None, "no price of NSE:INFY is known"),
        (replace(BUY, order_type="MARKET", price=0), (1, None), "no price of NSE:INFY is known"),
        (replace(BUY, exchange="MCX", symbol="GOLD"), None, "no contract size of MCX:GOLD"),
    ],
)
def test_what_cannot_be_valued_is_refused(
    request_: OrderRequest, instrument: tuple[int, int | None] | None, words: str
) -> None:
    with pytest.raises(PlacementRefusedError, match=words):
        check(request_, instrument=instrument)


@pytest.mark.parametrize("scope", ["", "acme", "acme/main"])
def test_a_halt_stops_what_it_covers_and_says_how_to_go_on(scope: str) -> None:
    halt = Halt(scope, datetime(2026, 3, 2, 5, tzinfo=UTC), "asha", "a wild strategy")
    with pytest.raises(PlacementRefusedError, match=f"asha halted .* resume {scope}"):
        check_halts(ACCOUNT, [halt])


@pytest.mark.parametrize("scope", ["other", "acme/second", "acm", "acme/"])
def test_a_halt_stops_nobody_else(scope: str) -> None:
    assert scope not in scopes_of(ACCOUNT)


def test_real_brokers_need_both_switches_and_paper_none() -> None:
    with pytest.raises(PlacementRefusedError, match="TRADESYNC_LIVE_ORDERS_ENABLED=true"):
        check_live(ACCOUNT, live_enabled=False)
    with pytest.raises(PlacementRefusedError, match="tradesync accounts live acme/main --on"):
        check_live(replace(ACCOUNT, live=False), live_enabled=True)
    check_live(ACCOUNT, live_enabled=True)
    check_live(replace(ACCOUNT, broker="PAPER", live=False), live_enabled=False)
    with pytest.raises(PlacementRefusedError, match="disabled"):
        check_live(replace(ACCOUNT, broker="PAPER", enabled=False), live_enabled=True)
