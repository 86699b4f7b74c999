"""Upstox's request bodies and query fields, refused with its codes.

Belongs here: what each field of a request may hold.
Does not belong here: routes and answers (upstox.py), checks against a market (risk.py).
"""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tradesync_dagster.brokers.exchange.instruments import Instrument
from tradesync_dagster.brokers.exchange.orders import OrderChange, OrderRequest, RefusedError
from tradesync_dagster.brokers.exchange.units import parse

INVALID = "UDAPI100036"
_ORDER_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_LONGEST_TAG = 40
_ALLOWED: Mapping[str, tuple[str, ...]] = {
    "product": ("D", "I"),
    "validity": ("DAY", "IOC"),
    "order_type": ("MARKET", "LIMIT", "SL", "SL-M"),
    "transaction_type": ("BUY", "SELL"),
}
_MISSING = {
    "order_type": "UDAPI1004",
    "validity": "UDAPI1007",
    "order_id": "UDAPI1023",
    "instrument_token": "UDAPI1026",
    "price": "UDAPI1029",
    "trigger_price": "UDAPI1036",
}
_WRONG = {"validity": "UDAPI1055", "order_type": "UDAPI1056", "order_id": "UDAPI1010"}


def refused(code: str, words: str, name: str, status: int = 400) -> RefusedError:
    """Build a refusal with Upstox's code, and the field that it is about."""
    return RefusedError(words, code, status, name)


def read_body(raw: bytes) -> "Body":
    """Read a JSON body; its fractions stay decimal.

    Raises:
        RefusedError: it is no JSON object.
    """
    try:
        fields = json.loads(raw or b"{}", parse_float=Decimal)
    except ValueError as error:
        raise refused(INVALID, "The body is not JSON", "") from error
    if not isinstance(fields, dict):
        raise refused(INVALID, "The body is not a JSON object", "")
    return Body(fields)


class Body:
    """A request's fields, refused one by one."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = fields

    def get(self, name: str) -> str | None:
        """Give a text, or nothing when it is absent or empty."""
        value = self._fields.get(name)
        if value is not None and not isinstance(value, str):
            raise self._invalid(name)
        return value or None

    def need(self, name: str) -> str:
        """Give a text that must be there."""
        value = self.get(name)
        if value is None:
            raise self._missing(name)
        return value

    def choice(self, name: str) -> str:
        """Give a text that has few right values."""
        value = self.need(name)
        if value not in _ALLOWED[name]:
            raise self._invalid(name)
        return value

    def order_id(self) -> str:
        """Give the id of the order that the request is about."""
        value = self.need("order_id")
        if not _ORDER_ID.fullmatch(value):
            raise self._invalid("order_id")
        return value

    def whole(self, name: str) -> int | None:
        """Give a whole number, not negative."""
        value = self._fields.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10**12:
            raise self._invalid(name)
        return value

    def price(self, name: str) -> int:
        """Give a price in millionths, not negative; it must be there, 0 where there is none."""
        value = self._fields.get(name)
        if value is None:
            raise self._missing(name)
        try:
            price = -1 if isinstance(value, bool) else parse(str(value))
        except ValueError as error:
            raise self._invalid(name) from error
        if price < 0:
            raise self._invalid(name)
        return price

    def flag(self, name: str) -> bool:
        """Give a yes or no; absent is no."""
        value = self._fields.get(name, False)
        if not isinstance(value, bool):
            raise self._invalid(name)
        return value

    @staticmethod
    def _missing(name: str) -> RefusedError:
        return refused(_MISSING.get(name, INVALID), f"{name} is required", name)

    @staticmethod
    def _invalid(name: str) -> RefusedError:
        return refused(_WRONG.get(name, INVALID), f"The '{name}' is invalid", name)


def order_request(body: Body, instruments: Mapping[str, Instrument]) -> OrderRequest:
    """Read the body of a new order.

    Args:
        body: The fields.
        instruments: What can be traded, by Upstox's instrument key.

    Raises:
        RefusedError: a field is missing or wrong.
    """
    item = instruments.get(body.need("instrument_token"))
    if item is None:
        raise refused("UDAPI100011", "Invalid Instrument key", "instrument_token")
    quantity = body.whole("quantity") or 0
    if not quantity:
        raise refused("UDAPI1052", "The order quantity cannot be zero", "quantity")
    tag = body.get("tag")
    if tag is not None and len(tag) > _LONGEST_TAG:
        raise refused("UDAPI1119", f"tag is longer than {_LONGEST_TAG} characters", "tag")
    order_type, delivery = body.choice("order_type"), "CNC" if item.is_equity else "NRML"
    price, trigger = body.price("price"), body.price("trigger_price")
    return OrderRequest(
        symbol=item.symbol,
        exchange=item.exchange,
        side=body.choice("transaction_type"),
        quantity=quantity,
        product=delivery if body.choice("product") == "D" else "MIS",
        order_type=order_type,
        price=price if order_type in ("LIMIT", "SL") else 0,
        trigger_price=trigger if order_type.startswith("SL") else 0,
        validity=body.choice("validity"),
        disclosed_quantity=body.whole("disclosed_quantity") or 0,
        variety="amo" if body.flag("is_amo") else "regular",
        tag=tag,
    )


def order_change(body: Body) -> OrderChange:
    """Read the body of a modification: all but the quantities must be told anew.

    Raises:
        RefusedError: a field is missing or wrong.
    """
    return OrderChange(
        quantity=body.whole("quantity"),
        price=body.price("price"),
        trigger_price=body.price("trigger_price"),
        order_type=body.choice("order_type"),
        validity=body.choice("validity"),
        disclosed_quantity=body.whole("disclosed_quantity"),
    )
