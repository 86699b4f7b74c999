"""Kite's holdings in our words and units.

What belongs here: the fields of a holding. What does not: its address (``kite``).

Kite takes pledged shares out of a holding's quantity, and tells those bought on margin (MTF) inside
the holding of the same share. Neither was sold, so both are held.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tradesync_dagster.brokers import reading
from tradesync_dagster.brokers.reading import Row
from tradesync_dagster.domain.answers import BrokerHolding

_OF_MARGIN = ("quantity", "used_quantity", "average_price")


def rows(sent: Sequence[Any]) -> list[Any]:
    """Give shares bought on margin a row of their own."""
    return [row for one in sent for row in _parts(one)]


def _parts(row: Any) -> Iterator[Any]:
    yield row
    margined = row.get("mtf") if isinstance(row, Mapping) else None
    if not margined:
        return
    told = margined if isinstance(margined, Mapping) else {}
    part = {name: told.get(name) for name in _OF_MARGIN}
    if part["quantity"] != 0 or part["used_quantity"] != 0:
        yield {**row, **part, "product": "MTF", "t1_quantity": 0, "collateral_quantity": 0}


def holding(row: Row) -> BrokerHolding:
    """Read a holding; its pledged shares are settled ones."""
    name = "collateral_quantity"
    pledged = reading.quantity(row, name) if row.get(name) is not None else 0
    return BrokerHolding(
        exchange=reading.text(row, "exchange"),
        symbol=reading.text(row, "tradingsymbol"),
        isin=reading.optional_text(row, "isin"),
        product=reading.text(row, "product"),
        quantity=reading.quantity(row, "quantity") + pledged,
        t1_quantity=reading.quantity(row, "t1_quantity"),
        used_quantity=reading.quantity(row, "used_quantity"),
        average_price=reading.average(row),
        last_price=reading.price(row, "last_price"),
    )
