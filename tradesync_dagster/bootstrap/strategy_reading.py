"""How strategies did, for people: each over all of its accounts, day by day.

What belongs here: whose books are added up, and the figures of a line. What does not: following
books over days (``domain.performance``), HTML (``api.pages``).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.performance import Curve, combined
from tradesync_dagster.domain.ports import Clock
from tradesync_dagster.settings import Settings
from tradesync_dagster.store.attribution import Attributions
from tradesync_dagster.store.page_queries import PageQueries
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster.sync.history import performance

_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class BookLine:
    """How one book did; money in millionths.

    Attributes:
        name: Whose book it is, for people.
        organization_id: Whose strategy.
        strategy_id: Which.
        realised: Closed profit, all of it.
        unrealised: Of what is open, where a price is known.
        unpriced: How many open queues had no price.
        win_rate: Per cent; ``None`` where nothing was closed.
        exposure: Gross value of what is open.
        drawdown: The deepest fall of the profit within the days.
        held: Open positions and holdings.
        points: Each day with the whole profit at its end.
    """

    name: str
    organization_id: str
    strategy_id: str
    realised: int = 0
    unrealised: int = 0
    unpriced: int = 0
    win_rate: Decimal | None = None
    exposure: int = 0
    drawdown: int = 0
    held: int = 0
    points: Sequence[tuple[str, int]] = ()

    @property
    def total(self) -> int:
        """All profit, realised and not."""
        return self.realised + self.unrealised


@dataclass(frozen=True, slots=True)
class StrategyReading:
    """Reads strategies."""

    settings: Settings
    store: SqlStore
    clock: Clock

    def lines(self, organization: str | None, days: int) -> list[BookLine]:
        """List every strategy with what it did over the last days, those without a fill too."""
        names = self._names(organization)
        books: dict[_Key, list[Curve]] = defaultdict(list)
        for (_, key), curve in self._curves(organization, days).items():
            books[key].append(curve)
        return [
            _line(names.get(key, key[1]), key, combined(books[key]) if key in books else None)
            for key in sorted({*names, *books})
        ]

    def accounts(self, organization: str, strategy_id: str, days: int) -> list[BookLine]:
        """List one strategy's books, an account each."""
        found = self._curves(organization, days)
        return [
            _line(account, key, curve)
            for (account, key), curve in sorted(found.items())
            if key == (organization, strategy_id)
        ]

    def books_of(self, account: Mapping[str, Any], until: date, days: int) -> list[BookLine]:
        """List one account's books as of a day: the whole account first, then each strategy's."""
        since = until - timedelta(days=days - 1)
        hours = self.settings.trading_hours
        found = performance(self.store, [account["account_id"]], since, until, hours)
        return [
            _line(strategy or "the whole account", (account["organization_id"], strategy), curve)
            for (_, strategy), curve in sorted(found.items())
        ]

    def _names(self, organization: str | None) -> dict[_Key, str]:
        wanted = None if organization is None else [organization]
        with self.store.reading() as connection:
            known = Attributions(connection).strategies(wanted)
        return {(one.organization_id, one.strategy_id): one.name for one in known}

    def _curves(self, organization: str | None, days: int) -> dict[tuple[str, _Key], Curve]:
        """Follow all books of strategies, by account key and strategy."""
        with self.store.reading() as connection:
            rows = PageQueries(connection).accounts(organization)
        known = {row["account_id"]: row for row in rows}
        until = trade_date_of(self.clock.now())
        since = until - timedelta(days=days - 1)
        found = {}
        for (account_id, strategy_id), curve in performance(
            self.store, list(known), since, until, self.settings.trading_hours
        ).items():
            owner = known[account_id]["organization_id"]
            if strategy_id:
                account = f"{owner}/{known[account_id]['pseudo_account']}"
                found[account, (owner, strategy_id)] = curve
        return found


def _line(name: str, key: _Key, curve: Curve | None) -> BookLine:
    if curve is None or not curve.day.size:
        return BookLine(name, *key)
    return BookLine(
        name,
        *key,
        realised=int(sum(curve.realised)),
        unrealised=int(curve.unrealised[-1]),
        unpriced=int(curve.unpriced[-1]),
        win_rate=curve.win_rate,
        exposure=int(curve.exposure[-1]),
        drawdown=curve.drawdown,
        held=int(curve.positions[-1] + curve.holdings[-1]),
        points=[
            (date.fromordinal(int(day)).isoformat(), int(amount))
            for day, amount in zip(curve.day, curve.equity, strict=True)
        ],
    )
