"""The frames that books are kept in: their columns, and going from frame to rows and back.

What belongs here: columns and their types. What does not: what is kept in them.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

FILL_COLUMNS: Final = (
    "account_id", "trade_date", "fill_id", "broker_order_id", "exchange", "symbol", "isin",
    "product", "quantity", "price", "filled_at",
)  # fmt: skip
"""A frame of fills: dates as ordinals, ``filled_at`` in microseconds since 1970 UTC, ``quantity``
signed, ``price`` in millionths."""
QUEUE: Final = ["account_id", "strategy_id", "instrument", "product"]
LOT_COLUMNS: Final = (
    *QUEUE, "trade_date", "fill_id", "piece", "held_from", "held_to", "exchange", "symbol",
    "opened_at", "quantity", "price",
)  # fmt: skip
"""A frame of lots: dates as ordinals, ``opened_at`` in microseconds since 1970 UTC."""
DAY_COLUMNS: Final = (
    *QUEUE, "trade_date", "exchange", "symbol", "quantity", "cost", "realised_pnl", "wins",
    "losses",
)  # fmt: skip
"""A frame of queues' days: ``cost`` and ``realised_pnl`` in millionths, any size."""

_TEXT = frozenset({*QUEUE, "fill_id", "exchange", "symbol"} - {"account_id"})
Frame = pd.DataFrame
Row = dict[str, Any]


def empty_lots() -> Frame:
    """Return a frame of no lots."""
    return _empty(LOT_COLUMNS)


def empty_days() -> Frame:
    """Return a frame of no days."""
    return _empty(DAY_COLUMNS)


def _empty(columns: Sequence[str]) -> Frame:
    types = {name: object if name in _TEXT else np.int64 for name in columns}
    return pd.DataFrame({name: [] for name in columns}).astype(types)


def fifo_place(time: str) -> Callable[[Row], tuple[Any, ...]]:
    """Order rows of any queue first in, first out, as ``bookkeeping.fifo_order`` does.

    Args:
        time: The column of their time.

    Returns:
        A sorting key.
    """
    return lambda row: (
        row[time], len(row["fill_id"]), row["fill_id"], row["piece"], row.get("held_from")
    )  # fmt: skip


def rows_of(frame: Frame) -> Iterator[Row]:
    """Turn a frame into rows, one at a time."""
    for row in frame.itertuples(index=False, name=None):
        yield dict(zip(frame.columns, row, strict=True))


def like_frame(rows: Sequence[Row], like: Frame) -> Frame:
    """Turn rows into a frame with another one's columns."""
    if not rows:
        return like.iloc[:0]
    return pd.DataFrame(list(rows), columns=like.columns).astype(like.dtypes.to_dict())


def queue_of(row: Row) -> tuple[Any, ...]:
    """Return the key of a row's queue."""
    return tuple(row[name] for name in QUEUE)
