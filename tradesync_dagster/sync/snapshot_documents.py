"""The snapshot of an account: what Redis shows of its orders, positions and holdings.

What belongs here: the document (described in docs/snapshots-and-messages.md), made of all of the
day's orders or of the one before and what changed. What does not: one order (``documents``),
versions (``store.outbox``), sending (``publishing``).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.orders import Order
from tradesync_dagster.sync.documents import as_json, order_document, shown

_SCHEMA: Final = 1


def snapshot_document(
    account: Account,
    trade_date: date,
    orders: Iterable[Order],
    positions: Sequence[Mapping[str, Any]],
    holdings: Sequence[Mapping[str, Any]],
    stale: Sequence[str],
) -> bytes:
    """Write an account's snapshot; the same books give the same bytes.

    Args:
        account: Whose.
        trade_date: The exchange's day.
        orders: The day's orders.
        positions: Rows.
        holdings: Rows.
        stale: Names of assets that could not be brought up to date.

    Returns:
        JSON.
    """
    of_day = [order_document(order) for order in orders if order.broker.trade_date == trade_date]
    return as_json(_snapshot(account, trade_date, of_day, positions, holdings, stale))


def renewed_document(
    earlier: bytes,
    account: Account,
    trade_date: date,
    changed: Iterable[Order],
    positions: Sequence[Mapping[str, Any]],
    holdings: Sequence[Mapping[str, Any]],
    stale: Sequence[str],
) -> bytes | None:
    """Write an account's snapshot where few of its orders changed.

    Args:
        earlier: The snapshot before.
        account: Whose.
        trade_date: The exchange's day.
        changed: The orders that are not as they were then.
        positions: Rows.
        holdings: Rows.
        stale: Names of assets that could not be brought up to date.

    Returns:
        The same bytes as ``snapshot_document`` of all orders; ``None`` where the one before is of
        another day.
    """
    before = json.loads(earlier)
    if before["trade_date"] != trade_date.isoformat() or before["schema"] != _SCHEMA:
        return None
    orders = {order["order_id"]: order for order in before["orders"]}
    for order in changed:
        if order.broker.trade_date == trade_date:
            orders[str(order.order_id)] = order_document(order)
    of_day = list(orders.values())
    return as_json(_snapshot(account, trade_date, of_day, positions, holdings, stale))


def _snapshot(
    account: Account,
    trade_date: date,
    orders: Sequence[Mapping[str, Any]],
    positions: Sequence[Mapping[str, Any]],
    holdings: Sequence[Mapping[str, Any]],
    stale: Sequence[str],
) -> dict[str, Any]:
    return {
        "schema": _SCHEMA,
        "organization_id": account.organization_id,
        "pseudo_account": account.pseudo_account,
        "broker": account.broker,
        "trade_date": trade_date.isoformat(),
        "stale": sorted(stale),
        "orders": sorted(orders, key=_place),
        "positions": [shown(row) for row in positions],
        "holdings": [shown(row) for row in holdings],
    }


def _place(order: Mapping[str, Any]) -> tuple[datetime, str]:
    return (datetime.fromisoformat(order["placed_at"]), order["broker_order_id"])
