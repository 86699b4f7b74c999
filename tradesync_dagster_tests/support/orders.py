"""A limit order as a broker's book shows it, and the placement of ours that would explain it."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from tradesync_dagster.domain.orders import BrokerOrder, Intent, Side

DAY = date(2026, 3, 2)
_PLACED = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)

_ORDER = BrokerOrder(
    broker_order_id="B1",
    trade_date=DAY,
    exchange="NSE",
    symbol="INFY",
    product="MIS",
    side=Side.BUY,
    order_type="LIMIT",
    validity="DAY",
    variety="regular",
    status_word="OPEN",
    quantity=10,
    filled_quantity=0,
    pending_quantity=10,
    cancelled_quantity=0,
    price=1_500_000_000,
    trigger_price=0,
    average_price=0,
    placed_at=_PLACED,
    updated_at=_PLACED,
)
_INTENT = Intent(
    client_order_id="ts-1",
    account_id=1,
    exchange="NSE",
    symbol="INFY",
    product="MIS",
    side=Side.BUY,
    order_type="LIMIT",
    quantity=10,
    price=1_500_000_000,
    state="unknown",
    created_at=_PLACED,
)


def sample_order(placed_at: datetime, **changes: Any) -> BrokerOrder:
    """An order of DAY, as it was on placement but for the changes."""
    return replace(_ORDER, placed_at=placed_at, updated_at=placed_at, **changes)


def sample_intent(created_at: datetime, **changes: Any) -> Intent:
    """A placement that lost its answer and fits ``sample_order``, but for the changes."""
    return replace(_INTENT, created_at=created_at, **changes)
