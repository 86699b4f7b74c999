"""Taking instruments and prices from what brokers say of positions and holdings.

What belongs here: which of them are taken. What does not: when positions are priced anew
(``rebuilding``).
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from tradesync_dagster.domain.looks import States, is_new
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.fetching import Answers

_UNKNOWN: Final[Mapping[str, Any]] = {"multiplier": 1, "isin": "", "last_price": None}


def put_prices(work: UnitOfWork, looks: Sequence[Answers], states: States) -> set[int]:
    """Take what is new of instruments and prices.

    Args:
        work: A transaction.
        looks: What the brokers said.
        states: What was applied before.

    Returns:
        The accounts whose brokers gave prices.
    """
    priced = set()
    by_day: dict[date, dict[tuple[str, str], dict[str, Any]]] = {}
    for look in looks:
        account_id = look.account.account_id
        for fetch in (look.holdings, look.positions):
            if not is_new(fetch, account_id, states):
                continue
            priced.add(account_id)
            rows = by_day.setdefault(fetch.trade_date, {})
            for row in fetch.rows:
                known = rows.get((row.exchange, row.symbol), _UNKNOWN)
                rows[row.exchange, row.symbol] = {
                    "exchange": row.exchange,
                    "symbol": row.symbol,
                    "isin": getattr(row, "isin", "") or known["isin"],
                    "multiplier": getattr(row, "multiplier", known["multiplier"]),
                    "last_price": known["last_price"] if row.last_price is None else row.last_price,
                    "priced_at": fetch.requested_at,
                }
    for day, rows in sorted(by_day.items()):
        work.put_instruments([rows[key] for key in sorted(rows)], day)
    return priced
