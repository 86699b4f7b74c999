"""Which strategies' books a fill enters: its order's owner's, or in pieces those of its parts.

What belongs here: finding each fill's order, and cutting fills where parts meet, for all accounts
at once. What does not: who owns an order (``order_parts``), matching (``bookkeeping``).

Cost: one merge of fills with orders by day; one sort of the fills of shared orders only.
"""

from typing import Final

import numpy as np
import pandas as pd

from tradesync_dagster.domain.book_frames import Frame
from tradesync_dagster.domain.bookkeeping import fifo_order
from tradesync_dagster.domain.exact import running
from tradesync_dagster.domain.order_parts import ALL_UNITS

OWNER_COLUMNS: Final = (
    "account_id", "trade_date", "broker_order_id", "strategy_id", "start", "end",
)  # fmt: skip
"""A frame of owners, one row an order and share of it: the order's day as ordinal, and the share's
first unit and the one after its last (``order_parts.Share``)."""
_ORDER: Final = ["account_id", "registered", "broker_order_id"]


def first_shared(fills: Frame, owners: Frame) -> int | None:
    """Return the earliest day on which a shared order of some fills was registered, as ordinal.

    Args:
        fills: ``FILL_COLUMNS``.
        owners: ``OWNER_COLUMNS``.

    Returns:
        ``None`` where none of their orders is shared. From that day on, the fills tell which of an
        order's units they are.
    """
    found = _placed(fills, owners)
    days = found.loc[found["shared"].to_numpy(bool), "registered"]
    return None if days.empty else int(days.min())


def owned_fills(fills: Frame, owners: Frame) -> Frame:
    """Give fills to the strategies that own them.

    Args:
        fills: ``FILL_COLUMNS``; of a shared order all that there are up to the last one.
        owners: ``OWNER_COLUMNS``.

    Returns:
        The columns of ``fills`` and ``strategy_id``, a row for each fill and strategy; what nobody
        owns is left out.
    """
    columns = [*fills.columns, "strategy_id"]
    found = _placed(fills, owners)
    shared = found["shared"].to_numpy(bool)
    whole = found[~shared]
    if shared.any():
        shares = owners.rename(columns={"trade_date": "registered"})
        cut = _cut(found[shared].drop(columns=["strategy_id"]).merge(shares, on=_ORDER))
        whole = pd.concat([whole, cut], ignore_index=True)
    owned: Frame = whole.loc[whole["strategy_id"] != "", columns]
    return owned


def _placed(fills: Frame, owners: Frame) -> Frame:
    """Put each fill's order beside it; those of orders that nobody ever owned are left out."""
    shared = (owners["start"] > 0) | (owners["end"] < ALL_UNITS)
    orders = owners.assign(registered=owners["trade_date"], shared=shared)
    # Where there are none of either, their texts have another type, which is not merged.
    orders = orders.astype({"broker_order_id": fills["broker_order_id"].dtype})
    orders = orders.drop_duplicates(_ORDER)[[*_ORDER, "trade_date", "strategy_id", "shared"]]
    # An order's id comes back on other days; an AMO fills on a later one than it was registered.
    found = pd.merge_asof(
        fills.sort_values("trade_date", kind="stable"),
        orders.sort_values("trade_date", kind="stable"),
        on="trade_date",
        by=["account_id", "broker_order_id"],
    ).dropna(subset=["registered"])
    return found.astype({"registered": np.int64, "shared": bool})


def _cut(rows: Frame) -> Frame:
    """Keep of each fill, in each share of its order, the units that lie in the share."""
    group = rows.groupby([*_ORDER, "start"], sort=False).ngroup().to_numpy()
    order = fifo_order(
        group,
        rows["trade_date"].to_numpy(),
        rows["filled_at"].to_numpy(),
        rows.assign(piece=0, held_from=-1),
    )
    rows, group = rows.iloc[order], group[order]
    signed = rows["quantity"].to_numpy(np.int64)
    end = running(np.abs(signed), group)
    start = end - np.abs(signed)
    mine = np.minimum(end, rows["end"]) - np.maximum(start, rows["start"])
    cut: Frame = rows.assign(quantity=np.sign(signed) * mine)[mine > 0]
    return cut
