"""Rows of the ledger turned to orders.

What belongs here: reading ``orders`` in bulk, by place rather than by name. What does not: queries
and writing (``orders``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import Row

from tradesync_dagster.domain.order_parts import Part
from tradesync_dagster.domain.order_sources import OrderSource
from tradesync_dagster.domain.orders import BrokerOrder, Order, OrderStatus, Origin, Side
from tradesync_dagster.store import tables

BROKER_FIELDS = tuple(field.name for field in fields(BrokerOrder))
_OWN_FIELDS = tuple(field.name for field in fields(Order))
_BROKER = _OWN_FIELDS.index("broker")
_NAMES = (*BROKER_FIELDS, *_OWN_FIELDS[:_BROKER], *_OWN_FIELDS[_BROKER + 1 :])
ORDER_COLUMNS = tuple(tables.orders.c[name] for name in _NAMES)
"""What ``orders_of`` reads, in its order."""
_SIDE, _SOURCE = _NAMES.index("side"), _NAMES.index("source")
_ORIGIN, _STATUS = _NAMES.index("origin"), _NAMES.index("status")
_PARTS, _REASON = _NAMES.index("parts"), _NAMES.index("failure_reason")
_SIDES = {one.value: one for one in Side}
_SOURCES = {one.value: one for one in OrderSource}
_ORIGINS = {one.value: one for one in Origin}
_STATUSES = {one.value: one for one in OrderStatus}


def orders_of(rows: Iterable[Row[Any]]) -> list[Order]:
    """Read rows of ``ORDER_COLUMNS``."""
    return [_order(list(row)) for row in rows]


def order_of(row: Mapping[str, Any]) -> Order:
    """Read one row that names at least the columns of ``orders``."""
    return _order([row[name] for name in _NAMES])


def _order(values: list[Any]) -> Order:
    values[_SIDE] = _SIDES[values[_SIDE]]
    values[_SOURCE] = _SOURCES[values[_SOURCE]]
    values[_ORIGIN] = _ORIGINS[values[_ORIGIN]]
    values[_STATUS] = _STATUSES[values[_STATUS]]
    values[_PARTS] = parts_of(values[_PARTS])
    values[_REASON] = values[_REASON] or ""
    own = values[len(BROKER_FIELDS) :]
    own.insert(_BROKER, BrokerOrder(*values[: len(BROKER_FIELDS)]))
    return Order(*own)


def parts_of(stored: Iterable[Mapping[str, Any]]) -> tuple[Part, ...]:
    """Read ``orders.parts``."""
    return tuple(Part(**one) for one in stored)
