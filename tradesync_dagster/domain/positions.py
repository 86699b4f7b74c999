"""Positions and holdings from fills: netting, ageing and valuation.

Every account's fills are matched in one call of the kernel. A delivery (CNC) buy is a position on
its day, a T1 holding on the next trading day, and settled after that; selling a holding shows as a
negative position and a reduced holding, so the two are never added. What belongs here: turning
matches into rows. What does not: the matching (``fifo``), prices' whereabouts (``sync``).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np

from tradesync_dagster.domain import fifo
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.money import divide_rounded

DELIVERY = "CNC"
Key = tuple[int, str, str, str]
"""Account id, exchange, symbol, product: one FIFO queue."""
Prices = Mapping[tuple[str, str], tuple[int, int | None]]
"""(multiplier, last price in millionths or None) by (exchange, symbol)."""


@dataclass(slots=True)
class Rebuilt:
    """Rows of lots, positions and holdings, and the P&L of each account.

    Attributes:
        realised: In millionths, by account id.
        unrealised: In millionths, by account id; ``None`` where a price is missing.
    """

    lots: list[dict[str, Any]] = field(default_factory=list)
    positions: list[dict[str, Any]] = field(default_factory=list)
    holdings: list[dict[str, Any]] = field(default_factory=list)
    realised: dict[int, int] = field(default_factory=dict)
    unrealised: dict[int, int | None] = field(default_factory=dict)


@dataclass(slots=True)
class _Book:
    """One queue: its open lots, and its trading today."""

    realised: int = 0
    lots: list[tuple[Fill, int]] = field(default_factory=list)
    bought: int = 0
    sold: int = 0


def rebuild(
    fills: Sequence[tuple[int, Fill]], prices: Prices, today: date, previous_day: date
) -> Rebuilt:
    """Match fills and value what is open.

    Args:
        fills: (account id, fill), in FIFO order within each account: time, then trade id.
        prices: Multipliers and last prices; an unlisted instrument has multiplier 1 and no price.
        today: The exchange's day.
        previous_day: The trading day before it.

    Returns:
        The rows, sorted by key; the same for the same input.
    """
    rebuilt = Rebuilt()
    books = _match(fills, today)
    for key in sorted(books):
        account_id, exchange, symbol, product = key
        multiplier, price = prices.get((exchange, symbol), (1, None))
        book = books[key]
        names = {"account_id": account_id, "exchange": exchange, "symbol": symbol}
        realised = book.realised * multiplier
        rebuilt.realised[account_id] = rebuilt.realised.get(account_id, 0) + realised
        value = _unrealised(book.lots, multiplier, price)
        known = rebuilt.unrealised.get(account_id, 0)
        rebuilt.unrealised[account_id] = None if known is None or value is None else known + value
        rebuilt.lots += [
            {
                **names,
                "product": product,
                "trade_date": fill.trade_date,
                "fill_id": fill.fill_id,
                "opened_at": fill.filled_at,
                "quantity": quantity,
                "price": fill.price,
            }
            for fill, quantity in book.lots
        ]
        held: list[tuple[Fill, int]] = []
        live: list[tuple[Fill, int]] = []
        for lot in book.lots:
            settles = product == DELIVERY and lot[1] > 0 and lot[0].trade_date < today
            (held if settles else live).append(lot)
        if held:
            rebuilt.holdings.append(names | _holding(held, multiplier, price, previous_day))
        if live or book.bought or book.sold:
            row = _position(book, live, multiplier, price, delivery=product == DELIVERY)
            rebuilt.positions.append(
                names | row | {"product": product, "realised_pnl": str(realised)}
            )
    return rebuilt


def _match(fills: Sequence[tuple[int, Fill]], today: date) -> dict[Key, _Book]:
    numbers: dict[Key, int] = {}
    books: dict[Key, _Book] = defaultdict(_Book)
    keys = []
    for account_id, fill in fills:
        key = (account_id, fill.exchange, fill.symbol, fill.product)
        keys.append(numbers.setdefault(key, len(numbers)))
        book = books[key]
        if fill.trade_date == today:
            book.bought += fill.quantity if fill.side.sign > 0 else 0
            book.sold += fill.quantity if fill.side.sign < 0 else 0
    count = len(fills)
    matches = fifo.match(
        np.array(keys, dtype=np.int64),
        np.fromiter((f.quantity * f.side.sign for _, f in fills), dtype=np.int64, count=count),
        np.fromiter((f.price for _, f in fills), dtype=np.int64, count=count),
    )
    by_number = {number: books[key] for key, number in numbers.items()}
    for number, realised in matches.realised_pnl.items():
        by_number[number].realised = realised
    for row, quantity in zip(
        matches.open_row.tolist(), matches.open_quantity.tolist(), strict=True
    ):
        by_number[keys[row]].lots.append((fills[row][1], quantity))
    return dict(books)


def _unrealised(lots: Sequence[tuple[Fill, int]], multiplier: int, price: int | None) -> int | None:
    if not lots:
        return 0
    if price is None:
        return None
    return multiplier * sum(quantity * (price - fill.price) for fill, quantity in lots)


def _average(lots: Sequence[tuple[Fill, int]]) -> int:
    quantity = sum(quantity for _, quantity in lots)
    value = sum(quantity * fill.price for fill, quantity in lots)
    sign = 1 if quantity > 0 else -1
    return divide_rounded(sign * value, sign * quantity) if quantity else 0


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)


def _position(
    book: _Book,
    live: Sequence[tuple[Fill, int]],
    multiplier: int,
    price: int | None,
    *,
    delivery: bool,
) -> dict[str, Any]:
    net = sum(quantity for _, quantity in live)
    return {
        "quantity": book.bought - book.sold if delivery and net >= 0 else net,
        "average_price": _average(live),
        "buy_quantity": book.bought,
        "sell_quantity": book.sold,
        "multiplier": multiplier,
        "unrealised_pnl": _text(_unrealised(live, multiplier, price)),
        "last_price": price,
    }


def _holding(
    held: Sequence[tuple[Fill, int]], multiplier: int, price: int | None, previous_day: date
) -> dict[str, Any]:
    arriving = sum(quantity for fill, quantity in held if fill.trade_date >= previous_day)
    return {
        "quantity": sum(quantity for _, quantity in held) - arriving,
        "t1_quantity": arriving,
        "average_price": _average(held),
        "unrealised_pnl": _text(_unrealised(held, multiplier, price)),
        "last_price": price,
    }
