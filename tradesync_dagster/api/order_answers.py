"""The shape of an order in answers, the same keys and texts as the command line's ``--json``.

What belongs here: the model. What does not: other rows (``answers``), the retry queue's fields
(``user_orders``).
"""

from typing import Annotated

from pydantic import BaseModel, Field

from tradesync_dagster.api.answers import AccountKey, Part
from tradesync_dagster.api.values import DayText, Moment, Money


class Order(BaseModel):
    """An order, ours or external."""

    account: AccountKey
    order_id: str
    trade_date: DayText
    broker_order_id: str
    exchange_order_id: str
    parent_order_id: str
    client_order_id: str
    origin: Annotated[str, Field(examples=["external"])]
    source: Annotated[
        str, Field(description="What placed it; empty for ours.", examples=["by_hand"])
    ]
    status: str
    status_word: Annotated[str, Field(description="The broker's own word.")]
    exchange: str
    symbol: str
    product: str
    side: str
    order_type: str
    validity: str
    variety: str
    quantity: int
    filled_quantity: int
    pending_quantity: int
    cancelled_quantity: int
    price: Money
    trigger_price: Money
    average_price: Money
    placed_at: Moment
    updated_at: Moment
    tag: str
    message: str
    first_seen_at: Moment
    last_seen_at: Moment
    strategy_id: Annotated[
        str, Field(description="Owns what no part takes; empty for no strategy.")
    ]
    confidence: int | None
    parts: Annotated[list[Part], Field(description="Its first units, where strategies share it.")]
    failure_reason: str | None
    first_failed_at: Moment | None
    last_retry_attempt: Moment | None
    retry_count: int
    rejection_reason: str | None
    cancelled_reason: str | None
    last_status_check: Moment | None
    execution_price: Money | None
    execution_qty: int | None
    execution_time: Moment | None
    shortfall: Annotated[Money | None, Field(description="Money that was missing.")]
    cancel_asked: Annotated[str, Field(description="Who asked to cancel it, and why.")]
    retry_of: Annotated[str | None, Field(description="The rejected order that it tries again.")]
