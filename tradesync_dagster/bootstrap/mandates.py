"""What the faces may ask about mandates: what strategies may do by themselves, and what they wish.

What belongs here: keys of accounts, rows for people. What does not: the arithmetic
(``domain.mandates``), the tasks (``tasks``).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from tradesync_dagster.bootstrap.ownership import Ownership
from tradesync_dagster.bootstrap.strategies import make_strategy
from tradesync_dagster.domain import mandates as rules
from tradesync_dagster.domain.mandates import Mandate
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.money import format_price
from tradesync_dagster.domain.order_requests import plain
from tradesync_dagster.domain.task_schedules import DAY

Row = dict[str, Any]
Rows = list[Row]


@dataclass(frozen=True, slots=True)
class Mandates:
    """What strategies may do by themselves."""

    reading: Ownership

    def mandates(self, account: str | None = None) -> Rows:
        """List what strategies may do."""
        keys = {one.account_id: one.key for one in self.reading.chosen(account)}
        with self.reading.store.look() as work:
            found = work.mandates(list(keys))
        return [_mandate_row(keys[one.account_id], one) for one in found]

    def set_mandate(
        self, account: str, strategy_id: str, changes: Mapping[str, Any], who: str
    ) -> Row:
        """Give a strategy a mandate on an account, or change it.

        Args:
            account: ``ORG/ACCOUNT``.
            strategy_id: Its owner of orders; made known to the organization.
            changes: Some of the fields of ``Mandate``.
            who: Who does it.

        Raises:
            ConfigurationError: There is no such account or strategy.
            ValueRefusedError: A figure is out of its bounds.
        """
        plain("who", who)
        (chosen,) = self.reading.chosen(account)
        with self.reading.store.look() as work:
            known = {one.strategy_id: one for one in work.mandates([chosen.account_id])}
        before = known.get(strategy_id) or Mandate(chosen.account_id, strategy_id, strategy_id, 0)
        new = rules.checked(replace(before, **changes))
        make_strategy(new.plugin)
        self.reading.add_strategy(chosen.organization_id, strategy_id)
        with self.reading.store.begin([chosen.account_id]) as work:
            work.put_mandate(new, who, self.reading.clock.now())
        return _mandate_row(account, new)

    def signals(self, account: str, days: int = 7) -> Rows:
        """List what strategies wished to buy in the last days, and what became of it."""
        (chosen,) = self.reading.chosen(account)
        books = self.reading.trades_through(chosen)
        since = trade_date_of(self.reading.clock.now() - days * DAY)
        with self.reading.store.look() as work:
            found = work.signals(books.account_id, since)
        return [_signal_row(books.key, asdict(one)) for one in found]


def _mandate_row(account: str, one: Mandate) -> Row:
    return {
        "account": account,
        "strategy_id": one.strategy_id,
        "plugin": one.plugin,
        "enabled": one.enabled,
        "capital": format_price(one.capital),
        "positions": one.positions,
        "target_percent": rules.per_cent(one.target_bp),
        "stop_percent": rules.per_cent(one.stop_bp),
        "options": dict(one.options),
    }


def _signal_row(account: str, row: Mapping[str, Any]) -> Row:
    prices = {name: format_price(row[name]) for name in ("price", "target", "stop")}
    return {
        "account": account,
        **{name: row[name] for name in ("strategy_id", "exchange", "symbol", "product", "score")},
        "made_on": row["made_on"].isoformat(),
        **prices,
        "state": row["state"].value,
        "words": row["words"],
        "order_id": row["order_id"] and str(row["order_id"]),
    }
