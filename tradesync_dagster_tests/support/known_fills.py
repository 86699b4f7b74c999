"""Fills as watermarks know them, without the books in between."""

from collections.abc import Iterable

from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.watermarks import KnownFill


def known_of(fills: Iterable[Fill]) -> dict[str, list[KnownFill]]:
    """One account's fills by the broker's order id."""
    found: dict[str, list[KnownFill]] = {}
    for fill in fills:
        one = KnownFill(fill.trade_date, fill.quantity, fill.price, fill.filled_at)
        found.setdefault(fill.broker_order_id, []).append(one)
    return found
