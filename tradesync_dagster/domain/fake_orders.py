"""Fake orders: virtual energy trades that are moderated at their hour.

Prices and amounts are in millionths of the currency, quantities in millionths of a MWh, all 64-bit
integers. What belongs here: the order, its bounds, reading one from text. What does not: the
decision (``moderation``), prices (``lmp``), P&L (``marks``).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

from tradesync_dagster.domain.errors import ValueRefusedError
from tradesync_dagster.domain.money import PRICE_UNIT, format_price, parse_price
from tradesync_dagster.domain.orders import Side

MWH_UNIT = PRICE_UNIT
"""Units of quantity in one MWh."""
MOST_MWH = 100_000
MOST_PRICE = 100_000
"""A price is within plus and minus this, per MWh: P&L then fits 64 bits."""
LONGEST_AHEAD = timedelta(days=366)
LONGEST_AGO = timedelta(days=7)
PLACE = r"[A-Za-z0-9 ._/:#&()+@-]{1,64}"
"""What a market or a node may be called."""

_NAMESPACE = UUID("8f6a0d0e-3a57-5f8f-9a0c-5b2f2a6a9c41")
"""Names orders by their idempotency keys. Changing it would rename them: never do."""


class FakeOrderStatus(StrEnum):
    """Where a fake order is in its life."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    QUARANTINED = "QUARANTINED"
    """It could not be decided; its reason says why, and it held up no other."""


