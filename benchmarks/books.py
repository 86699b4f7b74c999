"""What keeping books costs: new fills on long histories, and all days of five years at once.

A sync's bookkeeping reads the day's fills and the open lots of what they trade, so that its cost
should not grow with the history. Seconds are of this machine: read them against one another.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta

import numpy as np
import pandas as pd

from benchmarks.long_histories import (
    ACCOUNTS,
    DAYS,
    FIRST_ID,
    INSTRUMENTS,
    START,
    drawn,
    opening_of,
    own_store,
    pour,
)
from tradesync_dagster.domain.book_days import Entries, close_days
from tradesync_dagster.domain.book_frames import empty_lots
from tradesync_dagster.domain.bookkeeping import keep
from tradesync_dagster.domain.facts import Facts
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.orders import Side
from tradesync_dagster.domain.performance import curves
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster.sync.history import catch_up
from tradesync_dagster.sync.rebuilding import GenerationRules, rebuild_books

_IDS = list(range(1, ACCOUNTS + 1))
_BATCH = 5_000


def _fills(history: pd.DataFrame, first: int) -> Iterator[tuple[int, Fill]]:
    for number, row in enumerate(history.itertuples(index=False), FIRST_ID + first):
        day = int(row.day)
        yield (
            int(row.account_id),
            Fill(
                trade_id=str(number),
                broker_order_id=f"B{number}",
                trade_date=START + timedelta(days=day),
                exchange="NSE",
                symbol=f"SYM{row.symbol}",
                product="CNC",
                side=Side.BUY if row.quantity > 0 else Side.SELL,
                quantity=abs(int(row.quantity)),
                price=int(row.price),
                filled_at=opening_of(day) + timedelta(seconds=int(row.second)),
            ),
        )


def new_fills_on(history: int, new: int = 1_000, server: str = "") -> float:
    """Time taking in a day's new fills on top of a history: fills, books, positions, holdings.

    Args:
        history: How many fills are there already, with their books.
        new: How many come.
        server: URL of a PostgreSQL server's database; SQLite without.

    Returns:
        Seconds for the new ones, the best of three days.
    """
    with own_store(server) as store:
        pour(store.engine, drawn(history))
        for account_id in _IDS:  # one by one: an account's whole history is held in memory
            with store.begin([account_id]) as work:
                work.mark_stale({account_id: START})
                catch_up(work, [account_id], opening_of(DAYS))
        spent = []
        for later in range(3):
            fills = drawn(new, seed=2).assign(day=DAYS + later)
            began = time.perf_counter()
            _sync(store, list(_fills(fills, history + later * new)), later)
            spent.append(time.perf_counter() - began)
    return min(spent)


def _sync(store: SqlStore, fills: Sequence[tuple[int, Fill]], later: int) -> None:
    now = opening_of(DAYS + later) + timedelta(hours=7)
    with store.begin(_IDS) as work:
        work.add_fills(fills, "broker")
        rebuild_books(work, _IDS, (), GenerationRules(), now)


def taking_in(history: int) -> float:
    """Time taking in a history of fills by the usual path, with its books, in SQLite."""
    fills = drawn(history)
    with own_store() as store:
        began = time.perf_counter()
        with store.begin(_IDS) as work:
            batch: list[tuple[int, Fill]] = []
            for found in _fills(fills, 0):
                batch.append(found)
                if len(batch) == _BATCH:
                    work.add_fills(batch, "broker")
                    batch = []
            work.add_fills(batch, "broker")
            catch_up(work, _IDS, opening_of(DAYS))
        return time.perf_counter() - began


def every_day_of_five_years(count: int = 1_000_000) -> tuple[float, float, float, int]:
    """Time the books of every day: the arrays alone, with names and lots, and as a P&L curve.

    Args:
        count: How many fills.

    Returns:
        Seconds of the array pass, of the whole, of the curve; and how many days of queues.
    """
    fills = drawn(count)
    queue = (fills["account_id"] * INSTRUMENTS + fills["symbol"]).to_numpy()
    order = np.lexsort((fills["second"], fills["day"], queue))
    numbers = np.unique(queue, return_inverse=True)[1].astype(np.int64)
    entries = Entries(
        numbers[order],
        fills["day"].to_numpy()[order],
        fills["quantity"].to_numpy()[order],
        fills["price"].to_numpy()[order],
    )
    nets = np.ones(int(numbers.max()) + 1, np.bool_)
    close_days(entries, nets)  # once unmeasured: the first call maps memory
    began = time.perf_counter()
    close_days(entries, nets)
    arrays = time.perf_counter() - began
    frame = _frame(fills)
    began = time.perf_counter()
    books = keep(empty_lots(), frame, Facts(), 1)
    whole = time.perf_counter() - began
    none = pd.DataFrame({"exchange": [], "symbol": [], "trade_date": [], "price": []})
    first = START.toordinal()
    began = time.perf_counter()
    curves(books.days, none, {}, range(first, first + DAYS))
    return arrays, whole, time.perf_counter() - began, len(books.days)


def _frame(fills: pd.DataFrame) -> pd.DataFrame:
    numbers = np.arange(len(fills))
    return pd.DataFrame(
        {
            "account_id": fills["account_id"],
            "strategy_id": "",
            "trade_date": fills["day"] + START.toordinal(),
            "fill_id": [f"NSE:{10_000_000 + n}:" for n in numbers.tolist()],
            "broker_order_id": "",
            "exchange": "NSE",
            "symbol": [f"SYM{n}" for n in fills["symbol"].tolist()],
            "isin": "",
            "product": "CNC",
            "quantity": fills["quantity"],
            "price": fills["price"],
            "filled_at": (fills["day"] * 86_400 + fills["second"]) * 1_000_000,
        }
    )


def run(small: int = 20_000, large: int = 200_000) -> list[tuple[str, str]]:
    """Compare a short and a long history.

    Args:
        small: Fills of the short one.
        large: Fills of the long one.

    Returns:
        (what, figure) rows.
    """
    few, many = taking_in(small), taking_in(large)
    arrays, whole, curve, days = every_day_of_five_years()
    return [
        compare([small, large]),
        (
            f"taking in {small:,} and {large:,} fills of history with their books",
            f"{few:.1f} s and {many:.1f} s ({many / few:.1f}x)",
        ),
        (
            "every day of five years, 1,000,000 fills of 1,000 queues",
            f"{arrays:.2f} s of arrays, {whole:.2f} s with names and lots, {curve:.2f} s more for "
            f"the P&L curves; {days:,} days of queues",
        ),
    ]


def compare(histories: Sequence[int], server: str = "") -> tuple[str, str]:
    """Hold new fills on several histories against those on the first.

    Args:
        histories: How many fills each has.
        server: URL of a PostgreSQL server's database; SQLite without.

    Returns:
        What, figure.
    """
    spent = [new_fills_on(history, server=server) for history in histories]
    shown = ", ".join(f"{s:.2f} s ({s / spent[0]:.2f}x)" for s in spent)
    return f"1,000 new fills on {', '.join(f'{h:,}' for h in histories)}", shown


def main() -> None:
    """Compare histories of any length: ``python -m benchmarks.books 1000000 10000000``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("histories", type=int, nargs="+", help="fills that are there already")
    parser.add_argument("--server", default="", help="URL of a PostgreSQL database; else SQLite")
    chosen = parser.parse_args()
    print(": ".join(compare(chosen.histories, chosen.server)))


if __name__ == "__main__":
    main()
