"""Form fields of Kite Connect v3, refused in the broker's words.

Belongs here: what each field of a request may hold.
Does not belong here: routes and answers (kite.py), checks against a market (risk.py).
"""

import re
from collections.abc import Mapping

from tradesync_dagster.brokers.exchange.orders import OrderChange, OrderRequest, RefusedError
from tradesync_dagster.brokers.exchange.units import parse

_TAG = re.compile(r"[A-Za-z0-9 ]{1,20}")
VARIETIES = ("regular", "amo")
ALLOWED = {
    "exchange": ("NSE", "BSE", "NFO", "MCX"),
    "transaction_type": ("BUY", "SELL"),
    "product": ("CNC", "MIS", "NRML"),
    "order_type": ("MARKET", "LIMIT", "SL", "SL-M"),
    "validity": ("DAY", "IOC", "TTL"),
}


class Form:
    """A request's form fields, refused one by one in the broker's words."""

    def __init__(self, fields: Mapping[str, object]) -> None:
        self._fields = {key: str(value) for key, value in fields.items()}

    def get(self, name: str) -> str | None:
        """Give a field, or nothing when it is absent or empty."""
        return self._fields.get(name) or None

    def need(self, name: str) -> str:
        """Give a field that must be there."""
        value = self.get(name)
        if value is None:
            raise RefusedError(f"Missing or empty field `{name}`")
        return value

    def choice(self, name: str, otherwise: str | None = None) -> str:
        """Give a field that has few right values."""
        value = self.get(name) or otherwise or self.need(name)
        if value not in ALLOWED[name]:
            raise RefusedError(f"Invalid `{name}`.")
        return value

    def whole(self, name: str) -> int | None:
        """Give a whole number, not negative."""
        value = self.get(name)
        if value is None:
            return None
        if not (value.isascii() and value.isdigit()) or len(value) > 12:
            raise RefusedError(f"Invalid `{name}`.")
        return int(value)

    def price(self, name: str) -> int | None:
        """Give a price in millionths, not negative."""
        value = self.get(name)
        if value is None:
            return None
        try:
            price = parse(value)
        except ValueError as error:
            raise RefusedError(f"Invalid `{name}`.") from error
        if price < 0:
            raise RefusedError(f"Invalid `{name}`.")
        return price


def order_request(form: Form, variety: str) -> OrderRequest:
    """Read the form of a new order.

    Raises:
        RefusedError: a field is missing or wrong.
    """
    if variety not in VARIETIES:
        raise RefusedError("Invalid `variety`.")
    form.need("quantity")
    order_type = form.choice("order_type")
    tag = form.get("tag")
    if tag is not None and not _TAG.fullmatch(tag):
        raise RefusedError("Invalid `tag`. It should be alphanumeric, at most 20 characters.")
    validity = form.choice("validity", "DAY")
    ttl = form.whole("validity_ttl") or 0
    if validity == "TTL" and not 1 <= ttl <= 60:
        raise RefusedError("Invalid `validity_ttl`.")
    priced = order_type in ("LIMIT", "SL")
    return OrderRequest(
        symbol=form.need("tradingsymbol"),
        exchange=form.choice("exchange"),
        side=form.choice("transaction_type"),
        quantity=form.whole("quantity") or 0,
        product=form.choice("product"),
        order_type=order_type,
        price=(form.price("price") or 0) if priced else 0,
        trigger_price=(form.price("trigger_price") or 0) if order_type.startswith("SL") else 0,
        validity=validity,
        validity_ttl=ttl if validity == "TTL" else 0,
        disclosed_quantity=form.whole("disclosed_quantity") or 0,
        variety=variety,
        tag=tag,
    )


def order_change(form: Form) -> OrderChange:
    """Read the form of a modification.

    Raises:
        RefusedError: a field is wrong.
    """
    return OrderChange(
        quantity=form.whole("quantity"),
        price=form.price("price"),
        trigger_price=form.price("trigger_price"),
        order_type=form.choice("order_type") if form.get("order_type") else None,
        validity=form.choice("validity") if form.get("validity") else None,
        disclosed_quantity=form.whole("disclosed_quantity"),
    )
