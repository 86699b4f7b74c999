"""Orders whose day is over, and of whose end the broker has not said a word.

Missing is not cancelled: as long as the market may still fill an order, only the broker ends it.
Once its day is over and a book asked for after that still calls it open, or does not have it any
more, the order has expired, and a break says that we concluded it, until a later day's book shows
the order gone. A later word of the broker corrects it (``order_progress``). What belongs here: when
an order's day is over. What does not: asking brokers (``sync.monitoring``), hours of trading
(``trading_hours``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from tradesync_dagster.domain.breaks import Break
from tradesync_dagster.domain.market_calendar import start_of, trade_date_of
from tradesync_dagster.domain.order_states import Cause, permits
from tradesync_dagster.domain.orders import AMO, BrokerOrder, Order, OrderEvent, OrderStatus
from tradesync_dagster.domain.trading_hours import TradingHours

EXPIRED_WITHOUT_WORD: Final = "expired_without_word"
"""The kind of break for an order that we concluded to have expired."""
GRACE: Final = timedelta(minutes=15)
"""How long after the close brokers are given to say what became of the day's orders."""
_MOMENT = timedelta(microseconds=1)
_TRIED_AFTER = timedelta(minutes=5)
"""For how long the day's end is told again where a broker gave no answer; then next day."""
CASH: Final = frozenset({"NSE", "BSE", "NFO", "BFO"})
"""Exchanges that close with the session; on others, such as MCX, a day's end is the day's end."""


def closes_at(row: BrokerOrder, hours: TradingHours) -> datetime:
    """Tell when the market closes that an order is for.

    Args:
        row: The order; one placed after the close is for the next session.
        hours: When the exchanges are open.

    Returns:
        UTC.
    """
    if row.exchange in CASH:
        return hours.session_for(row.placed_at).closes_at
    day = row.trade_date
    if row.variety == AMO:
        day = trade_date_of(hours.session_for(row.placed_at).opens_at)
    return start_of(day + timedelta(days=1))


def over_at(row: BrokerOrder, hours: TradingHours) -> datetime:
    """Tell when an order's day is over, and its broker has had time to say so; UTC."""
    return closes_at(row, hours) + GRACE


def is_overdue(order: Order, hours: TradingHours, now: datetime) -> bool:
    """Tell whether an order that has not ended should have."""
    return (
        not order.status.is_terminal
        and permits(order.status, OrderStatus.EXPIRED, Cause.DAY_END)
        and over_at(order.broker, hours) <= now
    )


def is_watching(now: datetime, hours: TradingHours) -> bool:
    """Tell whether orders are watched now: through the day's session, and until its end is told."""
    session = hours.session(trade_date_of(now))
    return session is not None and (
        session.opens_at <= now <= session.closes_at + GRACE + _TRIED_AFTER
    )


def expire(
    orders: Iterable[Order], hours: TradingHours, asked_at: datetime
) -> list[tuple[Order, OrderEvent, Break]]:
    """End the orders whose day is over.

    Args:
        orders: Of one account, as a complete book shows them.
        hours: When the exchanges are open.
        asked_at: When that book was asked for, UTC.

    Returns:
        Those that expired, with the event and the break of each.
    """
    return [
        _expired(order, hours, asked_at) for order in orders if is_overdue(order, hours, asked_at)
    ]


def is_past(evidence: Mapping[str, str], hours: TradingHours, asked_at: datetime) -> bool:
    """Tell whether a book shows that an order which we concluded to have expired is gone.

    A book holds the orders of its day, so that of any later session has it no more. What it may
    have filled unseen is for the three-way check to find.

    Args:
        evidence: Of the break.
        hours: When the exchanges are open.
        asked_at: When a whole book was asked for, UTC.
    """
    later = trade_date_of(asked_at).isoformat() > evidence["day"]
    return later and hours.has_opened(asked_at)


def _expired(order: Order, hours: TradingHours, at: datetime) -> tuple[Order, OrderEvent, Break]:
    before = order.status
    event = OrderEvent(
        order.order_id, "expired", at, {"from": before.value, "to": OrderStatus.EXPIRED.value}
    )
    evidence = {
        "broker_order_id": order.broker.broker_order_id,
        "last_word": order.broker.status_word,
        "last_seen_at": order.last_seen_at.isoformat(),
        "filled_quantity": str(order.broker.filled_quantity),
        "day": trade_date_of(closes_at(order.broker, hours) - _MOMENT).isoformat(),
    }
    found = Break(order.account_id, EXPIRED_WITHOUT_WORD, str(order.order_id), at, evidence)
    return replace(order, status=OrderStatus.EXPIRED), event, found
