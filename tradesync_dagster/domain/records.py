"""What people record themselves: closing prices, corrected fills, and what became of a record.

What belongs here: values that a person answers for, and the evidence that is kept of them. What
does not: facts that books are made from (``facts``), fills (``fills``), storing (``store``).
"""

from dataclasses import dataclass, field
from datetime import date, datetime

from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.money import format_price


@dataclass(frozen=True, slots=True)
class ClosingPrice:
    """An instrument's price at a day's end, in millionths."""

    exchange: str
    symbol: str
    trade_date: date
    price: int


@dataclass(slots=True)
class Recorded:
    """What became of facts that were handed to the store.

    Attributes:
        changed: How many are new, differ from what was stored, or were taken out.
        known: How many changed nothing.
        since: The first day whose books no longer follow, by account id.
    """

    changed: int = 0
    known: int = 0
    since: dict[int, date] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredFill:
    """A fill as the books have it.

    Attributes:
        source: Who reported it: ``broker``, or the kind of file.
        annulled_at: Since when it counts for nothing, UTC; ``None`` for one that counts.
    """

    account_id: int
    fill: Fill
    source: str
    annulled_at: datetime | None = None

    def evidence(self) -> dict[str, str | None]:
        """Write it as JSON-ready values: prices as decimal text, never a float."""
        fill = self.fill
        return {
            "broker_order_id": fill.broker_order_id,
            "exchange": fill.exchange,
            "symbol": fill.symbol,
            "isin": fill.isin,
            "product": fill.product,
            "side": fill.side.value,
            "quantity": str(fill.quantity),
            "price": format_price(fill.price),
            "filled_at": fill.filled_at.isoformat(),
            "annulled_at": self.annulled_at.isoformat() if self.annulled_at else None,
        }


@dataclass(frozen=True, slots=True)
class Correction:
    """A person's word that a stored fill is not what was traded, or was never traded at all.

    Attributes:
        after: What was traded, under the same id; ``None`` where the trade was annulled.
        at: When it was said, UTC.
    """

    before: StoredFill
    after: Fill | None
    reason: str
    who: str
    at: datetime