@dataclass(frozen=True, slots=True)
class FakeOrder:
    """A virtual trade of energy for one hour.

    Attributes:
        side: ``BUY`` or ``SELL``; text, so that a row that is neither can be named.
        quantity: Millionths of a MWh.
        limit_price: Millionths of the currency a MWh; may be negative.
        hour_start_utc: When the hour begins, and the order is moderated.
        decided_at: When it was moderated, UTC.
        rt_lmp: The real-time LMP that it was moderated with.
        reason: Why it was rejected or quarantined; empty otherwise.
        last_lmp: The LMP of the latest mark of an approved order.
        pnl: P&L at the latest mark, millionths of the currency.
        marked_at: The time of the latest mark's price, UTC.
        next_mark_at: When the next mark is due; ``None`` before approval and after the hour.
    """

    order_id: UUID
    organization_id: str
    market: str
    node: str
    side: str
    quantity: int
    limit_price: int
    hour_start_utc: datetime
    created_at: datetime
    status: str = FakeOrderStatus.PENDING.value
    decided_at: datetime | None = None
    rt_lmp: int | None = None
    reason: str = ""
    last_lmp: int | None = None
    pnl: int | None = None
    marked_at: datetime | None = None
    next_mark_at: datetime | None = None

    def same_wish(self, other: "FakeOrder") -> bool:
        """Whether two orders ask for the same trade, whatever became of them."""
        return _wish(self) == _wish(other)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A fake order as somebody writes it, in text."""

    organization_id: str
    market: str
    node: str
    side: str
    quantity_mwh: str
    limit_price: str
    hour_start_utc: str


def order_id_of(organization_id: str, idempotency_key: str) -> UUID:
    """Name the order of an idempotency key: the same key is the same order."""
    return uuid5(_NAMESPACE, f"{organization_id}|{idempotency_key}")


def fake_order(wanted: Wanted, order_id: UUID, now: datetime) -> FakeOrder:
    """Read an order exactly.

    Args:
        wanted: Its texts.
        order_id: Its name.
        now: UTC.

    Returns:
        A pending order.

    Raises:
        ValueRefusedError: Something is not as it must be; the sentence names it.
    """
    order = FakeOrder(
        order_id=order_id,
        organization_id=wanted.organization_id,
        market=wanted.market,
        node=wanted.node,
        side=wanted.side,
        quantity=parse_price(wanted.quantity_mwh, "quantity_mwh"),
        limit_price=parse_price(wanted.limit_price, "limit_price"),
        hour_start_utc=moment(wanted.hour_start_utc, "hour_start_utc"),
        created_at=now,
    )
    check(order)
    if not now - LONGEST_AGO <= order.hour_start_utc <= now + LONGEST_AHEAD:
        raise ValueRefusedError(
            f"hour_start_utc: {wanted.hour_start_utc} is not within {LONGEST_AGO.days} days back "
            f"and {LONGEST_AHEAD.days} days ahead"
        )
    return order


def check(order: FakeOrder) -> None:
    """Make sure that an order can be decided and priced.

    Raises:
        ValueRefusedError: It cannot; the sentence says why.
    """
    for field in ("market", "node"):
        if not re.fullmatch(PLACE, str(getattr(order, field))):
            raise ValueRefusedError(
                f"{field}: write up to 64 letters, digits, spaces and ._/:#&()+@-"
            )
    if order.side not in set(Side):
        raise ValueRefusedError("side: write BUY or SELL")
    if not _within(order.quantity, 1, MOST_MWH * MWH_UNIT):
        raise ValueRefusedError(f"quantity_mwh: write more than 0 and up to {MOST_MWH} MWh")
    if not _within(order.limit_price, -MOST_PRICE * PRICE_UNIT, MOST_PRICE * PRICE_UNIT):
        raise ValueRefusedError(f"limit_price: write -{MOST_PRICE} to {MOST_PRICE} a MWh")


def moment(text: str, field: str) -> datetime:
    """Read a moment of UTC to the microsecond.

    Args:
        text: ISO 8601 with its offset, such as ``2026-03-02T15:00:00Z``.
        field: The name that an error gives.

    Returns:
        The moment in UTC.

    Raises:
        ValueRefusedError: It is no moment, or has no offset.
    """
    try:
        found = datetime.fromisoformat(text)
        at = found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueRefusedError(
            f"{field}: write a moment of UTC such as 2026-03-02T15:00:00Z"
        ) from None
    if found.tzinfo is None:
        raise ValueRefusedError(f"{field}: say of which zone it is; for UTC end it with Z")
    return at


def order_document(order: FakeOrder) -> dict[str, Any]:
    """Write an order for people and programs, money and MWh as decimal text."""
    return {
        "order_id": str(order.order_id),
        "organization_id": order.organization_id,
        "market": order.market,
        "node": order.node,
        "side": order.side,
        "quantity_mwh": decimal_text(order.quantity),
        "limit_price": decimal_text(order.limit_price),
        "hour_start_utc": milliseconds(order.hour_start_utc),
        "status": str(order.status),
        "created_at": milliseconds(order.created_at),
        "decided_at": milliseconds(order.decided_at),
        "rt_lmp": decimal_text(order.rt_lmp),
        "reason": order.reason,
    }


def position_document(order: FakeOrder) -> dict[str, Any]:
    """Write an approved order as a position, money and MWh as decimal text."""
    keys = (
        "order_id", "organization_id", "market", "node", "side", "quantity_mwh", "limit_price",
        "hour_start_utc", "rt_lmp",
    )  # fmt: skip
    whole = order_document(order)
    return {key: whole[key] for key in keys} | {
        "state": "live" if order.next_mark_at else "closed",
        "last_lmp": decimal_text(order.last_lmp),
        "pnl": decimal_text(order.pnl),
        "marked_at": milliseconds(order.marked_at),
    }


def decimal_text(units: int | None) -> str | None:
    """Write millionths as decimal text; a stored value that is no number as it is."""
    return format_price(units) if isinstance(units, int) else units


def milliseconds(at: datetime | None) -> str | None:
    """Write a UTC moment to the millisecond, such as ``2026-03-02T15:00:00.000Z``."""
    if at is None:
        return None
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _within(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _wish(order: FakeOrder) -> Mapping[str, object]:
    names = (
        "organization_id", "market", "node", "side", "quantity", "limit_price", "hour_start_utc",
    )  # fmt: skip
    return {name: getattr(order, name) for name in names}
