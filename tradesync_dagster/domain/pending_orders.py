"""Rows of a ``pending_orders.json``, the file in which older systems kept their orders.

What belongs here: reading a row into an order of the ledger, writing one back, telling the two
apart. What does not: files (``bootstrap.pending``), the ledger (``store``).
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import orjson

from tradesync_dagster.domain.errors import TradesyncError, ValueRefusedError
from tradesync_dagster.domain.market_calendar import IST
from tradesync_dagster.domain.money import format_price, parse_price
from tradesync_dagster.domain.order_requests import OrderText, read_order
from tradesync_dagster.domain.order_states import FAILURES
from tradesync_dagster.domain.orders import (
    AMO,
    Intent,
    Order,
    OrderEvent,
    OrderStatus,
    order_id_of,
)
from tradesync_dagster.domain.placements import client_order_id_of, intend

Row = dict[str, Any]
IMPORTED: Final = "imported"
"""Kind of the event that keeps the row as it was."""
PENDING: Final = tuple(status for status in OrderStatus if not status.is_terminal)
"""What stands in the file."""
_ENDED = frozenset({"executed", "complete", "cancelled", "expired", "closed"})
_LONGEST = 20_000
_MOST_RETRIES = 2**31  # the books' column holds fewer


@dataclass(frozen=True, slots=True)
class Imported:
    """A row as the ledger takes it."""

    order: Order
    intent: Intent
    event: OrderEvent


class EndedError(ValueRefusedError):
    """The row is of an order that has ended; the ledger needs its trades, not the row."""


def loads(text: str | bytes) -> list[Row]:
    """Read a file's text: a list of rows, or an object that has it as ``orders``.

    Raises:
        ValueRefusedError: It is neither.
    """
    try:
        found = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise ValueRefusedError(f"it is no JSON: {error}") from None
    rows = found.get("orders") if isinstance(found, dict) else found
    if not isinstance(rows, list):
        raise ValueRefusedError('it is neither a list of orders nor {"orders": [...]}')
    return rows


def dumps(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Write a file's text; numbers stay the decimals that they were."""
    return orjson.dumps({"orders": list(rows)}, default=_number, option=orjson.OPT_INDENT_2)


def _number(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value).encode())
    raise TypeError(type(value).__name__)


def read_row(row: object, account_id: int, prefix: str, now: datetime) -> Imported:
    """Read one row; the same row gives the same order.

    Args:
        row: As ``loads`` gives it.
        account_id: Whose.
        prefix: How the tags of our orders begin.
        now: UTC.

    Raises:
        ValueRefusedError: It cannot be an order; it says why.
        EndedError: It is of an order that has ended.
    """
    if not isinstance(row, dict):
        raise ValueRefusedError("it is no object")
    text = _kept(row)
    placed = _moment(row, now, "placed_at", "created_at", "timestamp")
    if placed is None:
        raise ValueRefusedError("placed_at is missing; write it as ISO 8601")
    broker_id = _text(row, "broker_order_id", "order_id")
    amo = _text(row, "variety").lower() == AMO
    status = _status(row, amo=amo)
    tag = _text(row, "client_order_id", "tag") or client_order_id_of(
        prefix, account_id, f"pending|{placed.isoformat()}|{broker_id or text}"
    )
    try:
        wanted = read_order(_words(row, amo=amo))
    except TradesyncError as error:
        raise ValueRefusedError(str(error)) from None
    made = intend(account_id, replace(wanted, tag=tag), placed, strategy_id="", who="import",
                  value=0)  # fmt: skip
    order = _order(made.order, row, status, broker_id, now)
    state = "acknowledged" if broker_id else "refused"
    intent = replace(
        made.intent, state=state, broker_order_id=broker_id, reason=order.failure_reason,
        order_id=order.order_id,
    )  # fmt: skip
    return Imported(order, intent, OrderEvent(order.order_id, IMPORTED, placed, {"row": text}))


