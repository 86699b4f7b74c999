"""What an account held before its books begin, as far as no known fill explains it.

What belongs here: turning opening balances into assumed lots. What does not: asking the broker
(``sync``), keeping books (``bookkeeping``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

import pandas as pd

from tradesync_dagster.domain.book_days import STILL_OPEN
from tradesync_dagster.domain.book_frames import FILL_COLUMNS, Frame, Row, empty_lots
from tradesync_dagster.domain.bookkeeping import keep
from tradesync_dagster.domain.facts import Facts, OpeningBalance
from tradesync_dagster.domain.market_calendar import (
    microseconds,
    previous_settlement_day,
    start_of,
)
from tradesync_dagster.domain.money import divide_rounded

ASSUMED: Final = "opening"
"""How the fill ids of assumed lots begin."""
_BEGINNING: Final = 1
Key = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class Excess:
    """Units that the known fills leave open and the broker does not have: a sale is missing."""

    account_id: int
    instrument: str
    product: str
    units: int


def opening_fills(facts: Facts, fills: Frame) -> tuple[Frame, list[Excess]]:
    """Make assumed fills for what was held at the beginning and no known fill explains.

    They come before everything else known of their queue, so that earlier sales find what they
    sold; unless a corporate action lies between, whose effect on them would be a guess: then they
    stand after it, at the balance. An action on the day of the balance itself comes after it.

    Args:
        facts: With the opening balances.
        fills: All known fills of these accounts, with ``strategy_id``.

    Returns:
        Rows like ``fills``, and what cannot be: queues where fills leave more than the broker had.
    """
    rows: list[Row] = []
    excess: list[Excess] = []
    for day, balances in _by_day(facts.openings).items():
        earlier = fills[(fills["trade_date"] < day.toordinal()) & (fills["strategy_id"] == "")]
        known, first = _left_open(earlier, _known_at(facts, day))
        for key, balance in _by_queue(balances, facts).items():
            units = balance.quantity - known.get(key, 0)
            if units * balance.quantity < 0 or (units and not balance.quantity):
                excess.append(Excess(*key, -units))
            elif units:
                rows += _assumed(key, balance, units, first.get(key), facts)
    columns = [*FILL_COLUMNS, "strategy_id"]
    made = pd.DataFrame(rows, columns=columns).astype(fills[columns].dtypes.to_dict())
    return made, excess


def _known_at(facts: Facts, day: date) -> Facts:
    """Leave out what changes lots on a day or later; such actions still name their shares."""
    return replace(
        facts,
        actions=tuple(
            action if action.ex_date < day else replace(action, shares_after=1, shares_before=1)
            for action in facts.actions
        ),
        conversions=tuple(move for move in facts.conversions if move.trade_date < day),
        settlements=tuple(end for end in facts.settlements if end.expiry < day),
    )


def _by_day(openings: Iterable[OpeningBalance]) -> dict[date, list[OpeningBalance]]:
    found: dict[date, list[OpeningBalance]] = {}
    for balance in openings:
        found.setdefault(balance.trade_date, []).append(balance)
    return found


def _by_queue(balances: Iterable[OpeningBalance], facts: Facts) -> dict[Key, OpeningBalance]:
    """Add up balances of one queue; shares may be listed on two exchanges."""
    found: dict[Key, OpeningBalance] = {}
    for one in balances:
        name = facts.instrument(one.exchange, one.symbol, one.product, one.isin)
        key = (one.account_id, name, one.product)
        other = found.get(key)
        found[key] = one if other is None else _added(one, other)
    return found


def _added(one: OpeningBalance, other: OpeningBalance) -> OpeningBalance:
    total = one.quantity + other.quantity
    value = one.quantity * one.average_price + other.quantity * other.average_price
    return replace(
        one,
        quantity=total,
        t1_quantity=one.t1_quantity + other.t1_quantity,
        average_price=divide_rounded(value, total) if total > 0 else one.average_price,
    )


def _left_open(fills: Frame, facts: Facts) -> tuple[dict[Key, int], Mapping[Key, int]]:
    """Return the units that fills leave open, and the day of each queue's first fill."""
    if fills.empty:
        return {}, {}
    books = keep(empty_lots(), fills, facts, _BEGINNING)
    lots = books.lots[books.lots["held_to"] == STILL_OPEN]
    names = ["account_id", "instrument", "product"]
    left: dict[Any, int] = lots.groupby(names)["quantity"].sum().to_dict()
    first: dict[Any, int] = books.days.groupby(names)["trade_date"].min().to_dict()
    return left, first


def _assumed(
    key: Key, balance: OpeningBalance, units: int, first: int | None, facts: Facts
) -> list[Row]:
    eve = previous_settlement_day(balance.trade_date)
    settled = previous_settlement_day(eve)
    earliest = settled if first is None else min(date.fromordinal(first - 1), settled)
    acted = [
        action.ex_date
        for action in facts.actions
        if facts.newest(action.isin) == key[1] and earliest < action.ex_date < balance.trade_date
    ]
    settled = max(settled, *acted) if acted else earliest
    arriving = min(units, balance.t1_quantity) if first is None and units > 0 else 0
    parts = ((ASSUMED, settled, units - arriving), (f"{ASSUMED}-t1", eve, arriving))
    return [
        {
            "account_id": key[0],
            "trade_date": day.toordinal(),
            "fill_id": f"{name}:{balance.exchange}:{balance.symbol}",
            "broker_order_id": "",
            "exchange": balance.exchange,
            "symbol": balance.symbol,
            "isin": balance.isin,
            "product": key[2],
            "quantity": quantity,
            "price": balance.average_price,
            "filled_at": microseconds(start_of(day)),
            "strategy_id": "",
        }
        for name, day, quantity in parts
        if quantity
    ]
