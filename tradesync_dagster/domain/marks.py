"""What approved orders are worth: one mark for each interval of their hour.

What belongs here: P&L at a price, and which marks are due. What does not: prices (``lmp``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from tradesync_dagster.domain.fake_orders import MWH_UNIT, FakeOrder
from tradesync_dagster.domain.lmp import PricePoint
from tradesync_dagster.domain.money import divide_rounded
from tradesync_dagster.domain.orders import Side

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Mark:
    """An order's worth at one moment.

    Attributes:
        at: Of the price, UTC.
        lmp: Millionths of the currency a MWh.
        pnl: Millionths of the currency.
    """

    order_id: UUID
    at: datetime
    lmp: int
    pnl: int


def profit(order: FakeOrder, lmp: int) -> int:
    """Return what an order has won: the price against its own, by its MWh and side.

    Args:
        order: One that ``fake_orders.check`` lets pass.
        lmp: Millionths of the currency a MWh.

    Returns:
        Millionths of the currency, rounded half-even where the product has more digits.
    """
    return Side(order.side).sign * divide_rounded(
        (lmp - order.limit_price) * order.quantity, MWH_UNIT
    )


def points_due(order: FakeOrder, now: datetime, step: timedelta) -> list[PricePoint]:
    """Name the prices that an approved order needs by now: one a step, within its hour."""
    found, at = [], order.next_mark_at
    while at is not None and at <= now:
        found.append(PricePoint(order.market, order.node, at))
        at = _after(order, at, step)
    return found


def marked(
    order: FakeOrder, points: list[PricePoint], prices: Mapping[PricePoint, int], step: timedelta
) -> tuple[FakeOrder, list[Mark]]:
    """Mark an order.

    Args:
        order: An approved one.
        points: From ``points_due``, at least one.
        prices: Those that are known; a missing one leaves a gap in the series.
        step: How long until the next.

    Returns:
        The order at its latest mark, and the new marks.
    """
    marks = [
        Mark(order.order_id, point.at, prices[point], profit(order, prices[point]))
        for point in points
        if point in prices
    ]
    order = replace(order, next_mark_at=_after(order, points[-1].at, step))
    if marks:
        last = marks[-1]
        order = replace(order, last_lmp=last.lmp, pnl=last.pnl, marked_at=last.at)
    return order, marks


def _after(order: FakeOrder, at: datetime, step: timedelta) -> datetime | None:
    following = at + step
    return following if following < order.hour_start_utc + HOUR else None
