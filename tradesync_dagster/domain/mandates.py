"""What a strategy may do on an account by itself, what it asks for, and when it gets out.

What belongs here: mandates, signals and exits with their arithmetic. What does not: what makes
signals (``strategies``), placing orders (``sync.tasks``), limits of accounts (``order_limits``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from tradesync_dagster.domain.errors import ValueRefusedError
from tradesync_dagster.domain.money import PRICE_UNIT

WHOLE = 10_000
"""Basis points in a whole."""


@dataclass(frozen=True, slots=True)
class Mandate:
    """What a strategy may do on an account by itself.

    Attributes:
        plugin: The name of the installed strategy that makes its signals.
        capital: Most that its positions may be worth together, in millionths.
        positions: Into how many equal parts its capital is divided, one a position.
        target_bp: How far above its buying price a position is sold, in basis points; 0 for never.
        stop_bp: How far below.
        options: The strategy's own, as text.
    """

    account_id: int
    strategy_id: str
    plugin: str
    capital: int
    positions: int = 5
    target_bp: int = 0
    stop_bp: int = 0
    enabled: bool = True
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def part(self) -> int:
        """What one position may be worth when it is bought, in millionths, rounded down."""
        return self.capital // self.positions


def checked(mandate: Mandate) -> Mandate:
    """Hold a mandate to its bounds.

    Raises:
        ValueRefusedError: It says which figure is out of them.
    """
    if not 0 < mandate.capital < 2**62:
        raise ValueRefusedError("the capital is an amount above 0")
    if not 1 <= mandate.positions <= 1_000:
        raise ValueRefusedError("a capital is divided into 1 to 1000 positions")
    if not 0 <= mandate.target_bp <= 100 * WHOLE or not 0 <= mandate.stop_bp < WHOLE:
        raise ValueRefusedError("a target is 0 to 10000 per cent, a stop 0 to 99.99 per cent")
    return mandate


class SignalState(StrEnum):
    """What became of a signal."""

    NEW = "new"
    ORDERED = "ordered"
    SKIPPED = "skipped"
    """Its strategy has no capital left for it, or has the instrument already."""
    REFUSED = "refused"
    """Limits, switches or halts said no, or the order failed."""
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Signal:
    """A strategy's wish to buy, one an account, strategy, day and instrument.

    Attributes:
        made_on: The trading day whose prices it was made from.
        price: The most to pay for one unit, in millionths; the order's limit.
        target: Sell at this price or above; 0 for the mandate's rule.
        stop: Sell at this price or below; 0 for the mandate's rule.
        score: The higher, the earlier it is bought.
        words: Why, and later what became of it.
    """

    account_id: int
    strategy_id: str
    made_on: date
    exchange: str
    symbol: str
    price: int
    product: str = "CNC"
    target: int = 0
    stop: int = 0
    score: int = 0
    state: SignalState = SignalState.NEW
    words: str = ""
    order_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Exit:
    """At which prices a strategy gets out of an instrument; in millionths, 0 for never.

    Attributes:
        since: When it was set, UTC.
    """

    account_id: int
    strategy_id: str
    exchange: str
    symbol: str
    product: str
    target: int
    stop: int
    since: datetime


def exit_of(mandate: Mandate, signal: Signal, at: datetime) -> Exit:
    """Say when a position that a signal opens will be closed.

    Args:
        mandate: Its rules hold where the signal names no price.
        signal: What is bought, at most at its price.
        at: UTC.

    Returns:
        Prices, from the signal's limit: targets rounded up, stops down.
    """
    price = signal.price
    target = -(-price * (WHOLE + mandate.target_bp) // WHOLE) if mandate.target_bp else 0
    stop = price * (WHOLE - mandate.stop_bp) // WHOLE if mandate.stop_bp else 0
    return Exit(
        signal.account_id, signal.strategy_id, signal.exchange, signal.symbol, signal.product,
        signal.target or target, signal.stop or stop, at,
    )  # fmt: skip


def reason_to_sell(rule: Exit, price: int) -> str:
    """Tell whether a price closes a long position: ``target``, ``stop`` or empty; a stop first."""
    if rule.stop and price <= rule.stop:
        return "stop"
    return "target" if rule.target and price >= rule.target else ""


def units_for(money: int, price: int, multiplier: int) -> int:
    """Say how many units money buys.

    Args:
        money: In millionths.
        price: Of one unit, in millionths.
        multiplier: What one unit counts for.

    Returns:
        Units, rounded down; 0 where the price is none.
    """
    if price <= 0 or money <= 0:
        return 0
    return money // (price * multiplier)


def per_cent(points: int) -> str:
    """Write basis points as per cent, such as ``2.5``."""
    return f"{points // 100}.{points % 100:02d}".rstrip("0").rstrip(".")


def basis_points(units: int, field_name: str) -> int:
    """Read a percentage given in price units, such as ``parse_price("2.5")``.

    Raises:
        ValueRefusedError: It has more than two decimals.
    """
    if units * 100 % PRICE_UNIT:
        raise ValueRefusedError(f"{field_name} has at most two decimals")
    return int(units * 100 // PRICE_UNIT)
