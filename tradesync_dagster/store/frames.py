"""Frames of whole numbers from rows: dates as ordinals, times as microseconds since 1970 UTC.

What belongs here: turning columns either way. What does not: queries.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Select

from tradesync_dagster.domain.market_calendar import microseconds, moment_of

_DATES = frozenset({"trade_date", "held_from", "held_to"})
_TIMES = frozenset({"filled_at", "opened_at"})
_SUMS = frozenset({"cost", "realised_pnl"})
_WHOLE = frozenset({"account_id", "piece", "quantity", "price", "wins", "losses"})
_CHUNK = 50_000


def frame_of(connection: Connection, query: Select[Any], columns: Sequence[str]) -> pd.DataFrame:
    """Run a query and collect its rows as columns.

    Args:
        connection: An open transaction.
        query: Selects ``columns`` by these names, in any order.
        columns: What is wanted, in order.

    Returns:
        Whole numbers as int64, sums of money as Python ints, texts as objects.
    """
    parts: dict[str, list[Any]] = {name: [] for name in columns}
    result = connection.execute(query)
    names = list(result.keys())
    for rows in result.partitions(_CHUNK):
        for name, values in zip(names, zip(*rows, strict=True), strict=True):
            parts[name].append(_numbers(name, values))
    return pd.DataFrame(
        {
            name: np.concatenate(parts[name]) if parts[name] else _numbers(name, ())
            for name in columns
        }
    )


def _numbers(name: str, values: Sequence[Any]) -> Any:
    if name in _DATES:
        return np.fromiter((d.toordinal() for d in values), np.int64, len(values))
    if name in _TIMES:
        return np.fromiter((microseconds(at) for at in values), np.int64, len(values))
    if name in _WHOLE:
        return np.array(values, np.int64)
    found = np.empty(len(values), object)
    found[:] = [int(value) for value in values] if name in _SUMS else values
    return found


def tuples_of(frame: pd.DataFrame, columns: Sequence[str]) -> list[tuple[Any, ...]]:
    """Turn columns into tuples of plain Python values, fast.

    Args:
        frame: As ``frame_of`` makes it.
        columns: Which columns.

    Returns:
        One tuple a row.
    """
    values = [frame[name].to_numpy(dtype=object).tolist() for name in columns]
    return list(zip(*values, strict=True))


def rows_of(columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> Iterator[dict[str, Any]]:
    """Turn tuples back into rows for the store.

    Args:
        columns: Their names.
        rows: As ``tuples_of`` makes them.

    Yields:
        One mapping a row.
    """
    if not rows:
        return
    values = [
        _values(name, column) for name, column in zip(columns, zip(*rows, strict=True), strict=True)
    ]
    for row in zip(*values, strict=True):
        yield dict(zip(columns, row, strict=True))


def _values(name: str, values: Sequence[Any]) -> Sequence[Any]:
    if name in _DATES:
        return [date.fromordinal(value) for value in values]
    if name in _TIMES:
        return [moment_of(value) for value in values]
    return [str(value) for value in values] if name in _SUMS else values
