"""How much may be ordered: limits an account, what an order is worth, the switch that stops all.

What belongs here: the limits, the halt, and telling whether an order keeps to them. What does not:
what the account has already (``sync.placing`` counts it under the lease), keeping them (``store``).
"""

from dataclasses import dataclass
from datetime import datetime

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import OrderRequest
from tradesync_dagster.domain.errors import PlacementRefusedError
from tradesync_dagster.domain.money import PRICE_UNIT, format_price

_IN_UNITS = frozenset({"NSE", "BSE", "NFO", "BFO"})
"""Exchanges whose quantities are in units, so that one price unit of one is one unit of money."""
_AT_LIMIT = frozenset({"LIMIT", "SL"})


@dataclass(frozen=True, slots=True)
class Limits:
    """What an account's orders keep to; money in millionths of the currency.

    Attributes:
        order_value: Most that one order may be worth.
        day_value: Most that one exchange's day's orders may be worth together, also those that end
            without a trade, but not those that were refused.
        open_orders: Most orders of ours that work at once.
        position_value: Most that the position in one instrument may be worth once all of ours that
            work are filled; an order that makes it smaller is always within it.
    """

    order_value: int = 500_000 * PRICE_UNIT
    day_value: int = 2_500_000 * PRICE_UNIT
    open_orders: int = 50
    position_value: int = 1_000_000 * PRICE_UNIT


@dataclass(frozen=True, slots=True)
class Load:
    """What counts against an account's limits already.

    Attributes:
        day_value: In millionths.
        open_orders: Of ours, working or not known to have ended.
        position: Signed, in the order's instrument.
        working: Signed quantity of ours still to be filled in it, on the order's side.
    """

    day_value: int = 0
    open_orders: int = 0
    position: int = 0
    working: int = 0


@dataclass(frozen=True, slots=True)
class Halt:
    """A stop of all placements, of everybody, an organization or one account.

    Attributes:
        scope: Empty for all, an organization, or ``ORG/ACCOUNT``.
    """

    scope: str
    halted_at: datetime
    who: str
    why: str


def scopes_of(account: Account) -> tuple[str, str, str]:
    """Name the scopes of halts that stop an account."""
    return ("", account.organization_id, account.key)


def check_halts(account: Account, halts: list[Halt]) -> None:
    """Refuse when a halt stops the account.

    Args:
        account: Whose order it is.
        halts: Those that stop it.

    Raises:
        PlacementRefusedError: It says who halted what and why, and how to go on.
    """
    if not halts:
        return
    halt = halts[0]
    what = f"orders of {halt.scope}" if halt.scope else "all orders"
    again = f"tradesync orders resume {halt.scope}".rstrip()
    raise PlacementRefusedError(
        f"{account.key}: {halt.who} halted {what} at {halt.halted_at:%Y-%m-%d %H:%M:%S} "
        f"UTC ({halt.why}); to go on: {again} --who NAME --why TEXT"
    )


def check_live(account: Account, *, live_enabled: bool) -> None:
    """Refuse an order that would reach a real broker where that is not switched on twice.

    Raises:
        PlacementRefusedError: It names the switch.
    """
    if not account.enabled:
        what = f"{account.key} is disabled; include it again: tradesync accounts enable"
        raise PlacementRefusedError(f"{what} {account.key}")
    if account.broker == "PAPER":
        return
    if not live_enabled:
        raise PlacementRefusedError(
            f"{account.key}: orders to real brokers are off; set TRADESYNC_LIVE_ORDERS_ENABLED=true"
        )
    if not account.live:
        raise PlacementRefusedError(
            f"{account.key} is not marked live; mark it: tradesync accounts live {account.key} --on"
        )


def price_of(request: OrderRequest, last_price: int | None) -> int | None:
    """Say at which price an order counts, the dearest that it may well trade at.

    Args:
        request: The order.
        last_price: The last known price in millionths; ``None`` where none is known.

    Returns:
        In millionths: a buy's limit, otherwise the higher of what it names and the last price;
        ``None`` for an order without a limit where no price is known.
    """
    if request.order_type in _AT_LIMIT:
        return request.price if request.side == "BUY" else max(request.price, last_price or 0)
    return None if last_price is None else max(request.trigger_price, last_price)


def check_order(
    account: Account,
    request: OrderRequest,
    limits: Limits,
    load: Load,
    instrument: tuple[int, int | None] | None,
) -> int:
    """Hold an order against the account's limits.

    Args:
        account: Whose.
        request: The order.
        limits: The account's.
        load: What counts already.
        instrument: Its (multiplier, last price or None); ``None`` where it was never met.

    Returns:
        What the order is worth, in millionths.

    Raises:
        PlacementRefusedError: It says which limit, by how much, and how to change it.
    """
    multiplier, last = instrument or (1, None)
    name = f"{request.exchange}:{request.symbol}"
    price = price_of(request, last)
    if price is None or (instrument is None and request.exchange not in _IN_UNITS):
        what = "price" if price is None else "contract size"
        raise PlacementRefusedError(
            f"{account.key}: no {what} of {name} is known, so the order cannot be held against the "
            "limits; give it a limit price, or sync an account that holds it"
        )
    unit = abs(price) * multiplier
    value = unit * request.quantity
    money = (
        ("the order is worth", value, limits.order_value, "order-value"),
        ("the day's orders would be worth", load.day_value + value, limits.day_value, "day-value"),
    )
    for what, found, limit, option in money:
        if found > limit:
            raise _above(account, f"{what} {format_price(found)}", format_price(limit), option)
    if load.open_orders >= limits.open_orders:
        what = f"{load.open_orders} orders are open"
        raise _above(account, what, str(limits.open_orders), "open-orders")
    signed = request.quantity if request.side == "BUY" else -request.quantity
    after = load.position + load.working + signed
    held = abs(after) * unit
    if abs(after) > abs(load.position) and held > limits.position_value:
        what = f"the position in {name} would be worth {format_price(held)}"
        raise _above(account, what, format_price(limits.position_value), "position-value")
    return value


def _above(account: Account, what: str, limit: str, option: str) -> PlacementRefusedError:
    return PlacementRefusedError(
        f"{account.key}: {what}, and the limit is {limit}; change it with: tradesync orders limits "
        f"{account.key} --{option} AMOUNT"
    )
