"""Orders as people and programs write them.

What belongs here: reading their words into a request, each refused with a sentence. What does not:
limits (``order_limits``), how a broker is told (``brokers``).
"""

from dataclasses import dataclass

from tradesync_dagster.domain.answers import OrderRequest
from tradesync_dagster.domain.errors import PlacementRefusedError
from tradesync_dagster.domain.facts import PRODUCTS
from tradesync_dagster.domain.money import parse_price, parse_quantity
from tradesync_dagster.domain.orders import AMO

_SIDES = ("BUY", "SELL")
_VALIDITIES = ("DAY", "IOC")
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class OrderText:
    """An order in words; empty prices stand for none.

    Attributes:
        instrument: ``EXCHANGE:SYMBOL``.
        price: Its limit; without one it is a market order.
        trigger_price: From which price on it is sent; without one at once.
        amo: Whether it is for the next session.
    """

    side: str
    quantity: str
    instrument: str
    product: str = "CNC"
    price: str = ""
    trigger_price: str = ""
    validity: str = "DAY"
    amo: bool = False


def read_order(text: OrderText) -> OrderRequest:
    """Read an order.

    Returns:
        The request; its type follows from its prices.

    Raises:
        PlacementRefusedError: A word is none of those there are.
        ValueRefusedError: A number is none.
    """
    side = one_of("side", text.side, _SIDES)
    product = one_of("product", text.product, PRODUCTS)
    validity = one_of("validity", text.validity, _VALIDITIES)
    exchange, colon, symbol = text.instrument.partition(":")
    if not (exchange and colon and symbol) or not text.instrument.isprintable():
        raise PlacementRefusedError(f"{text.instrument!r} is no EXCHANGE:SYMBOL, such as NSE:INFY")
    quantity = parse_quantity(text.quantity)
    price = parse_price(text.price or "0", "price")
    trigger = parse_price(text.trigger_price or "0", "trigger_price")
    if quantity <= 0:
        raise PlacementRefusedError(f"the quantity is {quantity}; an order needs one above 0")
    if price < 0 or trigger < 0:
        raise PlacementRefusedError(
            "a limit and a trigger are prices above 0; leave out what is not"
        )
    limited, plain = ("SL", "SL-M") if trigger else ("LIMIT", "MARKET")
    return OrderRequest(
        exchange=exchange.upper(),
        symbol=symbol,
        product=product,
        side=side,
        order_type=limited if price else plain,
        quantity=quantity,
        price=price,
        trigger_price=trigger,
        validity=validity,
        variety=AMO if text.amo else "regular",
    )


def one_of(name: str, word: str, known: tuple[str, ...]) -> str:
    """Read a word, in any case.

    Raises:
        PlacementRefusedError: It is none of those known.
    """
    if word.upper() not in known:
        raise PlacementRefusedError(f"the {name} is {' or '.join(known)}, not {word[:_LONGEST]!r}")
    return word.upper()


def plain(name: str, text: str) -> str:
    """Check what goes into the audit trail.

    Raises:
        PlacementRefusedError: It is empty, longer than 200 characters, or no plain line.
    """
    if not text.strip() or len(text) > _LONGEST or not text.isprintable():
        raise PlacementRefusedError(
            f"--{name} is one line of up to {_LONGEST} characters; it is kept with the order"
        )
    return text
