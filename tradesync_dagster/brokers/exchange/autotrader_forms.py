"""AutoTrader's form fields: what each of a request may hold.

Does not belong here: routes and answers (autotrader.py), checks against a market (risk.py).
"""

from collections.abc import Mapping

from tradesync_dagster.brokers.exchange.instruments import Instrument
from tradesync_dagster.brokers.exchange.kite_forms import Form
from tradesync_dagster.brokers.exchange.orders import OrderChange, OrderRequest, RefusedError

_PRODUCTS = {"DELIVERY": "CNC", "INTRADAY": "MIS", "NORMAL": "NRML"}
_ORDER_TYPES = {"LIMIT": "LIMIT", "MARKET": "MARKET", "STOP_LOSS": "SL", "SL_MARKET": "SL-M"}
_SIDES = {"BUY": "BUY", "SELL": "SELL"}
_VALIDITIES = {"DAY": "DAY", "IOC": "IOC"}
_FLAGS = {"true": True, "false": False}
Listed = Mapping[tuple[str, str], Instrument]
"""What can be traded, by exchange and by either name: the platform's own or AutoTrader's."""


def account_name(fields: Mapping[str, object], user_id: str) -> None:
    """Check that the account asked for is the key's own.

    Raises:
        RefusedError: it is none, or another.
    """
    asked = Form(fields).get("pseudoAccount")
    if asked != user_id:
        what = "No live trading account is mapped to that pseudo account."
        raise RefusedError(what, cause="account")


def order_request(fields: Mapping[str, object], listed: Listed) -> OrderRequest:
    """Read the form of a new order; a plain placement leaves out what only an advanced one has.

    Raises:
        RefusedError: a field is missing or wrong.
    """
    form = Form(fields)
    item = listed.get((form.need("exchange"), form.need("symbol")))
    if item is None:
        raise RefusedError("Symbol not found.", cause="instrument")
    if (form.get("variety") or "REGULAR") != "REGULAR":
        raise RefusedError("Only REGULAR orders are taken here.")
    order_type = _ORDER_TYPES[_choice(form, "orderType", _ORDER_TYPES)]
    return OrderRequest(
        symbol=item.symbol,
        exchange=item.exchange,
        side=_choice(form, "tradeType", _SIDES),
        quantity=form.whole("quantity") or 0,
        product=_PRODUCTS[_choice(form, "productType", _PRODUCTS)],
        order_type=order_type,
        price=(form.price("price") or 0) if order_type in ("LIMIT", "SL") else 0,
        trigger_price=(form.price("triggerPrice") or 0) if order_type.startswith("SL") else 0,
        validity=_choice(form, "validity", _VALIDITIES, "DAY"),
        disclosed_quantity=form.whole("disclosedQuantity") or 0,
        variety="amo" if _FLAGS[_choice(form, "amo", _FLAGS, "false")] else "regular",
        tag=form.get("publisherId"),
    )


def order_change(fields: Mapping[str, object]) -> OrderChange:
    """Read the form of a modification: what is left out or zero stays.

    Raises:
        RefusedError: a field is wrong.
    """
    form = Form(fields)
    asked = form.get("orderType")
    return OrderChange(
        quantity=form.whole("quantity") or None,
        price=form.price("price") or None,
        trigger_price=form.price("triggerPrice") or None,
        order_type=_ORDER_TYPES[_choice(form, "orderType", _ORDER_TYPES)] if asked else None,
    )


def order_id(fields: Mapping[str, object]) -> str:
    """Read which order the request is about."""
    return Form(fields).need("platformId")


def _choice(form: Form, name: str, right: Mapping[str, object], otherwise: str = "") -> str:
    value = form.get(name) or otherwise or form.need(name)
    if value not in right:
        raise RefusedError(f"Invalid {name}: it is one of {', '.join(right)}.")
    return value
