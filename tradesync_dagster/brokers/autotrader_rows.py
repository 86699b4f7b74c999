"""Rows of AutoTrader's books in our words and units.

AutoTrader stands before many stock brokers, and gives their books in words of its own. What belongs
here: its fields and words. What does not: its addresses (``autotrader``), the fills that its orders
tell of (``domain.watermarks``: it has no trades).
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from tradesync_dagster.brokers import reading
from tradesync_dagster.brokers.reading import Row
from tradesync_dagster.domain.answers import BrokerHolding, BrokerPosition, Margin
from tradesync_dagster.domain.errors import ValueRefusedError
from tradesync_dagster.domain.market_calendar import IST, trade_date_of
from tradesync_dagster.domain.order_sources import AUTOTRADER, source_of
from tradesync_dagster.domain.orders import BrokerOrder, OrderStatus, status_of

PRODUCTS: Mapping[str, str] = MappingProxyType(
    {"CNC": "DELIVERY", "MIS": "INTRADAY", "NRML": "NORMAL", "MTF": "MTF"}
)
ORDER_TYPES: Mapping[str, str] = MappingProxyType(
    {"LIMIT": "LIMIT", "MARKET": "MARKET", "SL": "STOP_LOSS", "SL-M": "SL_MARKET"}
)
"""AutoTrader's words by ours."""
_OUR_PRODUCTS = {theirs: ours for ours, theirs in PRODUCTS.items()}
_OUR_ORDER_TYPES = {theirs: ours for ours, theirs in ORDER_TYPES.items()}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS = re.compile(r"\d{1,15}", re.ASCII)
_ISO = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:?\d\d)?", re.ASCII)
_YEARS = range(1990, 2100)
_SECONDS = range(631_152_000, 4_102_444_800)
"""The same years since 1970; as milliseconds, all of these would be in that year's first weeks."""


def order(row: Row) -> BrokerOrder:
    """Read an order.

    What was sent as publisherId comes back in the book: our tag. There is no cancelled quantity;
    where the word is that the order was cancelled, what did not fill is what was.
    """
    exchange_at = optional_moment(row, "exchangeTime")
    placed_at = optional_moment(row, "platformTime") or exchange_at
    if placed_at is None:
        raise ValueRefusedError("platformTime: missing, and so is exchangeTime")
    word, quantity = _status_word(row), reading.quantity(row, "quantity", least=1)
    filled = reading.quantity(row, "filledQuantity")
    cancelled = status_of(word) is OrderStatus.CANCELLED
    return BrokerOrder(
        broker_order_id=reading.text(row, "id"),
        trade_date=trade_date_of(placed_at),
        **_instrument(row, "productType"),
        side=reading.side(row, "tradeType"),
        order_type=_named(row, "orderType", _OUR_ORDER_TYPES),
        validity=reading.text(row, "validity"),
        variety=_variety(row),
        status_word=word,
        quantity=quantity,
        filled_quantity=filled,
        pending_quantity=reading.quantity(row, "pendingQuantity"),
        cancelled_quantity=max(quantity - filled, 0) if cancelled else 0,
        price=reading.price(row, "price"),
        trigger_price=reading.price(row, "triggerPrice"),
        average_price=reading.average(row, "averagePrice"),
        placed_at=placed_at,
        updated_at=max(placed_at, exchange_at or placed_at),
        tag=reading.optional_text(row, "publisherId"),
        message=reading.optional_text(row, "statusMessage"),
        exchange_order_id=reading.optional_text(row, "exchangeOrderId"),
        parent_order_id=reading.optional_text(row, "parentOrderId"),
        source=source_of(AUTOTRADER, row),
    )


def _status_word(row: Row) -> str:
    """Choose between AutoTrader's word and the stock broker's own beside it.

    The own word (``AMO REQ RECEIVED``) tells more of what AutoTrader calls OPEN. It never ends an
    order: stock brokers' words differ, and AutoTrader knows them better.
    """
    word, raw = reading.text(row, "status"), reading.optional_text(row, "rawStatus")
    finer = status_of(raw)
    known = finer is not OrderStatus.UNKNOWN and not finer.is_terminal
    return raw if known and status_of(word) is OrderStatus.OPEN else word


def moment(row: Row, name: str) -> datetime:
    """Read a time whose form can mean one thing only, as aware UTC.

    AutoTrader does not say what its times count. Seconds and milliseconds since 1970 cannot be
    taken for one another, and neither can ISO text; without a zone it is Indian time, as with all
    brokers here.

    Raises:
        ValueRefusedError: It is missing, or anything else.
    """
    text = reading.text(row, name)
    if _DIGITS.fullmatch(text):
        at = _since_1970(int(text))
    else:
        at = _from_iso(text) if _ISO.fullmatch(text) else None
    if at is None:
        shown = reading.harmless(text, limit=80)
        what = "is neither seconds nor milliseconds since 1970 nor an ISO time"
        raise ValueRefusedError(f"{name}: {shown!r} {what}")
    return at


def _since_1970(number: int) -> datetime | None:
    if number in _SECONDS:
        return _EPOCH + timedelta(seconds=number)
    seconds, milliseconds = divmod(number, 1000)
    if seconds in _SECONDS:
        return _EPOCH + timedelta(seconds=seconds, milliseconds=milliseconds)
    return None


def _from_iso(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    if at.year not in _YEARS:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=IST)).astimezone(UTC)


def optional_moment(row: Row, name: str) -> datetime | None:
    """Read a time as ``moment``; ``None`` where the field is missing, null or empty."""
    return moment(row, name) if row.get(name) not in (None, "") else None


def position(row: Row) -> BrokerPosition:
    """Read a position; AutoTrader has an average for each side, and none of what was carried."""
    held = reading.signed_quantity(row, "netQuantity")
    name = "buyAvgPrice" if held > 0 else "sellAvgPrice"
    return BrokerPosition(
        **_instrument(row, "type"),
        quantity=held,
        overnight_quantity=reading.signed_quantity(row, "overnightQuantity"),
        multiplier=reading.quantity(row, "multiplier", least=1),
        average_price=reading.average(row, name) if held else 0,
        last_price=reading.price(row, "ltp"),
    )


def holding(row: Row) -> BrokerHolding:
    """Read a holding; AutoTrader does not tell how much of it was sold today."""
    return BrokerHolding(
        **_instrument(row, "product"),
        isin=reading.optional_text(row, "isin"),
        quantity=reading.quantity(row, "quantity"),
        t1_quantity=reading.quantity(row, "t1Qty"),
        used_quantity=0,
        average_price=reading.average(row, "avgPrice"),
        last_price=reading.price(row, "ltp"),
    )


def margin(row: Row) -> Margin:
    """Read a segment's funds, rounded: the stock broker computes them."""
    return Margin(
        segment=reading.text(row, "category").lower(),
        available=reading.average(row, "available"),
        used=reading.average(row, "utilized"),
    )


def _instrument(row: Row, product: str) -> dict[str, Any]:
    """Read what is traded by the stock broker's name for it, which holdings have too."""
    exchange, symbol = reading.text(row, "exchange"), reading.text(row, "symbol")
    return {
        "exchange": exchange,
        "symbol": reading.plain_symbol(exchange, symbol),
        "product": _named(row, product, _OUR_PRODUCTS),
    }


def _named(row: Row, name: str, ours: Mapping[str, str]) -> str:
    word = reading.text(row, name)
    return ours.get(word, word)


def _variety(row: Row) -> str:
    if row.get("amo") is True:
        return "amo"
    return (reading.optional_text(row, "variety") or "REGULAR").lower()
