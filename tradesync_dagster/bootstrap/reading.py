"""What the faces show of the books, as rows with money in decimal text.

What belongs here: which accounts and days are meant, and naming them in the rows. What does not:
queries (``store.queries``), the documents' shape (``sync.documents``).
"""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from tradesync_dagster.bootstrap.wiring import Wiring
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.breaks import SHOWN, BreakState
from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.orders import Origin
from tradesync_dagster.domain.performance import Curve
from tradesync_dagster.store.queries import Queries
from tradesync_dagster.sync.cycle import check_known
from tradesync_dagster.sync.documents import metrics_document, shown
from tradesync_dagster.sync.history import Replay, as_of, performance, replay

Rows = list[dict[str, Any]]


class Reading(Wiring):
    """Reads the books."""

    __slots__ = ()

    def orders(self, account: str | None = None, days: int = 1) -> Rows:
        """List orders of the last days, newest first; prices as decimal text."""
        return self._orders(account, days, tuple(Origin))

    def external_orders(self, account: str | None = None, days: int = 1) -> Rows:
        """List external orders and candidates of the last days, newest first."""
        return self._orders(account, days, (Origin.EXTERNAL, Origin.CANDIDATE))

    def unassigned_orders(self, account: str | None = None) -> Rows:
        """List confirmed external orders of any day that no strategy owns, newest first."""
        self.chosen(account)
        with self.store.reading() as connection:
            return _shown(Queries(connection).unassigned(account))

    def _orders(self, account: str | None, days: int, origins: Sequence[Origin]) -> Rows:
        self.chosen(account)
        since = trade_date_of(self.clock.now()) - timedelta(days=days - 1)
        with self.store.reading() as connection:
            return _shown(Queries(connection).orders(account, since, origins))

    def positions(self, account: str | None = None, as_of: date | None = None) -> Rows:
        """List positions, now or at a past day's end; prices and P&L as decimal text."""
        if as_of is not None:
            return self._as_of(account, as_of, "positions")
        self.chosen(account)
        with self.store.reading() as connection:
            return _shown(Queries(connection).positions(account))

    def holdings(self, account: str | None = None, as_of: date | None = None) -> Rows:
        """List holdings, now or at a past day's end; prices and P&L as decimal text."""
        if as_of is not None:
            return self._as_of(account, as_of, "holdings")
        self.chosen(account)
        with self.store.reading() as connection:
            return _shown(Queries(connection).holdings(account))

    def breaks(
        self,
        account: str | None = None,
        *,
        organization: str | None = None,
        everything: bool = False,
    ) -> Rows:
        """List differences from the brokers' figures; those resolved or only suspected if asked."""
        self.chosen(account)
        states = [s.value for s in BreakState if everything or s in SHOWN]
        with self.store.reading() as connection:
            return _shown(Queries(connection).breaks(account, states, organization))

    def _as_of(self, account: str | None, day: date, kind: str) -> Rows:
        today = trade_date_of(self.clock.now())
        if day > today:
            raise ConfigurationError(f"{day} is still to come; today is {today} in Asia/Kolkata")
        keys = {one.account_id: one.key for one in self.chosen(account)}
        rows = getattr(as_of(self.store, list(keys), day), kind)
        named = ({"account": keys[row["account_id"]]} | row for row in rows)
        return _shown(sorted(named, key=lambda row: (row["account"], row["exchange"])))

    def chosen(self, account: str | None) -> list[Account]:
        """Return the account of a key, or all accounts, disabled ones too."""
        known = self.store.accounts(enabled_only=False)
        return known if account is None else check_known(known, [account])

    def metrics(self, account: str | None = None, days: int = 365) -> Rows:
        """Sum up accounts and strategies over the last days; money and rates as decimal text."""
        until = trade_date_of(self.clock.now())
        since = until - timedelta(days=days - 1)
        keys = {one.account_id: one.key for one in self.chosen(account)}
        found = performance(self.store, list(keys), since, until)
        return [
            metrics_document(keys[account_id], strategy_id, curve)
            for (account_id, strategy_id), curve in sorted(found.items())
        ]

    def daily(self, accounts: Sequence[str], since: date, until: date) -> dict[str, Curve]:
        """Follow accounts' own books over trading days, by key."""
        chosen = check_known(self.store.accounts(enabled_only=False), accounts)
        keys = {account.account_id: account.key for account in chosen}
        found = performance(self.store, list(keys), since, until)
        return {keys[account_id]: curve for (account_id, name), curve in found.items() if not name}

    def replay(self, accounts: Sequence[str] | None = None) -> dict[str, Replay]:
        """Prove that stored books follow from their fills, by account key."""
        known = self.store.accounts(enabled_only=False)
        chosen = known if accounts is None else check_known(known, accounts)
        keys = {account.account_id: account.key for account in chosen}
        return {keys[a]: found for a, found in replay(self.store, list(keys)).items()}

    def last_ticks(self, limit: int = 10) -> Rows:
        """Sum up the latest ticks, newest first.

        Args:
            limit: How many.

        Returns:
            One row a tick; the seconds are those of the slowest account, as text.
        """
        with self.store.reading() as connection:
            rows = Queries(connection).results(limit)
        return [
            _tick(tick_id, list(group)) for tick_id, group in groupby(rows, lambda r: r["tick_id"])
        ]


def _shown(rows: Rows) -> Rows:
    return [shown(row) for row in rows]


def _tick(tick_id: str, rows: Rows) -> dict[str, Any]:
    results = [row["results"] for row in rows]

    def total(name: str) -> int:
        return sum(result[name] for result in results)

    spent = [sum(map(Decimal, result["seconds"].values()), Decimal(0)) for result in results]
    return {
        "tick_id": tick_id,
        "started_at": rows[0]["started_at"].isoformat(),
        "accounts": len(rows),
        "orders": total("orders"),
        "external_orders": total("external_orders"),
        "new_external_orders": total("new_external_orders"),
        "positions": total("positions"),
        "errors": sum(len(result["errors"]) for result in results),
        "seconds": str(max(spent)),
    }
