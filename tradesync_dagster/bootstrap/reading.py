"""What the faces show of the books, as rows with money in decimal text.

What belongs here: which accounts and days are meant, and naming them in the rows. What does not:
queries (``store.queries``), the documents' shape (``sync.documents``).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from tradesync_dagster.bootstrap.accounts import named
from tradesync_dagster.bootstrap.wiring import Wiring
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.breaks import SHOWN, BreakState
from tradesync_dagster.domain.errors import ConfigurationError, OrderNotFoundError
from tradesync_dagster.domain.market_calendar import start_of, trade_date_of
from tradesync_dagster.domain.orders import Origin
from tradesync_dagster.domain.performance import Curve
from tradesync_dagster.domain.twins import PAPER
from tradesync_dagster.store.attribution import Attributions, CalledOrder
from tradesync_dagster.store.look_queries import LookQueries
from tradesync_dagster.store.queries import Queries
from tradesync_dagster.store.ticks import Ticks
from tradesync_dagster.sync.documents import metrics_document, shown
from tradesync_dagster.sync.history import Replay, as_of, daily, performance, replay

Rows = list[dict[str, Any]]


class Reading(Wiring):
    """Reads the books."""

    __slots__ = ()

    def trades_through(self, account: Account) -> Account:
        """Return the account that an account's orders go to: itself, or its paper twin."""
        with self.store.look() as work:
            routes = {one.account_id: one for one in work.routes()}
        route = routes.get(account.account_id)
        if route is None or route.through != PAPER:
            return account
        everyone = self.store.accounts(enabled_only=False)
        return next(one for one in everyone if one.account_id == route.twin_id)

    def orders(self, account: str | None = None, days: int = 1) -> Rows:
        """List orders of the last days, newest first; prices as decimal text."""
        return self._orders(account, days, tuple(Origin))

    def external_orders(self, account: str | None = None, days: int = 1) -> Rows:
        """List external orders and candidates of the last days, newest first."""
        return self._orders(account, days, (Origin.EXTERNAL, Origin.CANDIDATE))

    def unassigned_orders(self, account: str | None = None) -> Rows:
        """List confirmed external orders of any day with units that nobody owns, newest first."""
        self.chosen(account)
        with self.store.reading() as connection:
            return _shown(Queries(connection).unassigned(account))

    def _orders(self, account: str | None, days: int, origins: Sequence[Origin]) -> Rows:
        self.chosen(account)
        since = trade_date_of(self.clock.now()) - timedelta(days=days - 1)
        with self.store.reading() as connection:
            return _shown(map(_told, Queries(connection).orders(account, since, origins)))

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
        """List differences from the brokers' figures; those resolved or only suspected if asked.

        Each with its age: from when it was first seen until it was gone, or until now.
        """
        self.chosen(account)
        states = [s.value for s in BreakState if everything or s in SHOWN]
        with self.store.reading() as connection:
            found = Queries(connection).breaks(account, states, organization)
        now = self.clock.now()
        return _shown(row | {"age_seconds": _age(row, now)} for row in found)

    def looks(self, account: str, days: int = 1) -> Rows:
        """List what was asked of an account's broker, what came and what was decided."""
        self.chosen(account)
        since = start_of(trade_date_of(self.clock.now()) - timedelta(days=days - 1))
        with self.store.reading() as connection:
            return _shown(LookQueries(connection).looks(account, since))

    def orders_named(
        self, account: str | None, names: Sequence[str], day: date | None = None
    ) -> list[UUID]:
        """Find orders as people name them: by the broker's id, or by ours.

        Args:
            account: Whose; anybody's when not given.
            names: Of each order either id.
            day: The trading day of those named by the broker's id; any when not given.

        Raises:
            OrderNotFoundError: No such order has the broker's id, or several have.
        """
        keys = {one.account_id: one.key for one in self.chosen(account)}
        with self.store.reading() as connection:
            called = Attributions(connection).orders_called(list(keys), names)
        found = [one for one in called if day in {None, one.trade_date}]
        return [_named(name, account, day, keys, found) for name in names]

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
        if account is None:
            return self.store.accounts(enabled_only=False)
        return named(self.store, [account])

    def metrics(self, account: str | None = None, days: int = 365) -> Rows:
        """Sum up accounts and strategies over the last days; money and rates as decimal text."""
        until = trade_date_of(self.clock.now())
        since = until - timedelta(days=days - 1)
        keys = {one.account_id: one.key for one in self.chosen(account)}
        found = performance(self.store, list(keys), since, until, self.settings.trading_hours)
        return [
            metrics_document(keys[account_id], strategy_id, curve)
            for (account_id, strategy_id), curve in sorted(found.items())
        ]

    def daily(
        self, accounts: Sequence[str], since: date, until: date
    ) -> dict[str, dict[str, Curve]]:
        """Follow accounts' own books over trading days, by key; see ``sync.history.daily``."""
        keys = {account.account_id: account.key for account in named(self.store, accounts)}
        found = daily(self.store, list(keys), since, until, self.settings.trading_hours)
        return {keys[account_id]: curves for account_id, curves in found.items()}

    def replay(self, accounts: Sequence[str] | None = None) -> dict[str, Replay]:
        """Prove that stored books follow from their fills, by account key."""
        chosen = self.chosen(None) if accounts is None else named(self.store, accounts)
        keys = {account.account_id: account.key for account in chosen}
        return {keys[a]: found for a, found in replay(self.store, list(keys)).items()}

    def last_ticks(self, limit: int = 10) -> Rows:
        """Sum up the latest ticks, newest first.

        Args:
            limit: How many.

        Returns:
            One row a tick, and where ticks are shared out a shard of one; seconds as text.
        """
        with self.store.reading() as connection:
            return [_tick(row) for row in Ticks(connection).last(limit)]


def _named(
    name: str,
    account: str | None,
    day: date | None,
    keys: Mapping[int, str],
    found: Sequence[CalledOrder],
) -> UUID:
    called = [one for one in found if one.broker_order_id == name]
    whose, when = account or "any account", f" of {day}" if day else ""
    if len(called) > 1:
        listed = ", ".join(
            f"{one.order_id} of {one.trade_date} ({keys[one.account_id]})" for one in called
        )
        raise OrderNotFoundError(
            f"more than one order of {whose} is {name!r} at its broker: name one of {listed}"
        )
    if called:
        return called[0].order_id
    try:
        return UUID(name)
    except ValueError:
        where = f" {account}" if account else ""
        raise OrderNotFoundError(
            f"{whose} has no order {name!r}{when}; see: tradesync external{where} --days 30"
        ) from None


def _shown(rows: Iterable[dict[str, Any]]) -> Rows:
    return [shown(row) for row in rows]


def _age(row: Mapping[str, Any], now: datetime) -> int:
    return max(0, int(((row["resolved_at"] or now) - row["first_seen_at"]).total_seconds()))


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """Leave out what a broker says of the source of an order of ours; see ``Order.source``."""
    return row | {"source": ""} if row["origin"] == Origin.INTERNAL else row


def _tick(row: dict[str, Any]) -> dict[str, Any]:
    named = ("tick_id", "shard", "status", "accounts")
    return {
        **{name: row[name] for name in named},
        "started_at": row["started_at"].isoformat(),
        **row["summary"],
    }
