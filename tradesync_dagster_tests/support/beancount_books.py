"""Beancount's books of a stream of fills: double entry, FIFO booking, decimals of its own.

Beancount refuses to flip a position in one posting, so a flip closes in one and opens in another.
It merges lots that are alike, so each lot gets its row as label and a day of its own. What a close
earned is left out of its entry: beancount itself works out what the other postings lack.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from operator import attrgetter

from beancount.core import data
from beancount.core.amount import Amount
from beancount.core.inventory import Inventory
from beancount.core.number import MISSING
from beancount.core.position import CostSpec
from beancount.parser import booking
from beancount.parser.options import OPTIONS_DEFAULTS

Fill = tuple[int, int, int]
"""Group, signed quantity, price; beancount takes no price below zero."""

_OPTIONS = {**OPTIONS_DEFAULTS, "booking_method": data.Booking.FIFO}
_FIRST_DAY = dt.date(1950, 1, 1)
_ANY_LOT = CostSpec(MISSING, None, MISSING, None, None, merge=False)
_EARNED = data.Posting("Income:Realised", MISSING, None, None, None, None)


@dataclass
class BeancountBooks:
    """What beancount made of the fills; rows are places in the stream."""

    lots: dict[tuple[int, int], int] = field(default_factory=dict)
    """(Row that opened, row that closed) to units, in the order they closed."""
    left: dict[int, int] = field(default_factory=dict)
    """Row to signed units still open."""
    pnl: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    """Group to realised P&L, zero included."""


def beancount_books(fills: Sequence[Fill]) -> BeancountBooks:
    """Book the fills with beancount and read the books back from its entries."""
    return books_of(fills, book(list(transactions(fills))))


def book(entries: list[data.Transaction]) -> list[data.Transaction]:
    """Let beancount pair what closes with what is open, and work out what that earned."""
    booked, errors = booking.book(entries, _OPTIONS)
    if errors:
        raise AssertionError(errors[0].message)
    return booked


def books_of(fills: Sequence[Fill], entries: list[data.Transaction]) -> BeancountBooks:
    """Read the books from booked entries."""
    books, inventories = BeancountBooks(), defaultdict(Inventory)
    for entry in entries:
        row = entry.meta["lineno"]
        group = fills[row][0]
        books.pnl[group] -= sum(
            _whole(posting.units.number)
            for posting in entry.postings
            if posting.account == _EARNED.account
        )
        for posting in filter(attrgetter("cost"), entry.postings):
            inventories[group].add_position(posting)
            if entry.narration == "close":
                books.lots[int(posting.cost.label), row] = abs(_whole(posting.units.number))
    lots_left = (lot for inventory in inventories.values() for lot in inventory)
    books.left = {int(lot.cost.label): _whole(lot.units.number) for lot in lots_left}
    return books


def transactions(fills: Sequence[Fill]) -> Iterator[data.Transaction]:
    """Yield a transaction for what each fill closes and one for what it opens."""
    position: dict[int, int] = defaultdict(int)
    for row, (group, quantity, price) in enumerate(fills):
        held = position[group]
        position[group] += quantity
        closing = 0
        if (held > 0) != (quantity > 0):
            closing = min(abs(held), abs(quantity)) * (1 if quantity > 0 else -1)
        if closing:
            yield _transaction(row, "close", fills[row], closing, _ANY_LOT)
        if quantity != closing:
            lot = CostSpec(Decimal(price), None, "INR", None, str(row), merge=False)
            yield _transaction(row, "open", fills[row], quantity - closing, lot)


def _transaction(
    row: int, narration: str, fill: Fill, quantity: int, lot: CostSpec
) -> data.Transaction:
    group, _, price = fill
    held = data.Posting(f"Assets:G{group}", Amount(Decimal(quantity), "LOT"), lot, None, None, None)
    paid = Amount(Decimal(-quantity * price), "INR")
    cash = data.Posting("Assets:Cash", paid, None, None, None, None)
    return data.Transaction(
        {"filename": "fills", "lineno": row},
        _FIRST_DAY + dt.timedelta(days=row),
        "*",
        None,
        narration,
        frozenset(),
        frozenset(),
        [held, cash, *([_EARNED] if narration == "close" else [])],
    )


def _whole(number: Decimal) -> int:
    """Return a decimal as an int, refusing one that is not whole."""
    if number != int(number):
        raise AssertionError(f"beancount has a fraction of a unit: {number}")
    return int(number)
