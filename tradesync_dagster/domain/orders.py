"""Orders: what a broker reports, what the ledger keeps, and the words for both.

What belongs here: the order's values, its statuses and how brokers' status words map to them.
What does not: which status may follow which (``order_states`` has the table), telling ours from
external ones (``external``), fills (``fills``).
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID, uuid5

from tradesync_dagster.domain.order_parts import Part
from tradesync_dagster.domain.order_sources import OrderSource

AMO = "amo"
"""The variety of after-market orders: placed after the close, and sent with the next opening."""
_NAMESPACE = UUID("5a3c5d5e-5d0b-5c52-9d4a-6f6f1c0b7a11")
"""Names order ids. Changing it would rename every order: never do."""


class Side(StrEnum):
    """Direction of an order or a fill."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        """``+1`` for a buy, ``-1`` for a sell."""
        return 1 if self is Side.BUY else -1


class OrderStatus(StrEnum):
    """Where an order is in its life, whatever the broker calls it."""

    PENDING_EXECUTION = "pending_execution"
    AMO = "amo"
    OPEN = "open"
    TRIGGER_PENDING = "trigger_pending"
    EXECUTED = "executed"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    FAILED = "failed"
    RETRY_PENDING = "retry_pending"
    UNKNOWN = "unknown"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing but a correction can change the order any more."""
        return self in _TERMINAL


_TERMINAL = frozenset(
    {OrderStatus.EXECUTED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED}
)

_STATUS_BY_WORD = {
    "COMPLETE": OrderStatus.EXECUTED,
    "TRADED": OrderStatus.EXECUTED,
    "CANCELLED": OrderStatus.CANCELLED,
    "CANCELLED AMO": OrderStatus.CANCELLED,
    "CANCELLED AFTER MARKET ORDER": OrderStatus.CANCELLED,
    "REJECTED": OrderStatus.REJECTED,
    "OPEN": OrderStatus.OPEN,
    "MODIFIED": OrderStatus.OPEN,
    "NOT MODIFIED": OrderStatus.OPEN,
    "MODIFY PENDING": OrderStatus.OPEN,
    "MODIFY VALIDATION PENDING": OrderStatus.OPEN,
    "CANCEL PENDING": OrderStatus.OPEN,
    "NOT CANCELLED": OrderStatus.OPEN,
    "UPDATE": OrderStatus.OPEN,
    "TRIGGER PENDING": OrderStatus.TRIGGER_PENDING,
    "TRIGGER_PENDING": OrderStatus.TRIGGER_PENDING,
    "PUT ORDER REQ RECEIVED": OrderStatus.PENDING_EXECUTION,
    "VALIDATION PENDING": OrderStatus.PENDING_EXECUTION,
    "OPEN PENDING": OrderStatus.PENDING_EXECUTION,
    "AMO REQ RECEIVED": OrderStatus.AMO,
    "AFTER MARKET ORDER REQ RECEIVED": OrderStatus.AMO,
    "MODIFY AFTER MARKET ORDER REQ RECEIVED": OrderStatus.AMO,
}
"""The brokers' documented order statuses: Kite Connect's words, which the others use in their case,
those of Upstox and Kotak for after-market orders, and AutoTrader's TRIGGER_PENDING. AutoTrader's
UNKNOWN is left out on purpose."""


def status_of(word: str) -> OrderStatus:
    """Map a broker's status word, in any case, to ours.

    Args:
        word: The broker's own word.

    Returns:
        Our status; ``UNKNOWN``, which is not terminal, for a word that nobody has documented.
    """
    return _STATUS_BY_WORD.get(word.strip().upper(), OrderStatus.UNKNOWN)


class Origin(StrEnum):
    """Who an order came from, as far as is known."""

    INTERNAL = "internal"
    CANDIDATE = "candidate"
    EXTERNAL = "external"


@dataclass(frozen=True, slots=True)
class BrokerOrder:
    """One row of a broker's order book, in our units.

    Attributes:
        broker_order_id: The broker's id, unique within its trade date.
        trade_date: The exchange's day (Asia/Kolkata) on which the order was registered.
        status_word: The broker's own word for its status.
        quantity: Shares or contracts ordered, positive.
        filled_quantity: Shares or contracts traded so far.
        pending_quantity: Shares or contracts still working, as the broker says.
        cancelled_quantity: Shares or contracts cancelled, as the broker says.
        price: Limit price in millionths; 0 for a market order.
        trigger_price: Stop price in millionths; 0 without one.
        average_price: The broker's average of its fills in millionths, rounded.
        placed_at: When the broker registered it, UTC.
        updated_at: The latest time that the broker gives for it, UTC.
        tag: What was sent as the order's tag; empty for none.
        message: The broker's words on a rejection; empty for none.
        source: What placed it, as far as the broker tells; ``Order.source`` is what people see.
    """

    broker_order_id: str
    trade_date: date
    exchange: str
    symbol: str
    product: str
    side: Side
    order_type: str
    validity: str
    variety: str
    status_word: str
    quantity: int
    filled_quantity: int
    pending_quantity: int
    cancelled_quantity: int
    price: int
    trigger_price: int
    average_price: int
    placed_at: datetime
    updated_at: datetime
    tag: str = ""
    message: str = ""
    exchange_order_id: str = ""
    parent_order_id: str = ""
    source: OrderSource = OrderSource.UNKNOWN

    @property
    def status(self) -> OrderStatus:
        """Our status for the broker's word."""
        return status_of(self.status_word)


