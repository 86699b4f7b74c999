"""Rows of Upstox's books in our words and units.

What belongs here: Upstox's fields and words. What does not: its addresses (``upstox``).

Upstox names things differently from book to book and from release to release: ``trading_symbol``
beside ``tradingsymbol``, shares at the NSE with their series (``SBIN-EQ``) in books of trading
and without it among holdings. The books here know the plain name, as Kite has it.
"""

import re
from dataclasses import replace
from datetime import datetime, timedelta

from tradesync_dagster.brokers import reading
from tradesync_dagster.brokers.reading import Row
from tradesync_dagster.domain import errors
from tradesync_dagster.domain.answers import BrokerHolding, BrokerPosition, Fetch, Margin
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.order_sources import UPSTOX, source_of
from tradesync_dagster.domain.orders import BrokerOrder, OrderStatus, status_of

SHARES = ("NSE", "BSE")
_SHARE_KEY = re.compile(r"(?:NSE|BSE)_EQ\|(IN[A-Z0-9]{10})")
_VARIETIES = {"SIMPLE": "regular", "OCO": "bo"}
_AHEAD = timedelta(hours=1)
_ZONE = timedelta(hours=5, minutes=30)


def order(row: Row) -> BrokerOrder:
    """Read an order.

    Upstox has no cancelled quantity. Where its word is that the order was cancelled, what did not
    fill is what was.
    """
    placed_at = reading.ist_time(row, "order_timestamp")
    exchange_at = reading.optional_ist_time(row, "exchange_timestamp")
    word, quantity = reading.text(row, "status"), reading.quantity(row, "quantity", least=1)
    filled = reading.quantity(row, "filled_quantity")
    cancelled = status_of(word) is OrderStatus.CANCELLED
    return BrokerOrder(
        broker_order_id=reading.text(row, "order_id"),
        trade_date=trade_date_of(placed_at),
        **_instrument(row),
        side=reading.side(row),
        order_type=reading.text(row, "order_type"),
        validity=reading.text(row, "validity"),
        variety=_variety(row),
        status_word=word,
        quantity=quantity,
        filled_quantity=filled,
        pending_quantity=reading.quantity(row, "pending_quantity"),
        cancelled_quantity=max(quantity - filled, 0) if cancelled else 0,
        price=reading.price(row, "price"),
        trigger_price=reading.price(row, "trigger_price"),
        average_price=reading.average(row),
        placed_at=placed_at,
        updated_at=max(placed_at, exchange_at or placed_at),
        tag=reading.optional_text(row, "tag"),
        message=reading.optional_text(row, "status_message"),
        exchange_order_id=reading.optional_text(row, "exchange_order_id"),
        parent_order_id=reading.optional_text(row, "parent_order_id"),
        source=source_of(UPSTOX, row),
    )


def fill(row: Row) -> Fill:
    """Read a trade. What Upstox names its average_price is what it traded at: read exactly."""
    filled_at = reading.ist_time(row, "exchange_timestamp")
    share = _SHARE_KEY.fullmatch(reading.optional_text(row, "instrument_token"))
    return Fill(
        trade_id=reading.text(row, "trade_id"),
        broker_order_id=reading.text(row, "order_id"),
        trade_date=trade_date_of(filled_at),
        **_instrument(row),
        side=reading.side(row),
        quantity=reading.quantity(row, "quantity", least=1),
        price=reading.price(row, "average_price"),
        filled_at=filled_at,
        isin=share[1] if share else "",
    )


def in_the_past(trades: Fetch[Fill]) -> Fetch[Fill]:
    """Correct trades that seem to lie in the future.

    Upstox has been seen to add the Indian offset once too often to a trade's exchange_timestamp,
    five and a half hours beyond its true time. The broker's own clock tells: no trade is later
    than the answer that shows it.
    """
    if trades.unread is not None:
        return replace(trades, unread=lambda: in_the_past(trades.read()))
    latest = (trades.broker_time or trades.requested_at) + _AHEAD
    rows = tuple(_earlier(one) if one.filled_at > latest else one for one in trades.rows)
    return replace(trades, rows=rows)


def _earlier(one: Fill) -> Fill:
    filled_at: datetime = one.filled_at - _ZONE
    return replace(one, filled_at=filled_at, trade_date=trade_date_of(filled_at))


def position(row: Row) -> BrokerPosition:
    """Read a position; Upstox leaves its average null at times."""
    return BrokerPosition(
        **_instrument(row),
        quantity=reading.signed_quantity(row, "quantity"),
        overnight_quantity=reading.signed_quantity(row, "overnight_quantity"),
        multiplier=reading.quantity(row, "multiplier", least=1),
        average_price=_open_average(row),
        last_price=reading.price(row, "last_price"),
        close_price=reading.optional_price(row, "close_price"),
        overnight_price=_overnight_price(row),
    )


def _overnight_price(row: Row) -> int:
    carried = reading.signed_quantity(row, "overnight_quantity")
    side = "buy" if carried > 0 else "sell"
    name = f"overnight_{side}_quantity"
    units = reading.signed_quantity(row, name) if carried and row.get(name) is not None else 0
    amount = reading.optional_price(row, f"overnight_{side}_amount")
    return reading.price_per_unit(row, amount, units)


def _open_average(row: Row) -> int:
    if row.get("average_price") is not None:
        return reading.average(row)
    held = reading.signed_quantity(row, "quantity")
    name = "buy_price" if held > 0 else "sell_price"
    return reading.average(row, name) if held and row.get(name) is not None else 0


def holding(row: Row) -> BrokerHolding:
    """Read a holding.

    Upstox's quantity is all of it, with what is unsettled and what is used within; the books want
    them apart. Settled shares are used first. Used is what was sold, and what open orders would
    sell.
    """
    unsettled = reading.quantity(row, "t1_quantity")
    used = reading.quantity(row, "cnc_used_quantity")
    settled = reading.quantity(row, "quantity") - unsettled
    if settled < 0 or used > settled + unsettled:
        raise errors.ValueRefusedError("quantity: less than its unsettled or used part")
    return BrokerHolding(
        **_instrument(row),
        isin=reading.optional_text(row, "isin"),
        quantity=max(settled - used, 0),
        t1_quantity=unsettled - max(used - settled, 0),
        used_quantity=used,
        average_price=reading.average(row),
        last_price=reading.price(row, "last_price"),
        blocked=used,
    )


def margin(row: Row) -> Margin:
    """Read a segment's funds, rounded: Upstox computes them."""
    return Margin(
        segment=reading.text(row, "segment").lower(),
        available=reading.average(row, "available_margin"),
        used=reading.average(row, "used_margin"),
    )


def _instrument(row: Row) -> dict[str, str]:
    exchange = reading.text(row, "exchange")
    name = "trading_symbol" if row.get("trading_symbol") else "tradingsymbol"
    symbol = reading.plain_symbol(exchange, reading.text(row, name))
    return {"exchange": exchange, "symbol": symbol, "product": _product(row, exchange)}


def _product(row: Row, exchange: str) -> str:
    """Read the product; D is carried: shares as delivery, contracts as a position."""
    word = reading.text(row, "product")
    delivery = "CNC" if exchange in SHARES else "NRML"
    return {"D": delivery, "I": "MIS", "OCO": "BO"}.get(word, word)


def _variety(row: Row) -> str:
    word = reading.optional_text(row, "variety") or "SIMPLE"
    return "amo" if row.get("is_amo") is True else _VARIETIES.get(word, word.lower())
