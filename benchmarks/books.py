"""What keeping books costs: new fills on long histories, and all days of five years at once.

A sync's bookkeeping reads the day's fills and the open lots of what they trade, so that its cost
should not grow with the history. Seconds are of this machine: read them against one another.
"""

import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from cryptography.fernet import Fernet, MultiFernet

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.book_days import Entries, close_days
from tradesync_dagster.domain.book_frames import empty_lots
from tradesync_dagster.domain.bookkeeping import keep
from tradesync_dagster.domain.facts import Facts
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.orders import Side
from tradesync_dagster.domain.performance import curves
from tradesync_dagster.store.engine import migrate, open_engine
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster.sync.history import catch_up

ACCOUNTS, INSTRUMENTS, DAYS = 20, 50, 1250
_START = date(2021, 1, 4)
_BATCH = 5_000


def _history(count: int, seed: int = 1) -> pd.DataFrame:
    """Draw fills of many accounts over five years, in the order of their days.

    Every other fill of a queue closes what the one before it opened, so that what is open stays
    as much whatever the length of the history.
    """
    rng = np.random.default_rng(seed)
    day = np.sort(rng.integers(0, DAYS, count))
    drawn = pd.DataFrame(
        {
            "account_id": rng.integers(1, ACCOUNTS + 1, count),
            "day": day,
            "symbol": rng.integers(0, INSTRUMENTS, count),
            "price": rng.integers(2_000, 100_000, count) * 50_000,
            "second": rng.integers(0, 22_000, count),
        }
    )
    turn = drawn.groupby(["account_id", "symbol"]).cumcount() % 2
    return drawn.assign(quantity=np.where(turn == 0, 10, -10))


def _fills(history: pd.DataFrame) -> Iterator[tuple[int, Fill]]:
    opening = datetime(_START.year, _START.month, _START.day, 4, tzinfo=UTC)
    for number, row in enumerate(history.itertuples(index=False)):
        yield (
            int(row.account_id),
            Fill(
                trade_id=str(10_000_000 + number),
                broker_order_id=f"B{number}",
                trade_date=_START + timedelta(days=int(row.day)),
                exchange="NSE",
                symbol=f"SYM{row.symbol}",
                product="CNC",
                side=Side.BUY if row.quantity > 0 else Side.SELL,
                quantity=abs(int(row.quantity)),
                price=int(row.price),
                filled_at=opening + timedelta(days=int(row.day), seconds=int(row.second)),
            ),
        )


def new_fills_on(history: int, new: int = 1_000) -> tuple[float, float]:
    """Time taking in a day's new fills on top of a history, in an embedded store.

    Args:
        history: How many fills are there already, with their books.
        new: How many come.

    Returns:
        Seconds for the history (fills and books), seconds for the new ones, the best of three days.
    """
    accounts = list(range(1, ACCOUNTS + 1))
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{Path(folder) / 'books.sqlite3'}")
        migrate(engine)
        store = SqlStore(engine, MultiFernet([Fernet(Fernet.generate_key())]))
        store.put_accounts([Account(0, "b", f"A{n}", "ZERODHA", credentials={}) for n in accounts])
        began = time.perf_counter()
        _take(store, accounts, _history(history))
        built = time.perf_counter() - began
        spent = []
        for later in range(3):
            day = _history(new, seed=2).assign(day=DAYS + later)
            began = time.perf_counter()
            _take(store, accounts, day, first=history + later * new)
            spent.append(time.perf_counter() - began)
        engine.dispose()
    return built, min(spent)


def _take(store: SqlStore, accounts: list[int], history: pd.DataFrame, first: int = 0) -> None:
    with store.begin(accounts) as work:
        batch: list[tuple[int, Fill]] = []
        for number, (account_id, fill) in enumerate(_fills(history)):
            batch.append((account_id, _numbered(fill, first + number)))
            if len(batch) == _BATCH:
                work.add_fills(batch, "broker")
                batch = []
        work.add_fills(batch, "broker")
        catch_up(work, accounts, datetime(2025, 1, 1, tzinfo=UTC))


def _numbered(fill: Fill, number: int) -> Fill:
    return Fill(
        str(10_000_000 + number), fill.broker_order_id, fill.trade_date, fill.exchange,
        fill.symbol, fill.product, fill.side, fill.quantity, fill.price, fill.filled_at,
    )  # fmt: skip


def every_day_of_five_years(count: int = 1_000_000) -> tuple[float, float, float, int]:
    """Time the books of every day: the arrays alone, with names and lots, and as a P&L curve.

    Args:
        count: How many fills.

    Returns:
        Seconds of the array pass, of the whole, of the curve; and how many days of queues.
    """
    drawn = _history(count)
    queue = (drawn["account_id"] * INSTRUMENTS + drawn["symbol"]).to_numpy()
    order = np.lexsort((drawn["second"], drawn["day"], queue))
    numbers = np.unique(queue, return_inverse=True)[1].astype(np.int64)
    entries = Entries(
        numbers[order],
        drawn["day"].to_numpy()[order],
        drawn["quantity"].to_numpy()[order],
        drawn["price"].to_numpy()[order],
    )
    nets = np.ones(int(numbers.max()) + 1, np.bool_)
    close_days(entries, nets)  # once unmeasured: the first call maps memory
    began = time.perf_counter()
    close_days(entries, nets)
    arrays = time.perf_counter() - began
    frame = _frame(drawn)
    began = time.perf_counter()
    books = keep(empty_lots(), frame, Facts(), 1)
    whole = time.perf_counter() - began
    none = pd.DataFrame({"exchange": [], "symbol": [], "trade_date": [], "price": []})
    first = _START.toordinal()
    began = time.perf_counter()
    curves(books.days, none, {}, range(first, first + DAYS))
    return arrays, whole, time.perf_counter() - began, len(books.days)


def _frame(drawn: pd.DataFrame) -> pd.DataFrame:
    numbers = np.arange(len(drawn))
    return pd.DataFrame(
        {
            "account_id": drawn["account_id"],
            "strategy_id": "",
            "trade_date": drawn["day"] + _START.toordinal(),
            "fill_id": [f"NSE:{10_000_000 + n}:" for n in numbers.tolist()],
            "broker_order_id": "",
            "exchange": "NSE",
            "symbol": [f"SYM{n}" for n in drawn["symbol"].tolist()],
            "isin": "",
            "product": "CNC",
            "quantity": drawn["quantity"],
            "price": drawn["price"],
            "filled_at": (drawn["day"] * 86_400 + drawn["second"]) * 1_000_000,
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
    few, many = new_fills_on(small), new_fills_on(large)
    arrays, whole, curve, days = every_day_of_five_years()
    return [
        (
            f"1,000 new fills on {small:,} and on {large:,}",
            f"{few[1]:.2f} s and {many[1]:.2f} s ({many[1] / few[1]:.2f}x)",
        ),
        (
            f"taking in {small:,} and {large:,} fills of history with their books",
            f"{few[0]:.1f} s and {many[0]:.1f} s ({many[0] / few[0]:.1f}x)",
        ),
        (
            "every day of five years, 1,000,000 fills of 1,000 queues",
            f"{arrays:.2f} s of arrays, {whole:.2f} s with names and lots, {curve:.2f} s more for "
            f"the P&L curves; {days:,} days of queues",
        ),
    ]
