"""What the broker and the exchange refuse, in their own words.

Belongs here: the checks of a well-formed order against funds, holdings, limits and hours.
Does not belong here: form-field checks (kite_forms.py, upstox_forms.py) and matching (market.py).
"""

from datetime import datetime, time

from tradesync_dagster.brokers.exchange.instruments import Instrument
from tradesync_dagster.brokers.exchange.ledger import Account, DayTotals
from tradesync_dagster.brokers.exchange.orders import Order, OrderRequest, RefusedError
from tradesync_dagster.brokers.exchange.units import SCALE, money, text

GATEWAY_LIMIT = 250_000_000 * SCALE
"""An order that needs more margin than this is refused before it is one (MarginException)."""

_OPENS, _CLOSES = time(9, 15), time(15, 30)
_ACROSS = "across exchange across segment across product"


def is_open(at: datetime) -> bool:
    """Whether the regular session runs (weekdays, 09:15 to 15:30; holidays are not known here)."""
    return at.weekday() < 5 and _OPENS <= at.time() < _CLOSES


def band(instrument: Instrument, close: int) -> tuple[int, int]:
    """Give the day's lower and upper circuit on the tick."""
    width = close * instrument.circuit // 100
    tick = instrument.tick
    return max(tick, (close - width) // tick * tick), (close + width) // tick * tick


def rate(instrument: Instrument, product: str) -> int:
    """Give the margin in percent of the value."""
    if not instrument.is_equity:
        return 15
    return 20 if product == "MIS" else 100


def exposure(order: Order, price: int, held: int) -> int:
    """Give the margin one order needs beyond what it closes."""
    item = order.instrument
    closing = max(0, -held if order.side == "BUY" else held)
    opening = max(0, order.leaves - closing) * item.multiplier
    if item.is_option:
        return opening * price if order.side == "BUY" else opening * item.strike * 15 // 100
    if order.product == "CNC":
        return order.leaves * price if order.side == "BUY" else 0
    return opening * price * rate(item, order.product) // 100


def held_margin(totals: DayTotals, quantity: int, last: int) -> int:
    """Give the margin a position holds."""
    item = totals.instrument
    size = abs(quantity) * item.multiplier
    if totals.product == "CNC":
        return 0
    if item.is_option:
        return size * item.strike * 15 // 100 if quantity < 0 else 0
    return size * last * rate(item, totals.product) // 100


def used(account: Account, prices: dict[str, int]) -> int:
    """Give all margin in use, by positions and by open orders."""
    total = 0
    for totals, carried in account.positions():
        quantity = carried.quantity + totals.net
        total += held_margin(totals, quantity, prices[totals.instrument.key])
    for order in account.open_orders():
        price = order.price or prices[order.instrument.key]
        total += exposure(order, price, account.net(order.instrument, order.product))
    return total


def balance(account: Account, prices: dict[str, int]) -> int:
    """Give the cash as the broker shows it.

    The ledger moves the full value of every trade. Where only margin is paid (futures, intraday
    shares) the position's value at the last price is therefore added back: marked to market.
    """
    marked = 0
    for totals, carried in account.positions():
        item = totals.instrument
        if totals.product != "CNC" and not item.is_option:
            quantity = carried.quantity + totals.net
            marked += quantity * item.multiplier * prices[item.key]
    return account.cash + marked


def free(account: Account, prices: dict[str, int]) -> int:
    """Give the funds a new order may use."""
    return balance(account, prices) - used(account, prices)


def check_gateway(account: Account, order: Order, prices: dict[str, int]) -> None:
    """Refuse an order too large for any account here.

    Raises:
        RefusedError: a MarginException; no order exists.
    """
    needed = exposure(order, order.price or prices[order.instrument.key], 0)
    if needed > GATEWAY_LIMIT:
        raise RefusedError(_funds(needed, free(account, prices)), "MarginException", cause="funds")


def check_terms(item: Instrument, asked: OrderRequest | Order) -> None:
    """Refuse an order that could never be one in this instrument.

    Raises:
        RefusedError: in the broker's words.
    """
    if asked.product == ("NRML" if item.is_equity else "CNC"):
        words = f"Invalid `product` {asked.product} for {item.exchange}."
        raise RefusedError(words, cause="product")
    if asked.quantity <= 0 or asked.quantity % item.lot:
        words = f"Invalid `quantity`. It should be in multiples of {item.lot}."
        raise RefusedError(words, cause="quantity")
    if asked.order_type in ("LIMIT", "SL") and asked.price <= 0:
        raise RefusedError("Missing or empty field `price`", cause="price")
    if asked.order_type in ("SL", "SL-M") and asked.trigger_price <= 0:
        raise RefusedError("Missing or empty field `trigger_price`", cause="trigger_price")
    if asked.price % item.tick or asked.trigger_price % item.tick:
        raise RefusedError(
            f"Tick size for this script is {text(item.tick)}. Kindly enter price in the "
            "multiple of tick size for this script.",
            cause="tick",
        )


def _funds(needed: int, available: int) -> str:
    return (
        f"Insufficient funds. Required margin is {money(needed)} but available margin is "
        f"{money(available)}. Check the orderbook for open orders."
    )


def refusal(account: Account, order: Order, prices: dict[str, int]) -> tuple[str, str] | None:
    """Give the broker's sentence and its raw form when the order must be rejected."""
    item, who = order.instrument, f"for entity account-{account.user_id}"
    if order.product == "CNC" and order.side == "SELL":
        held = account.sellable(item.isin) + order.leaves
        if order.leaves > held:
            return (
                f"Insufficient stock holding. Holding quantity: {max(held, 0)}, "
                f"order quantity: {order.leaves}. Check your holdings and open orders.",
                f"RMS:Rule: Check holdings including BTST {who} {_ACROSS} ",
            )
        return None
    price = order.price or prices[item.key]
    needed = exposure(order, price, account.net(item, order.product))
    # The order itself already stands in the book, so its own block is added back.
    available = free(account, prices) + needed
    if needed > available:
        return (
            _funds(needed, available),
            f"RMS:Margin Exceeds,Required:{money(needed)}, Available:{money(available)} "
            f"{who} {_ACROSS} ",
        )
    return None


def check_change(
    account: Account, changed: Order, prices: dict[str, int], closes: dict[str, int]
) -> None:
    """Refuse a change as the changed order would be, unless it only asks for less.

    Args:
        account: With the order as it still is in its book.
        changed: The same order as it is to be.
        prices: The last ones.
        closes: Those of the day before.

    Raises:
        RefusedError: the order stays as it is.
    """
    item, before = changed.instrument, account.orders[changed.order_id]
    last, held = prices[item.key], account.net(item, changed.product)
    was, becomes = (exposure(one, one.price or last, held) for one in (before, changed))
    account.orders[changed.order_id] = changed
    try:
        refused = exchange_refusal(changed, closes[item.key])
        kind, cause = "InputException", "price"
        if refused is None and (becomes > was or changed.leaves > before.leaves):
            refused = refusal(account, changed, prices)
            kind, cause = "MarginException", "funds"
    finally:
        account.orders[changed.order_id] = before
    if refused is not None:
        raise RefusedError(refused[0], kind, cause=cause)


def exchange_refusal(order: Order, close: int) -> tuple[str, str] | None:
    """Give the exchange's sentence when quantity or price is out of its limits."""
    item = order.instrument
    if order.quantity > item.freeze:
        return (
            f"Order quantity {order.quantity} is above the freeze quantity of {item.freeze} "
            f"for {item.symbol}. Split the order.",
            "16283 : Quantity freeze : the order is above the exchange's freeze quantity",
        )
    low, high = band(item, close)
    if order.price and not low <= order.price <= high:
        side, limit = ("higher", "upper") if order.price > high else ("lower", "lower")
        bound = high if order.price > high else low
        return (
            f"Your order price is {side} than the current {limit} circuit limit of "
            f"{text(bound)}. You can place an order within the daily range.",
            "16283 : The order price is out of the current price range",
        )
    return None
