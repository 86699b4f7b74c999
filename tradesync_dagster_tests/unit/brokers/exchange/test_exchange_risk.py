"""What the simulated broker and exchange refuse when an open order is changed."""

from dataclasses import replace
from datetime import datetime

import pytest

from tradesync_dagster.brokers.exchange.market import Market, MarketRules
from tradesync_dagster.brokers.exchange.orders import OrderChange, OrderRequest, RefusedError
from tradesync_dagster.brokers.exchange.units import IST, SCALE

START = datetime(2025, 11, 17, 9, 20, tzinfo=IST)
USER = "SIM001"
BUY = OrderRequest("ITC", "NSE", "BUY", 10, "CNC")


def test_a_change_is_held_against_what_a_new_order_is() -> None:
    market = Market(MarketRules(seed=7, accounts=3, start=START))
    limit = market.tape.last["NSE:ITC"] - 5 * SCALE
    resting = market.place(USER, replace(BUY, order_type="LIMIT", price=limit), START)
    market.place(USER, BUY, START)
    high = market.tape.last["NSE:ITC"] + 100 * SCALE
    sale = replace(BUY, side="SELL", order_type="LIMIT", price=limit + 10 * SCALE, quantity=1)
    offered = market.place(USER, sale, START)
    rows = (
        (resting, OrderChange(quantity=20_000), "Insufficient funds. Required margin is"),
        (resting, OrderChange(quantity=20_000, order_type="MARKET"), "Insufficient funds"),
        (resting, OrderChange(quantity=100_001), "above the freeze quantity"),
        (resting, OrderChange(price=high), "upper circuit limit"),
        (offered, OrderChange(quantity=BUY.quantity + 1), "Insufficient stock holding"),
    )
    for order, change, words in rows:
        before = (order.status, order.quantity, order.price, len(order.history))
        with pytest.raises(RefusedError, match=words):
            market.modify(USER, order.order_id, change, START)
        assert (order.status, order.quantity, order.price, len(order.history)) == before
    market.accounts[USER].cash = 0
    market.modify(USER, resting.order_id, OrderChange(quantity=1), START)
    assert resting.quantity == 1, "less needs no money"
    market.modify(USER, offered.order_id, OrderChange(quantity=BUY.quantity), START)
    assert market.accounts[USER].orders[offered.order_id] is offered