@dataclass(frozen=True, slots=True)
class Order:
    """One order in the ledger: the broker's latest word and what we know beside it.

    Attributes:
        order_id: Ours, the same on every rerun (``order_id_of``).
        broker: The broker's latest row.
        origin: Whose order it is.
        status: Ours; moves only forward (``order_progress.advance``).
        first_seen_at: When the first complete book that held it was asked for, UTC.
        last_seen_at: When the latest complete book that held it was asked for, UTC.
        client_order_id: Ours, where a placement of ours made it; empty otherwise.
        strategy_id: Its owner; empty while unassigned.
        confidence: 0 to 100, how sure the owner is; ``None`` before attribution.
        parts: Its first units, where strategies share it; ``strategy_id`` owns what follows them.
        failure_reason: Why it did not reach the broker, or was rejected; empty for neither.
        first_failed_at: When that was first learnt, UTC; the first failure of all that were
            tried again.
        last_retry_attempt: When it was last tried again, UTC.
        retry_count: How often it was tried again.
        shortfall: Money that was missing, in millionths, where the refusal tells.
        execution_time: The broker's time on the row that first showed its latest fill, UTC.
        cancel_asked: Who asked to cancel it and why; empty for nobody.
        retry_of: The order that this one tries again, where that one ended at the broker.
    """

    order_id: UUID
    account_id: int
    broker: BrokerOrder
    origin: Origin
    status: OrderStatus
    first_seen_at: datetime
    last_seen_at: datetime
    client_order_id: str = ""
    strategy_id: str = ""
    confidence: int | None = None
    parts: tuple[Part, ...] = ()
    failure_reason: str = ""
    first_failed_at: datetime | None = None
    last_retry_attempt: datetime | None = None
    retry_count: int = 0
    shortfall: int | None = None
    execution_time: datetime | None = None
    cancel_asked: str = ""
    retry_of: UUID | None = None

    @property
    def in_book(self) -> bool:
        """Whether a book of the broker has ever held it; a placement of ours waits for that."""
        return bool(self.broker.status_word)

    @property
    def source(self) -> str:
        """What placed it; empty for an order of ours, whose source is known."""
        return "" if self.origin is Origin.INTERNAL else self.broker.source.value


Detail = dict[str, str | int | None]
"""JSON-ready values, no floats."""


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """Something that happened to an order; events are only ever added.

    Attributes:
        order_id: The order's id.
        kind: What happened, such as ``seen``, ``confirmed_external`` or ``status_changed``.
        at: When we learnt of it (the request time of the book that showed it), UTC.
    """

    order_id: UUID
    kind: str
    at: datetime
    detail: Detail = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Intent:
    """One sending of an order of ours, committed before the broker was called.

    Attributes:
        client_order_id: Sent to the broker as the tag.
        quantity: What we last asked for; so are the prices. A book that says otherwise was changed
            by somebody else.
        broker_order_id: The broker's id once it acknowledged; empty until then.
        state: ``placing``, ``acknowledged``, ``unknown`` or ``refused``.
        created_at: UTC.
        order_id: The ledger's order that it sends.
        value: What it counted against the account's limits, in millionths.
        missed_at: When the first book was asked for that should have held it and did not, UTC.
        who: Who wanted it.
    """

    client_order_id: str
    account_id: int
    exchange: str
    symbol: str
    product: str
    side: Side
    order_type: str
    quantity: int
    price: int
    state: str
    created_at: datetime
    broker_order_id: str = ""
    strategy_id: str = ""
    reason: str = ""
    trigger_price: int = 0
    order_id: UUID | None = None
    value: int = 0
    missed_at: datetime | None = None
    who: str = ""


def order_id_of(account_id: int, trade_date: date, broker_order_id: str) -> UUID:
    """Name an order by what identifies it, so that a rerun names it the same.

    Args:
        account_id: The account's id.
        trade_date: The exchange's day of its registration; brokers use ids again on other days.
        broker_order_id: The broker's id.

    Returns:
        A UUID of version 5.
    """
    return uuid5(_NAMESPACE, f"{account_id}|{trade_date.isoformat()}|{broker_order_id}")


def placed_id_of(account_id: int, client_order_id: str) -> UUID:
    """Name an order of ours, which has no broker's id yet.

    Args:
        account_id: The account's id.
        client_order_id: Of its first sending.

    Returns:
        A UUID of version 5, which the order keeps for good.
    """
    return uuid5(_NAMESPACE, f"{account_id}|placed|{client_order_id}")
