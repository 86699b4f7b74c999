"""Orders, their history and their fills, as the exchange keeps them.

Belongs here: the records and the few facts that follow from one order alone.
Does not belong here: matching (market.py), money (ledger.py), a wire format (the faces).
"""

from dataclasses import dataclass, field
from datetime import date, datetime

from tradesync_dagster.brokers.exchange.instruments import Instrument
from tradesync_dagster.brokers.exchange.units import average

SOURCES = ("by_hand", "square_off", "auto_slice", "auction", "gtt", "other_api")
"""What places orders beside the clients of a face; each face tells it as far as its broker does."""
CLOSED = frozenset({"COMPLETE", "CANCELLED", "REJECTED"})


class RefusedError(Exception):
    """A request that is refused: Kite's sentence, error type and HTTP status, and the cause.

    The `cause` is one word for what is wrong, whatever the broker ("order": there is no such
    order; "cancel": it cannot be cancelled any more). A face that does not use Kite's sentences
    finds its own by it.
    """

    def __init__(
        self, message: str, error_type: str = "InputException", status: int = 400, cause: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.error_type = error_type
        self.status = status
        self.cause = cause


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """What somebody asks for; prices in millionths, quantity in units of the broker."""

    symbol: str
    exchange: str
    side: str
    quantity: int
    product: str
    order_type: str = "MARKET"
    price: int = 0
    trigger_price: int = 0
    validity: str = "DAY"
    validity_ttl: int = 0
    disclosed_quantity: int = 0
    variety: str = "regular"
    tag: str | None = None
    source: str = ""
    slice_of: str | None = None


@dataclass(frozen=True, slots=True)
class OrderChange:
    """What a modification changes; None leaves a field as it is."""

    quantity: int | None = None
    price: int | None = None
    trigger_price: int | None = None
    order_type: str | None = None
    validity: str | None = None
    disclosed_quantity: int | None = None


_CHANGEABLE = tuple(OrderChange.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Fill:
    """One trade of one order."""

    trade_id: str
    order_id: str
    exchange_order_id: str
    instrument: Instrument
    side: str
    product: str
    quantity: int
    price: int
    at: datetime

    @property
    def signed(self) -> int:
        """The quantity, negative for a sale."""
        return self.quantity if self.side == "BUY" else -self.quantity

    @property
    def value(self) -> int:
        """What changed hands, with the contract's multiplier."""
        return self.quantity * self.price * self.instrument.multiplier


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """The order as it was after one change of state."""

    status: str
    at: datetime
    exchange_at: datetime | None
    exchange_order_id: str | None
    quantity: int
    price: int
    trigger_price: int
    order_type: str
    filled: int
    cancelled: int
    average_price: int
    message: str | None


@dataclass(slots=True)
class Order:
    """One order and all that happened to it."""

    order_id: str
    user_id: str
    instrument: Instrument
    side: str
    product: str
    variety: str
    tag: str | None
    by_hand: bool
    placed_at: datetime
    day: date
    quantity: int
    order_type: str
    price: int
    trigger_price: int
    validity: str
    validity_ttl: int
    disclosed_quantity: int
    source: str = ""
    slice_of: str | None = None
    status: str = "PUT ORDER REQ RECEIVED"
    message: str | None = None
    message_raw: str | None = None
    exchange_order_id: str | None = None
    exchange_at: datetime | None = None
    updated_at: datetime | None = None
    filled: int = 0
    filled_value: int = 0
    cancelled: int = 0
    modified: bool = False
    triggered: bool = False
    expired: bool = False
    history: list[OrderEvent] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Whether anything can still happen to it."""
        return self.status not in CLOSED

    @property
    def leaves(self) -> int:
        """What is neither filled nor ended."""
        return self.quantity - self.filled if self.is_open else 0

    @property
    def pending(self) -> int:
        """The broker's pending_quantity: a cancelled order keeps what it lost."""
        return self.cancelled if self.status == "CANCELLED" else self.leaves

    @property
    def average_price(self) -> int:
        """The mean price of its fills, to a millionth."""
        return average(self.filled_value, self.filled)

    def enter(self, status: str, at: datetime) -> None:
        """Take on a state and remember it."""
        self.status = status
        self.updated_at = at
        event = OrderEvent(
            status, at, self.exchange_at, self.exchange_order_id, self.quantity, self.price,
            self.trigger_price, self.order_type, self.filled, self.cancelled,
            self.average_price, self.message,
        )  # fmt: skip
        self.history.append(event)

    def apply(self, change: OrderChange) -> None:
        """Write the changed fields into it."""
        self.modified = True
        for name in _CHANGEABLE:
            value = getattr(change, name)
            if value is not None:
                setattr(self, name, value)
        if self.order_type in ("MARKET", "SL-M"):
            self.price = 0
        if self.order_type in ("LIMIT", "MARKET"):
            self.trigger_price = 0

    def reject(self, message: str, raw: str, at: datetime) -> None:
        """End it in the broker's words."""
        self.message, self.message_raw = message, raw
        self.enter("REJECTED", at)

    def cancel(self, at: datetime, message: str | None = None) -> None:
        """End what is left of it."""
        self.cancelled = self.leaves
        self.message = message
        if self.exchange_order_id is not None:
            self.exchange_at = at
        self.enter("CANCELLED", at)