def _kept(row: Row) -> str:
    """Write a row down as its event keeps it."""
    try:
        text = orjson.dumps(row, default=_number, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError as error:  # numbers past 64 bits, halves of characters, nested too deeply
        raise ValueRefusedError(f"it cannot be kept: {error}") from None
    if r"\u0000" in text:
        raise ValueRefusedError("it cannot be kept: it has a NUL")
    if len(text) > _LONGEST:
        raise ValueRefusedError(f"it is longer than {_LONGEST} characters")
    return text


def _order(made: Order, row: Row, status: OrderStatus, broker_id: str, now: datetime) -> Order:
    if bool(broker_id) is (status in FAILURES):
        has = "no" if broker_id else "an"
        raise ValueRefusedError(f"an order that is {status.value} has {has} order_id of its broker")
    if broker_id:
        return replace(
            made,
            order_id=order_id_of(made.account_id, made.broker.trade_date, broker_id),
            status=status,
            broker=replace(made.broker, broker_order_id=broker_id),
        )
    tried = row.get("retry_count", 0)
    if type(tried) is not int or not 0 <= tried < _MOST_RETRIES:
        raise ValueRefusedError(f"retry_count is no whole number from 0 to {_MOST_RETRIES - 1}")
    reason = _text(row, "failure_reason", "rejection_reason", "reason")
    shortfall = row.get("shortfall")
    return replace(
        made,
        status=status,
        failure_reason=reason or "no reason was kept",
        first_failed_at=_moment(row, now, "first_failed_at") or made.broker.placed_at,
        last_retry_attempt=_moment(row, now, "last_retry_attempt"),
        retry_count=tried,
        shortfall=None if shortfall is None else parse_price(shortfall, "shortfall"),
    )


def _words(row: Row, *, amo: bool) -> OrderText:
    symbol, exchange = _text(row, "symbol"), _text(row, "exchange") or "NSE"
    quantity, price = _number_of(row, "quantity", "qty"), _number_of(row, "price")
    limit = "" if price and parse_price(price) == 0 else price
    trigger = _number_of(row, "trigger_price")
    return OrderText(
        side=_text(row, "side", "transaction_type"),
        quantity=quantity or "0",
        instrument=symbol if ":" in symbol else f"{exchange}:{symbol}",
        product=_text(row, "product") or "CNC",
        price=limit,
        trigger_price="" if trigger and parse_price(trigger) == 0 else trigger,
        validity=_text(row, "validity") or "DAY",
        amo=amo,
    )


def _status(row: Row, *, amo: bool) -> OrderStatus:
    word = _text(row, "status").lower()
    if word in _ENDED:
        raise EndedError(f"it has ended ({word}); import its trades instead")
    if word == "pending":
        return OrderStatus.AMO if amo else OrderStatus.PENDING_EXECUTION
    if word == "rejected":
        return OrderStatus.FAILED
    if word not in {one.value for one in PENDING}:
        names = ", ".join(["pending", *(one.value for one in PENDING)])
        raise ValueRefusedError(f"its status is {word[:40]!r}; known are {names}")
    return OrderStatus(word)


def _text(row: Row, *names: str) -> str:
    found = next((row[name] for name in names if row.get(name) not in (None, "")), "")
    return str(found).strip()


def _number_of(row: Row, *names: str) -> str:
    found = next((row[name] for name in names if row.get(name) is not None), "")
    if isinstance(found, bool) or not isinstance(found, str | int | Decimal):
        raise ValueRefusedError(f"{names[0]} is no number")
    return str(found)


def _moment(row: Row, now: datetime, *names: str) -> datetime | None:
    text = _text(row, *names)
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        found = found if found.tzinfo else found.replace(tzinfo=IST)
        found.astimezone(UTC)  # as the books keep it: the year 1 may lie before any year there
    except (ValueError, OverflowError):
        raise ValueRefusedError(f"{names[0]} is {text[:40]!r}; write it as ISO 8601") from None
    if found > now:
        raise ValueRefusedError(f"{names[0]} is still to come: {text[:40]!r}")
    return found


def write_row(account: str, order: Order, kept: str) -> Row:
    """Write an order as a row, on top of the row that it came from.

    Args:
        account: ``ORG/ACCOUNT``.
        order: As the ledger has it.
        kept: The text of its row; empty where it never was one.
    """
    row: Row = json.loads(kept, parse_float=Decimal) if kept else {}
    broker = order.broker
    written: Row = {
        "account": account,
        "symbol": broker.symbol,
        "exchange": broker.exchange,
        "side": broker.side.value,
        "quantity": broker.quantity,
        "price": Decimal(format_price(broker.price)),
        "trigger_price": Decimal(format_price(broker.trigger_price)),
        "product": broker.product,
        "validity": broker.validity,
        "variety": broker.variety,
        "status": order.status.value,
        "placed_at": broker.placed_at.isoformat(),
        "client_order_id": order.client_order_id,
    }
    if broker.broker_order_id:
        written["order_id"] = broker.broker_order_id
    if order.status in FAILURES:
        written |= {
            "failure_reason": order.failure_reason,
            "first_failed_at": order.first_failed_at and order.first_failed_at.isoformat(),
            "retry_count": order.retry_count,
            "shortfall": None
            if order.shortfall is None
            else Decimal(format_price(order.shortfall)),
        }
    return {**row, **written} if kept else written


def key_of(order: Order) -> tuple[object, ...]:
    """Name what an order is, in the file and in the ledger alike."""
    row = order.broker
    if row.broker_order_id:
        return order.account_id, row.trade_date, row.broker_order_id
    return order.account_id, order.client_order_id


def differences(file: Iterable[Order], ledger: Iterable[Order]) -> list[str]:
    """Tell where a file and the ledger differ.

    Args:
        file: Orders as the file has them.
        ledger: Those that are pending in the ledger.

    Returns:
        Sentences; none where they agree.
    """
    theirs, ours = ({key_of(one): one for one in orders} for orders in (file, ledger))
    found = [f"{_name(one)} is in the file only" for key, one in theirs.items() if key not in ours]
    found += [
        f"{_name(one)} is in the database only" for key, one in ours.items() if key not in theirs
    ]
    for key in theirs.keys() & ours.keys():
        for name, one, other in _terms(theirs[key], ours[key]):
            if one != other:
                found.append(
                    f"{_name(ours[key])}: {name} is {one} in the file and {other} in the database"
                )
    return sorted(found)


def _terms(one: Order, other: Order) -> Iterator[tuple[str, object, object]]:
    yield "status", one.status.value, other.status.value
    yield "quantity", one.broker.quantity, other.broker.quantity
    yield "price", format_price(one.broker.price), format_price(other.broker.price)
    yield "retry_count", one.retry_count, other.retry_count


def _name(order: Order) -> str:
    row = order.broker
    name = row.broker_order_id or order.client_order_id
    return f"order {name} ({row.side} {row.quantity} {row.exchange}:{row.symbol})"
