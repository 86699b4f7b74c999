"""Positions and holdings of one day, as people read them, from that day's lots and trading.

A delivery buy is a position on its day, a T1 holding on the next trading day, and settled after
that; selling a holding shows as a negative position and a reduced holding, so the two are never
added. Delivery positions stand by exchange as brokers show them, holdings by security. What
belongs here: rows and their values. What does not: which lots are open (``bookkeeping``), where
prices come from (``sync``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from tradesync_dagster.domain.book_frames import Frame, Row, rows_of
from tradesync_dagster.domain.facts import DELIVERY
from tradesync_dagster.domain.money import divide_rounded
from tradesync_dagster.domain.openings import ASSUMED

Key = tuple[int, str, str, str]
"""Account id, exchange, symbol, product."""
Prices = Mapping[tuple[str, str], tuple[int, int | None]]
"""(multiplier, last price in millionths or None) by (exchange, symbol)."""


class Behind(StrEnum):
    """What an open lot stands behind at a day's end."""

    HOLDING = "holding"
    POSITION = "position"
    MISSING = "missing"
    """Nothing: delivery sold that nobody is known to have bought."""


@dataclass(slots=True)
class Shown:
    """Rows by key, the same for the same input.

    Attributes:
        missing: Delivery sold beyond what was held, by (account id, instrument, product): a buy or
            an opening balance is missing.
    """

    positions: list[Row] = field(default_factory=list)
    holdings: list[Row] = field(default_factory=list)
    missing: dict[tuple[int, str, str], int] = field(default_factory=dict)


@dataclass(slots=True)
class _Position:
    """What one position is made of: its open lots, the day's trading, and what that earned."""

    lots: list[Row] = field(default_factory=list)
    bought: int = 0
    sold: int = 0
    bought_value: int = 0
    sold_value: int = 0
    realised: int = 0


def show(
    lots: Frame, traded: Frame, closed: Frame, prices: Prices, today: date, previous_day: date
) -> Shown:
    """Make the rows of a day.

    Args:
        lots: ``LOT_COLUMNS``, open at the end of the day (or now), of the accounts' own books.
        traded: ``FILL_COLUMNS``, the day's.
        closed: ``DAY_COLUMNS``, the day's, of the accounts' own books.
        prices: Multipliers and the day's last prices; an unlisted instrument has multiplier 1 and
            no price.
        today: The day.
        previous_day: The ordinary trading day before it: what was bought since is not settled.

    Returns:
        The rows.
    """
    shown = Shown()
    positions: dict[Key, _Position] = {}
    held: dict[tuple[int, str, str], list[Row]] = {}
    for lot in rows_of(lots):
        queue = (lot["account_id"], lot["instrument"], lot["product"])
        whose = behind(lot, today)
        if whose is Behind.MISSING:
            shown.missing[queue] = shown.missing.get(queue, 0) - lot["quantity"]
        elif whose is Behind.HOLDING:
            held.setdefault(queue, []).append(lot)
        else:
            _of(positions, lot).lots.append(lot)
    _add_trading(positions, traded, closed)
    for key in sorted(positions):
        shown.positions.append(_position_row(key, positions[key], prices))
    rows = (_holding_row(key, held[key], prices, previous_day) for key in held)
    shown.holdings += sorted(rows, key=_key)
    return shown


def behind(lot: Row, day: date) -> Behind:
    """Tell what an open lot stands behind.

    Args:
        lot: A row of ``LOT_COLUMNS``, open at the day's end.
        day: The day.

    Returns:
        A delivery lot of an earlier day is a holding's, any other lot a position's.
    """
    if lot["product"] not in DELIVERY:
        return Behind.POSITION
    if lot["quantity"] < 0:
        return Behind.MISSING
    return Behind.HOLDING if lot["trade_date"] < day.toordinal() else Behind.POSITION


def _key(row: Row) -> Key:
    return (row["account_id"], row["exchange"], row["symbol"], row["product"])


def _of(positions: dict[Key, _Position], row: Row) -> _Position:
    return positions.setdefault(_key(row), _Position())


def _add_trading(positions: dict[Key, _Position], traded: Frame, closed: Frame) -> None:
    for fill in rows_of(traded):
        position, quantity = _of(positions, fill), fill["quantity"]
        if quantity > 0:
            position.bought += quantity
            position.bought_value += quantity * fill["price"]
        else:
            position.sold -= quantity
            position.sold_value -= quantity * fill["price"]
    for day in rows_of(closed):
        if day["realised_pnl"]:
            _of(positions, day).realised += int(day["realised_pnl"])


def _position_row(key: Key, position: _Position, prices: Prices) -> Row:
    account_id, exchange, symbol, product = key
    multiplier, price = prices.get((exchange, symbol), (1, None))
    net = sum(lot["quantity"] for lot in position.lots)
    average = average_price(position.lots)
    if product in DELIVERY:
        net = position.bought - position.sold
        if net < 0:
            average = divide_rounded(position.sold_value, position.sold)
        elif net and not position.lots:  # all of it netted with sales on another exchange
            average = divide_rounded(position.bought_value, position.bought)
    return {
        "account_id": account_id,
        "exchange": exchange,
        "symbol": symbol,
        "product": product,
        "quantity": net,
        "average_price": average,
        "buy_quantity": position.bought,
        "sell_quantity": position.sold,
        "multiplier": multiplier,
        "realised_pnl": str(position.realised * multiplier),
        "unrealised_pnl": _unrealised(position.lots, multiplier, price),
        "last_price": price,
        "assumed_quantity": _assumed(position.lots),
    }


def _holding_row(
    key: tuple[int, str, str], lots: Sequence[Row], prices: Prices, previous_day: date
) -> Row:
    account_id, instrument, product = key
    arriving = sum(lot["quantity"] for lot in lots if lot["trade_date"] >= previous_day.toordinal())
    listed = max(lots, key=lambda lot: (lot["exchange"] == "NSE", lot["opened_at"]))
    exchange, symbol = listed["exchange"], listed["symbol"]
    multiplier, price = prices.get((exchange, symbol), (1, None))
    return {
        "account_id": account_id,
        "exchange": exchange,
        "symbol": symbol,
        "product": product,
        "isin": "" if ":" in instrument else instrument,
        "quantity": sum(lot["quantity"] for lot in lots) - arriving,
        "t1_quantity": arriving,
        "average_price": average_price(lots),
        "unrealised_pnl": _unrealised(lots, multiplier, price),
        "last_price": price,
        "assumed_quantity": _assumed(lots),
    }


def _unrealised(lots: Sequence[Row], multiplier: int, price: int | None) -> str | None:
    if not lots:
        return "0"
    if price is None:
        return None
    return str(multiplier * sum(lot["quantity"] * (price - lot["price"]) for lot in lots))


def average_price(lots: Sequence[Row]) -> int:
    """Return what open lots cost a unit, or for a short brought in, in millionths, rounded."""
    quantity = sum(lot["quantity"] for lot in lots)
    value = sum(lot["quantity"] * lot["price"] for lot in lots)
    sign = 1 if quantity > 0 else -1
    return divide_rounded(sign * value, sign * quantity) if quantity else 0


def _assumed(lots: Iterable[Row]) -> int:
    return sum(lot["quantity"] for lot in lots if lot["fill_id"].startswith(ASSUMED))
