"""The documents that leave the house: notes to those who listen, and how orders and rows read.

Prices and P&L are decimal text, so that no reader's floats touch them. What belongs here: the shape
of the documents (described in docs/snapshots-and-messages.md). What does not: accounts' snapshots
(``snapshot_documents``), sending.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid5

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.money import format_price
from tradesync_dagster.domain.orders import BrokerOrder, Order
from tradesync_dagster.domain.performance import Curve
from tradesync_dagster.domain.publications import PEOPLE, OutboxMessage
from tradesync_dagster.domain.results import AccountResult

EXCHANGE = "sync_notifications"
_SCHEMA = 1
"""Of the note that a sync ended; see docs/sync-completed.schema.json."""
_MESSAGES = UUID("c8f6d3a5-2e1b-5c1f-8a39-0d5c5f0f4b1e")
_PRICES = frozenset(
    {"price", "trigger_price", "average_price", "last_price", "execution_price", "shortfall"}
)
_PNL = frozenset({"realised_pnl", "unrealised_pnl"})
_FAILED = ("failure_reason", "first_failed_at", "last_retry_attempt", "retry_count", "shortfall")
_ORDER_FIELDS = tuple(field.name for field in fields(BrokerOrder))


def shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """Turn a row into what people and programs read.

    Args:
        row: With prices in millionths and aware times.

    Returns:
        The same keys without ``account_id``; money as decimal text, times as ISO 8601.
    """
    return {str(name): _shown(name, value) for name, value in row.items() if name != "account_id"}


def span(seconds: int) -> str:
    """Write a span of time in its largest whole unit, such as ``3 min``."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def _shown(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in _PRICES or name in _PNL:
        return format_price(int(value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def order_document(order: Order) -> dict[str, Any]:
    """Write one order.

    Args:
        order: From the ledger.

    Returns:
        JSON-ready values.
    """
    broker = shown({name: getattr(order.broker, name) for name in _ORDER_FIELDS})
    return broker | {
        "order_id": str(order.order_id),
        "origin": order.origin.value,
        "source": order.source,
        "status": order.status.value,
        "client_order_id": order.client_order_id,
        "strategy_id": order.strategy_id or None,
        "confidence": order.confidence,
        "parts": [asdict(part) for part in order.parts],
    }


def own_order_document(order: Order) -> dict[str, Any]:
    """Write one order of ours, with what came of sending it."""
    failed = shown({name: getattr(order, name) for name in _FAILED})
    return order_document(order) | failed | {"retry_of": order.retry_of and str(order.retry_of)}


def sync_completed(
    account: Account,
    result: AccountResult,
    tick_id: str,
    at: datetime,
    redis_status: str,
    *,
    passing: bool = False,
) -> OutboxMessage:
    """Write the note that an account's sync ended.

    Args:
        account: Whose.
        result: Its outcome.
        tick_id: The tick; names the message together with the account.
        at: UTC.
        redis_status: ``success``, ``failed``, ``disabled``, or ``pending`` while unknown.
        passing: Whether the look brought nothing; see ``OutboxMessage``.

    Returns:
        The message.
    """
    body = {
        "type": "sync_completed",
        "account": account.pseudo_account,
        "timestamp": timestamp(at),
        "summary": {
            "status": result.status,
            "position_generation": {
                "regenerated": result.positions_regenerated,
                "positions_updated": result.positions if result.positions_regenerated else 0,
                "holdings_updated": result.holdings if result.positions_regenerated else 0,
            },
            "external_orders": result.new_external_orders,
            "redis_status": redis_status,
            "errors": len(result.errors),
        },
        "full_results": result_document(result)
        | {"organization_id": account.organization_id, "schema": _SCHEMA},
    }
    return OutboxMessage(
        message_id=str(uuid5(_MESSAGES, f"{tick_id}|{account.account_id}")),
        account_id=account.account_id,
        exchange=EXCHANGE,
        routing_key=f"account.{account.pseudo_account}.sync_completed",
        body=as_json(body),
        created_at=at,
        passing=passing,
    )


def session_expired(account: Account, sentence: str, tick_id: str, at: datetime) -> OutboxMessage:
    """Write the note that an account's session at its broker has ended.

    Args:
        account: Whose.
        sentence: What the broker said and what to do.
        tick_id: The tick that met it first; names the message together with the account.
        at: UTC.

    Returns:
        The message.
    """
    name = f"session|{tick_id}|{account.account_id}"
    return alert("session_expired", account, name, at, {"message": sentence})


def alert(
    kind: str, account: Account, name: str, at: datetime, details: Mapping[str, Any]
) -> OutboxMessage:
    """Write a note that people should see.

    Args:
        kind: Its type, and the last word of its routing key.
        account: Whose.
        name: What it tells of, for all time: the same again is the same message.
        at: UTC.
        details: JSON-ready values; ``message`` is the sentence for people.

    Returns:
        The message.
    """
    body = {
        "type": kind,
        "account": account.pseudo_account,
        "timestamp": timestamp(at),
        "organization_id": account.organization_id,
        "broker": account.broker,
    }
    return OutboxMessage(
        message_id=str(uuid5(_MESSAGES, name)),
        account_id=account.account_id,
        exchange=EXCHANGE,
        routing_key=f"account.{account.pseudo_account}.{kind}",
        body=as_json(body | dict(details)),
        created_at=at,
    )


def for_people(alerts: Iterable[OutboxMessage], addresses: int) -> list[OutboxMessage]:
    """Copy alerts for each of people's addresses, so that each is followed until it has all.

    Args:
        alerts: As they go to RabbitMQ.
        addresses: How many there are; they are known by their numbers, since an address is secret.

    Returns:
        The copies.
    """
    return [
        replace(
            message,
            message_id=str(uuid5(_MESSAGES, f"{message.message_id}|{PEOPLE}{number}")),
            exchange=f"{PEOPLE}{number}",
        )
        for message in alerts
        for number in range(addresses)
    ]


def timestamp(at: datetime) -> str:
    """Write a UTC moment to the second, such as ``2026-01-02T10:30:00Z``."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def result_document(result: AccountResult) -> dict[str, Any]:
    """Write an account's outcome.

    Args:
        result: The outcome.

    Returns:
        JSON-ready values; P&L as decimal text, seconds as text.
    """
    unrealised = result.unrealised_pnl
    return {
        "account": result.account,
        "status": result.status,
        "errors": list(result.errors),
        "changed": sorted(result.changed),
        "stale": sorted(result.failed),
        "orders": result.orders,
        "external_orders": result.external_orders,
        "new_external_orders": result.new_external_orders,
        "candidates": result.candidates,
        "fills": result.fills,
        "positions": result.positions,
        "holdings": result.holdings,
        "rejects": result.rejects,
        "breaks": result.breaks,
        "session_ended": result.session_ended or None,
        "realised_pnl": format_price(result.realised_pnl),
        "unrealised_pnl": None if unrealised is None else format_price(unrealised),
        "seconds": {name: f"{value:.3f}" for name, value in sorted(result.seconds.items())},
    }


def metrics_document(account: str, strategy_id: str, curve: Curve) -> dict[str, Any]:
    """Write how an account or a strategy did.

    Args:
        account: ``ORG/ACCOUNT``.
        strategy_id: Empty for the account's own books.
        curve: Its days.

    Returns:
        JSON-ready values; money and the win rate (per cent) as decimal text.
    """
    realised, unrealised = int(sum(curve.realised)), int(curve.unrealised[-1])
    return {
        "account": account,
        "strategy_id": strategy_id or None,
        "realised_pnl": format_price(realised),
        "unrealised_pnl": format_price(unrealised),
        "total_pnl": format_price(realised + unrealised),
        "win_rate": None if curve.win_rate is None else str(curve.win_rate),
        "wins": int(curve.wins.sum()),
        "losses": int(curve.losses.sum()),
        "exposure": format_price(int(curve.exposure[-1])),
        "drawdown": format_price(curve.drawdown),
        "positions": int(curve.positions[-1]),
        "holdings": int(curve.holdings[-1]),
        "unpriced": int(curve.unpriced[-1]),
    }


def as_json(document: Mapping[str, Any]) -> bytes:
    """Write a document as compact JSON."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
