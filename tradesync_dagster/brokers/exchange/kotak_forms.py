"""Kotak Neo's request fields, refused with its codes.

Belongs here: the form field jData, and what each field in it may hold.
Does not belong here: routes and answers (kotak.py), checks against a market (risk.py).
"""

import json
from collections.abc import Mapping
from typing import Any

from tradesync_dagster.brokers.exchange.instruments import Instrument
from tradesync_dagster.brokers.exchange.kotak_wire import ORDER_TYPES
from tradesync_dagster.brokers.exchange.orders import OrderChange, OrderRequest, RefusedError
from tradesync_dagster.brokers.exchange.units import parse

BODY, EXCHANGE, SYMBOL, QUANTITY, INVALID = 1007, 1006, 1007, 1009, 5202
_TYPES = {theirs: ours for ours, theirs in ORDER_TYPES.items()}
_SIDES = {"B": "BUY", "S": "SELL"}
_PRODUCTS = {name: name for name in ("NRML", "CNC", "MIS")}
_VALIDITIES = {name: name for name in ("DAY", "IOC")}
_AMO = {"YES": "amo", "NO": "regular"}


def refused(code: int, words: str) -> RefusedError:
    """Build a refusal with Kotak's code."""
    return RefusedError(words, str(code))


def read_object(raw: str | bytes) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        RefusedError: it is none.
    """
    try:
        found = json.loads(raw)
    except ValueError as error:
        raise refused(BODY, "body invalid") from error
    if not isinstance(found, dict):
        raise refused(BODY, "body invalid")
    return found


def read_fields(form: Mapping[str, object]) -> "Fields":
    """Read the JSON object in a form's jData; see ``read_object``."""
    return Fields(read_object(str(form.get("jData") or "")))


class Fields:
    """A request's fields, refused one by one; all of them are texts."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = fields

    def get(self, name: str) -> str:
        """Give a text, empty where it is absent."""
        value = self._fields.get(name)
        if value is not None and not isinstance(value, str):
            raise refused(INVALID, f"Error: Invalid Request, {name}")
        return value or ""

    def need(self, name: str) -> str:
        """Give a text that must be there."""
        value = self.get(name)
        if not value:
            raise refused(INVALID, f"Error: Invalid Request, {name}")
        return value

    def choice(self, name: str, words: Mapping[str, str]) -> str:
        """Give our word for one of few."""
        word = words.get(self.need(name))
        if word is None:
            raise refused(INVALID, f"Error: Invalid Request, {name}")
        return word

    def whole(self, name: str) -> int:
        """Give a whole number, not negative; it must be there."""
        value = self.get(name)
        if not (value.isascii() and value.isdigit()) or len(value) > 12:
            raise refused(QUANTITY, "please provide valid quantity")
        return int(value)

    def price(self, name: str) -> int:
        """Give a price in millionths, not negative; an empty one spoils the quantity, as there."""
        try:
            price = parse(self.get(name))
        except ValueError as error:
            raise refused(QUANTITY, "please provide valid quantity") from error
        if price < 0:
            raise refused(INVALID, f"Error: Invalid Request, {name}")
        return price


def order_request(
    fields: Fields, instruments: Mapping[tuple[str, str], Instrument]
) -> OrderRequest:
    """Read the fields of a new order.

    Args:
        fields: What was sent.
        instruments: What can be traded, by Kotak's segment and trading symbol.

    Raises:
        RefusedError: a field is missing or wrong.
    """
    segment = fields.need("es")
    item = instruments.get((segment, fields.need("ts")))
    if item is None:
        known = any(segment == name for name, _ in instruments)
        raise refused(SYMBOL, "Invalid Symbol") if known else refused(EXCHANGE, "Invalid Exchange")
    order_type = fields.choice("pt", _TYPES)
    price, trigger = fields.price("pr"), fields.price("tp")
    return OrderRequest(
        symbol=item.symbol,
        exchange=item.exchange,
        side=fields.choice("tt", _SIDES),
        quantity=fields.whole("qt"),
        product=fields.choice("pc", _PRODUCTS),
        order_type=order_type,
        price=price if order_type in ("LIMIT", "SL") else 0,
        trigger_price=trigger if order_type.startswith("SL") else 0,
        validity=fields.choice("rt", _VALIDITIES),
        disclosed_quantity=fields.whole("dq"),
        variety=fields.choice("am", _AMO),
        tag=fields.get("ig") or None,
    )


def order_change(fields: Fields) -> OrderChange:
    """Read the fields of a modification: every term must be told anew.

    Raises:
        RefusedError: a field is missing or wrong.
    """
    fields.choice("am", _AMO)
    return OrderChange(
        quantity=fields.whole("qt"),
        price=fields.price("pr"),
        trigger_price=fields.price("tp"),
        order_type=fields.choice("pt", _TYPES),
        validity=fields.choice("vd", _VALIDITIES),
        disclosed_quantity=fields.whole("dq"),
    )
