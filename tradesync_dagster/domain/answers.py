"""What brokers answer, in our words and units, and what we ask them to do.

What belongs here: the fetch with its outcome, and rows that only compare with the books. What does
not: orders and fills, which the books keep (``orders``, ``fills``).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Generic, TypeVar

RowT_co = TypeVar("RowT_co", covariant=True)


class Outcome(StrEnum):
    """How a fetch ended. Only a complete one changes state."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    FAILED = "failed"
    NOT_ASKED = "not_asked"
    """Left out of a look on purpose: nothing is known, and nothing went wrong."""


@dataclass(frozen=True, slots=True)
class Reject:
    """Something a broker sent that could not be read.

    Attributes:
        row_id: The row's own id where that much was readable; empty otherwise.
        reason: What is wrong with which field.
        raw: The row as JSON text, bounded in size.
    """

    row_id: str
    reason: str
    raw: str


@dataclass(frozen=True, slots=True)
class Payload:
    """An answer as it was sent, kept so that a sync can be replayed and a refusal looked into.

    Attributes:
        account_id: Whose.
        held: Whether something of it was refused; it is then never cleared.
    """

    payload_hash: str
    account_id: int
    body: bytes
    held: bool = False


@dataclass(frozen=True, slots=True)
class Fetch(Generic[RowT_co]):
    """One answer of a broker, or the lack of one; never an exception, never a silent empty.

    Attributes:
        kind: ``orders``, ``trades``, ``positions``, ``holdings`` or ``margins``.
        trade_date: The exchange's day (Asia/Kolkata) that was asked for.
        requested_at: When the request was sent, UTC.
        seconds: From the request to the whole answer, retries included.
        rows: What was read; empty unless complete or partial.
        rejects: Rows that could not be read.
        payload: The body as sent; empty when there was none.
        payload_hash: SHA-256 of the body as hex; empty when there was none.
        error: What went wrong, in words; empty when complete.
        error_kind: The class name of the error; empty when complete.
        broker_time: The broker's clock (its ``Date`` header), UTC, where given.
        derived: Whether the broker has no such book, and was not asked: its rows follow from the
            orders and the books (``watermarks``).
        keeps_tags: Whether each order has the tag that it was placed with, as documented by the
            broker; then one without our tag is not ours, however like it is.
        unread: Reads all rows of a complete answer, where they were not read yet: it repeats, byte
            for byte, one that was applied before, or is an order book that may be read in part.
            ``None`` for all others.
        differing: Reads of such an order book the rows that are not the same in an earlier body;
            it gives ``None`` where the two do not hold the same orders. ``None`` for all others.
        base: The hash of the earlier answer, where ``rows`` are only those that differ from it;
            empty for a whole book.
    """

    kind: str
    outcome: Outcome
    trade_date: date
    requested_at: datetime
    seconds: float
    rows: tuple[RowT_co, ...] = ()
    rejects: tuple[Reject, ...] = ()
    payload: bytes = field(default=b"", repr=False)
    payload_hash: str = ""
    error: str = ""
    error_kind: str = ""
    broker_time: datetime | None = None
    derived: bool = False
    keeps_tags: bool = False
    unread: "Callable[[], Fetch[RowT_co]] | None" = field(default=None, repr=False, compare=False)
    differing: "Callable[[bytes], Fetch[RowT_co] | None] | None" = field(
        default=None, repr=False, compare=False
    )
    base: str = ""

    def read(self) -> "Fetch[RowT_co]":
        """Return the answer with its rows, which are read now if they were not before."""
        return self if self.unread is None else self.unread()


@dataclass(frozen=True, slots=True)
class BrokerPosition:
    """The broker's own figure for one open or closed position of the day.

    Attributes:
        quantity: Net, signed.
        overnight_quantity: Carried from before today, signed.
        multiplier: Currency value of one price unit for one contract.
        average_price: In millionths, rounded by the broker; 0 when nothing is open.
        last_price: In millionths; ``None`` where the broker tells none.
        close_price: Of the trading day before, in millionths; 0 where the broker tells none.
        overnight_price: What the carried units cost (or brought in) on average, in millionths; 0
            where the broker does not tell it apart from the day's trading.
    """

    exchange: str
    symbol: str
    product: str
    quantity: int
    overnight_quantity: int
    multiplier: int
    average_price: int
    last_price: int | None
    close_price: int = 0
    overnight_price: int = 0


@dataclass(frozen=True, slots=True)
class BrokerHolding:
    """The broker's own figure for one holding.

    Attributes:
        quantity: Settled and not sold today, pledged ones included, without ``t1_quantity``.
        t1_quantity: Bought the day before, not yet delivered.
        used_quantity: Sold today out of it.
        average_price: In millionths, rounded by the broker.
        last_price: In millionths.
        blocked: How much of ``used_quantity`` may not be sold but held for an open order or a
            pledge, where the broker does not tell these apart.
    """

    exchange: str
    symbol: str
    isin: str
    product: str
    quantity: int
    t1_quantity: int
    used_quantity: int
    average_price: int
    last_price: int
    blocked: int = 0


@dataclass(frozen=True, slots=True)
class Margin:
    """What the broker says an account may still use, and what it uses, in one segment.

    Attributes:
        segment: The broker's word in lower case, such as ``equity`` or ``commodity``.
        available: What a new order may use, in millionths, rounded; negative when overdrawn.
        used: By positions and open orders, in millionths, rounded; negative when released.
    """

    segment: str
    available: int
    used: int


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """An order to place.

    Attributes:
        quantity: Shares or contracts, positive.
        price: In millionths; 0 for a market order.
        trigger_price: In millionths; 0 without one.
        tag: The client_order_id.
    """

    exchange: str
    symbol: str
    product: str
    side: str
    order_type: str
    quantity: int
    price: int = 0
    trigger_price: int = 0
    validity: str = "DAY"
    variety: str = "regular"
    tag: str = ""
