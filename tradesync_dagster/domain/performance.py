"""How an account or a strategy did, day by day and in all.

Works on queues' days, which hold changes only: each figure stands until the next change. What
belongs here: profit over time, exposure, win rate, drawdown. What does not: making the days
(``bookkeeping``), charges and taxes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tradesync_dagster.domain.book_frames import Frame
from tradesync_dagster.domain.exact import SAFE, ExactArray, gross
from tradesync_dagster.domain.facts import DELIVERY

Int64Array = npt.NDArray[np.int64]
_HUNDREDTH: Final = Decimal("0.01")
_NO_PRICE: Final = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One book's figures at the end of each day, all of shape (days,), money in millionths.

    Attributes:
        day: Ordinals.
        realised: P&L closed on the day.
        unrealised: Of what is open, where a price is known; the rest counts at its cost.
        unpriced: How many open queues had no price.
        exposure: Gross value of what is open, at its price, or its cost without one.
        positions: Open queues that are no delivery shares.
        holdings: Open queues of delivery shares.
        wins: Closed lots that earned.
        losses: Closed lots that lost.
    """

    day: Int64Array
    realised: ExactArray
    unrealised: ExactArray
    unpriced: Int64Array
    exposure: ExactArray
    positions: Int64Array
    holdings: Int64Array
    wins: Int64Array
    losses: Int64Array

    @property
    def equity(self) -> ExactArray:
        """All profit since the books began, realised and not."""
        total: ExactArray = np.cumsum(self.realised.astype(object)) + self.unrealised
        return total

    @property
    def drawdown(self) -> int:
        """The deepest fall of the equity from an earlier peak, or from zero; never negative."""
        if self.day.size == 0:
            return 0
        equity = self.equity.astype(object)
        peak = np.maximum.accumulate(np.maximum(equity, 0))
        return int((peak - equity).max())

    @property
    def win_rate(self) -> Decimal | None:
        """Per cent of the closed lots with a profit or loss that earned; ``None`` without any."""
        wins, losses = int(self.wins.sum()), int(self.losses.sum())
        if not wins + losses:
            return None
        rate = Decimal(100 * wins) / Decimal(wins + losses)
        return rate.quantize(_HUNDREDTH, ROUND_HALF_EVEN)


def curves(
    days: Frame,
    prices: Frame,
    multipliers: Mapping[tuple[str, str], int],
    calendar: Iterable[int],
) -> dict[tuple[int, str], Curve]:
    """Follow every book over a calendar of days.

    Args:
        days: ``book_frames.DAY_COLUMNS``, from the books' beginning on, in any order.
        prices: ``exchange``, ``symbol``, ``trade_date`` (ordinal), ``price``.
        multipliers: By (exchange, symbol); 1 where missing.
        calendar: Ordinals, ascending; what happened on a day between counts on the next.

    Returns:
        By (account id, strategy id); the account's own books have the empty strategy.
    """
    wanted = np.fromiter(calendar, np.int64)
    days = days[days["trade_date"] <= (wanted[-1] if wanted.size else 0)]
    quotes = _quotes(prices, wanted)
    books: Any = days.groupby(["account_id", "strategy_id"], sort=True)
    return {
        (int(account), str(strategy)): _curve(book, quotes, multipliers, wanted)
        for (account, strategy), book in books
    }


def _quotes(prices: Frame, wanted: Int64Array) -> dict[tuple[str, str], Int64Array]:
    """Return each instrument's price at each day's end, ``_NO_PRICE`` before its first."""
    found: dict[tuple[str, str], Int64Array] = {}
    listed: Any = prices.sort_values("trade_date").groupby(["exchange", "symbol"])
    for key, rows in listed:
        at = np.searchsorted(rows["trade_date"].to_numpy(), wanted, side="right") - 1
        values = rows["price"].to_numpy(np.int64)
        found[key[0], key[1]] = np.where(at >= 0, values[at], _NO_PRICE)
    return found


def _curve(
    book: Frame,
    quotes: Mapping[tuple[str, str], Int64Array],
    multipliers: Mapping[tuple[str, str], int],
    wanted: Int64Array,
) -> Curve:
    keys = ["instrument", "product"]
    book = book.sort_values([*keys, "trade_date"], kind="stable").reset_index(drop=True)
    queue = book.groupby(keys, sort=True).ngroup().to_numpy()
    day = np.searchsorted(wanted, book["trade_date"].to_numpy(), side="left")
    newest = book.drop_duplicates(keys, keep="last")
    listed = list(newest[["exchange", "symbol"]].itertuples(index=False, name=None))
    times = np.array([multipliers.get(name, 1) for name in listed], object)
    shape = (len(listed), wanted.size)
    state = np.full(shape, -1, np.int64)
    state[queue, day] = np.arange(len(book))  # of several rows of one day the last one stands
    state = np.maximum.accumulate(state, axis=1)
    quantity = np.where(state >= 0, book["quantity"].to_numpy(np.int64)[state], 0)
    cost = np.where(state >= 0, _whole(book["cost"])[state], 0) * times[:, None]
    none = np.full(wanted.size, _NO_PRICE)
    price = np.stack([quotes.get(name, none) for name in listed])
    is_priced, is_open = price != _NO_PRICE, quantity != 0
    value = np.where(
        is_priced, quantity.astype(object) * price.astype(object) * times[:, None], cost
    )
    delivery = newest["product"].isin(DELIVERY).to_numpy()
    earned = _whole(book["realised_pnl"]).astype(object) * times[queue]
    return Curve(
        day=wanted,
        realised=_by_day(day, earned, wanted.size),
        unrealised=_narrowed((value - cost).sum(axis=0)),
        unpriced=(is_open & ~is_priced).sum(axis=0),
        exposure=_narrowed(np.abs(np.where(is_open, value, 0)).sum(axis=0)),
        positions=(is_open & ~delivery[:, None]).sum(axis=0),
        holdings=(is_open & delivery[:, None]).sum(axis=0),
        wins=_by_day(day, book["wins"].to_numpy(), wanted.size),
        losses=_by_day(day, book["losses"].to_numpy(), wanted.size),
    )


def _whole(column: Any) -> ExactArray:
    """Return sums of money as Python ints, or as int64 where that holds them."""
    return _narrowed(column.to_numpy(object))


def _narrowed(values: ExactArray) -> ExactArray:
    narrow = bool(values.size) and gross(values.astype(float)) < SAFE
    return values.astype(np.int64) if narrow else values


def _by_day(day: Int64Array, values: ExactArray, count: int) -> ExactArray:
    total = np.zeros(count, object)
    np.add.at(total, day, values)
    return _narrowed(total)


def combined(several: Sequence[Curve]) -> Curve:
    """Add books up, such as those of one strategy in several accounts.

    Args:
        several: One at least, over the same days.

    Returns:
        Their sums day by day.
    """
    first = several[0]
    sums = {
        one.name: sum(getattr(curve, one.name).astype(object) for curve in several)
        for one in fields(Curve)
        if one.name != "day"
    }
    return Curve(day=first.day, **sums)
