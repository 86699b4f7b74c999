"""Making positions, holdings and lots anew from the fills, for the accounts that need it.

What belongs here: reading fills, writing rows, telling what changed. What does not: the accounting
(``domain.positions``).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from tradesync_dagster.domain.market_calendar import previous_trading_day
from tradesync_dagster.domain.ports import UnitOfWork
from tradesync_dagster.domain.positions import Rebuilt, rebuild

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class AccountBooks:
    """One account's books after a sync."""

    positions: Rows
    holdings: Rows
    changed: frozenset[str]
    regenerated: bool

    @property
    def realised_pnl(self) -> int:
        """In millionths of the currency, over the positions shown."""
        return sum(int(row["realised_pnl"]) for row in self.positions)

    @property
    def unrealised_pnl(self) -> int | None:
        """In millionths; ``None`` where a price is missing."""
        values = [row["unrealised_pnl"] for row in (*self.positions, *self.holdings)]
        return None if None in values else sum(int(value) for value in values)


def rebuild_books(
    work: UnitOfWork, account_ids: Sequence[int], stale: Sequence[int], today: date
) -> dict[int, AccountBooks]:
    """Bring positions and holdings up to date, all accounts in one call of the kernel.

    Args:
        work: A transaction with the accounts' lease.
        account_ids: Whose books are wanted.
        stale: Those of them to make anew.
        today: The exchange's day.

    Returns:
        Every account's books by its id.
    """
    before = _Books(work, account_ids)
    after = before
    if stale:
        rebuilt = rebuild(work.fills(stale), work.instruments(), today, previous_trading_day(today))
        _write(work, stale, before, rebuilt)
        after = _Books(work, account_ids)
    redone = set(stale)
    return {
        account_id: AccountBooks(
            after.positions[account_id],
            after.holdings[account_id],
            frozenset(
                name
                for name, old, new in (
                    ("positions", before.positions, after.positions),
                    ("holdings", before.holdings, after.holdings),
                )
                if old[account_id] != new[account_id]
            ),
            account_id in redone,
        )
        for account_id in account_ids
    }


class _Books:
    def __init__(self, work: UnitOfWork, account_ids: Sequence[int]) -> None:
        self.positions = _grouped(work.positions(account_ids))
        self.holdings = _grouped(work.holdings(account_ids))


def _grouped(rows: Sequence[Mapping[str, Any]]) -> dict[int, Rows]:
    grouped: dict[int, Rows] = defaultdict(list)
    for row in rows:
        grouped[row["account_id"]].append(dict(row))
    return grouped


def _write(work: UnitOfWork, stale: Sequence[int], before: _Books, rebuilt: Rebuilt) -> None:
    positions, holdings = _grouped(rebuilt.positions), _grouped(rebuilt.holdings)
    moved = [a for a in stale if _differ(before.positions[a], positions[a])]
    work.put_positions(moved, [row for a in moved for row in positions[a]])
    moved = [a for a in stale if _differ(before.holdings[a], holdings[a])]
    work.put_holdings(moved, [row for a in moved for row in holdings[a]])
    work.put_lots(stale, rebuilt.lots)


def _differ(old: Rows, new: Rows) -> bool:
    def ordered(rows: Rows) -> list[list[tuple[str, Any]]]:
        return sorted(sorted((k, v) for k, v in row.items() if v is not None) for row in rows)

    return ordered(old) != ordered(new)
