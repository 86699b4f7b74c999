"""What Kotak Neo is asked for when an order is placed, changed or cancelled.

What belongs here: the fields of these requests. What does not: sending them (``kotak``), reading
orders (``kotak_rows``).
"""

import re
from collections.abc import Mapping

from tradesync_dagster.brokers import kotak_rows, reading
from tradesync_dagster.brokers.kotak_errors import BROKER
from tradesync_dagster.brokers.reading import Row
from tradesync_dagster.domain import errors, money
from tradesync_dagster.domain.answers import OrderRequest
from tradesync_dagster.domain.orders import OrderStatus

_SEGMENTS = {exchange: segment for segment, exchange in kotak_rows.EXCHANGES.items()}
_TYPES = {ours: theirs for theirs, ours in kotak_rows.ORDER_TYPES.items()}
_PRODUCTS = frozenset({"CNC", "NRML", "MIS", "MTF"})
_VALIDITIES = frozenset({"DAY", "IOC"})
_SERIES = re.compile(r".+-[A-Z][A-Z0-9]")
"""A share's name at the NSE with its series; names such as BAJAJ-AUTO have none in them."""
_CHANGEABLE = frozenset(
    {"price", "trigger_price", "quantity", "disclosed_quantity", "order_type", "validity"}
)
_PRICED, _TRIGGERED = ("LIMIT", "SL"), ("SL", "SL-M")
_SOURCE = "NEOTRADEAPI"


def placement(request: OrderRequest) -> dict[str, str]:
    """Build the fields of a new order.

    Raises:
        RefusedRequestError: Kotak has no words for it.
    """
    name = f"{request.product} {request.variety} {request.validity} orders on {request.exchange}"
    known = (
        request.exchange in _SEGMENTS
        and request.product in _PRODUCTS
        and request.validity in _VALIDITIES
        and request.variety in ("regular", "amo")
    )
    if not known:
        raise _refused("place", f"{name} cannot be placed at Kotak")
    fields = {
        "am": "YES" if request.variety == "amo" else "NO",
        "dq": "0",
        "es": _SEGMENTS[request.exchange],
        "mp": "0",
        "pc": request.product,
        "qt": str(request.quantity),
        "rt": request.validity,
        "ts": trading_symbol(request.exchange, request.symbol),
        "tt": "B" if request.side == "BUY" else "S",
        "os": _SOURCE,
    }
    fields |= {"ig": request.tag} if request.tag else {}
    return fields | _prices("place", request.order_type, request.price, request.trigger_price)


def check_changes(changes: Mapping[str, str]) -> None:
    """Refuse changes of what cannot be changed.

    Raises:
        RefusedRequestError: It names them.
    """
    odd = set(changes) - _CHANGEABLE
    if odd:
        raise _refused("modify", f"Kotak cannot change an order's {', '.join(sorted(odd))}")


def modification(row: Row, changes: Mapping[str, str]) -> dict[str, str]:
    """Build the fields of a change from an order's row and what shall be different.

    Raises:
        RefusedRequestError: The row or a change cannot be read.
    """
    try:
        now = kotak_rows.order(row)
        hidden = reading.quantity({"dscQty": 0, **row}, "dscQty")
        price = money.parse_price(changes.get("price", money.format_price(now.price)))
        told = changes.get("trigger_price", money.format_price(now.trigger_price))
        trigger = money.parse_price(told, "trigger_price")
        quantity = money.parse_quantity(changes.get("quantity", now.quantity))
        hidden = money.parse_quantity(changes.get("disclosed_quantity", hidden))
    except errors.ValueRefusedError as error:
        raise _refused("modify", str(error)) from None
    fields = {
        "no": now.broker_order_id,
        "am": "YES" if now.status is OrderStatus.AMO else "NO",
        "dq": str(hidden),
        "mp": "0",
        "qt": str(quantity),
        "vd": changes.get("validity", now.validity),
        "os": _SOURCE,
    }
    order_type = changes.get("order_type", now.order_type)
    return fields | _prices("modify", order_type, price, trigger)


def cancellation(order_id: str, row: Row | None) -> dict[str, str]:
    """Build the fields of a cancellation.

    Args:
        order_id: The broker's order id.
        row: The order's row, where it is an after-market order; it may be in the market by now.

    Raises:
        RefusedRequestError: The row cannot be read.
    """
    try:
        waits = row is not None and kotak_rows.order(row).status is OrderStatus.AMO
        symbol = {"ts": reading.text(row, "trdSym")} if row is not None and waits else {}
    except errors.ValueRefusedError as error:
        raise _refused("cancel", str(error)) from None
    return {"on": order_id, "am": "YES" if waits else "NO"} | symbol


def trading_symbol(exchange: str, symbol: str) -> str:
    """Name an instrument as Kotak does: shares at the NSE with their series."""
    return f"{symbol}-EQ" if exchange == "NSE" and not _SERIES.fullmatch(symbol) else symbol


def _prices(endpoint: str, order_type: str, price: int, trigger: int) -> dict[str, str]:
    """Build the fields of prices; one that does not belong to the order's type is nought.

    An order with a limit of nought is not sent: Kotak was seen to put a price of its own there.
    """
    if order_type not in _TYPES:
        raise _refused(endpoint, f"Kotak has no {order_type} orders")
    needed = [price] * (order_type in _PRICED) + [trigger] * (order_type in _TRIGGERED)
    if any(units <= 0 for units in needed):
        raise _refused(endpoint, f"a {order_type} order needs its prices above 0")
    return {
        "pt": _TYPES[order_type],
        "pr": money.format_price(price) if order_type in _PRICED else "0",
        "tp": money.format_price(trigger) if order_type in _TRIGGERED else "0",
    }


def _refused(endpoint: str, what: str) -> errors.RefusedRequestError:
    return errors.RefusedRequestError(BROKER, endpoint, what)
