"""What brokers answer, in our words and units, and what we ask them to do.

What belongs here: the fetch with its outcome, and rows that only compare with the books. What does
not: orders and fills, which the books keep (``orders``, ``fills``).
"""

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
class Fetch(Generic[RowT_co]):
    """One answer of a broker, or the lack of one; never an exception, never a silent empty.

    Attributes:
        kind: ``orders``, ``order_history``, ``trades``, ``positions``, ``holdings`` or
            ``margins``.
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
        quantity: Settled and free, without ``t1_quantity``.
        t1_quantity: Bought the day before, not yet delivered.
        used_quantity: Sold today out of it.
        average_price: In millionths, rounded by the broker.
        last_price: In millionths.
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
