"""What the pages for people show, in the books' units and UTC.

What belongs here: putting the reads of one page together in one transaction, and sums. What does
not: queries (``store.page_queries``), wording and HTML (``api.pages``).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from tradesync_dagster.domain.breaks import SHOWN, BreakState
from tradesync_dagster.domain.errors import (
    AccountNotFoundError,
    BreakNotFoundError,
    OrderNotFoundError,
)
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.order_states import AT_BROKER
from tradesync_dagster.domain.orders import Origin
from tradesync_dagster.domain.ports import Clock
from tradesync_dagster.domain.twins import PAPER
from tradesync_dagster.store import book_tables
from tradesync_dagster.store.page_queries import PageQueries
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster.sync.history import as_of
from tradesync_dagster.sync.lots_behind import LotsBehind, Named, lots_behind

Rows = list[dict[str, Any]]
MOST_ROWS: Final = 500
"""That one list on a page shows; it says how many more there are."""
_SYNCS = 10


@dataclass(frozen=True, slots=True)
class AccountLine:
    """One account on the overview.

    Attributes:
        synced_at: When its last sync began, UTC; ``None`` before the first.
        status: Of that sync; empty before the first.
        orders: Of today.
        working: Of them, those that may still fill.
        external: Of them, confirmed as external.
        candidates: Of them, perhaps external.
        breaks: Open ones.
        realised_pnl: Of today's positions, in millionths.
        unrealised_pnl: Of positions, in millionths; ``None`` where a price is missing.
        holdings_pnl: Unrealised, of holdings; likewise.
    """

    organization_id: str
    pseudo_account: str
    broker: str
    enabled: bool
    synced_at: datetime | None
    status: str
    orders: int
    working: int
    external: int
    candidates: int
    breaks: int
    realised_pnl: int
    unrealised_pnl: int | None
    holdings_pnl: int | None


@dataclass(frozen=True, slots=True)
class Listed:
    """Rows of a list, and how many there are in all."""

    rows: Rows
    total: int


@dataclass(frozen=True, slots=True)
class PageReading:
    """Reads for pages; ``None`` for an organization means every one."""

    store: SqlStore
    clock: Clock

    def today(self) -> date:
        """Return the exchange's present day."""
        return trade_date_of(self.clock.now())

    def is_on_paper(self, account_id: int) -> bool:
        """Tell whether an account's new orders go to its paper twin."""
        with self.store.look() as work:
            return any(
                one.account_id == account_id and one.through == PAPER for one in work.routes()
            )

    def mark(self) -> str:
        """Return a text that is another one after every commit; see ``Commits.mark``."""
        return self.store.commits.mark()

    def overview(self, organization: str | None) -> list[AccountLine]:
        """Sum up every account, in six queries however many there are."""
        with self.store.reading() as connection:
            queries = PageQueries(connection)
            accounts = queries.accounts(organization)
            syncs = _keyed(queries.last_syncs(organization))
            counts = _by_account(queries.order_counts(organization, self.today()))
            breaks = {r["account_id"]: r["count"] for r in queries.open_breaks(organization)}
            positions = _keyed(queries.profits(book_tables.positions, organization))
            holdings = _keyed(queries.profits(book_tables.holdings, organization))
        return [
            _line(
                account,
                syncs.get(account["account_id"], {}),
                counts.get(account["account_id"], ()),
                breaks.get(account["account_id"], 0),
                positions.get(account["account_id"], {}),
                holdings.get(account["account_id"], {}),
            )
            for account in accounts
        ]

    def account(self, organization: str, pseudo_account: str) -> dict[str, Any]:
        """Read one account, without credentials, its latest syncs and when its books were whole.

        Raises:
            AccountNotFoundError: There is none.
        """
        with self.store.reading() as connection:
            queries = PageQueries(connection)
            found = queries.account(organization, pseudo_account)
            if found is None:
                raise AccountNotFoundError(f"no account {organization}/{pseudo_account}")
            syncs = queries.last_results(found["account_id"], _SYNCS)
            return found | {"syncs": syncs, "books": queries.book_states(found["account_id"])}

    def accounts(self, organization: str | None) -> Rows:
        """List accounts, without credentials."""
        with self.store.reading() as connection:
            return PageQueries(connection).accounts(organization)

    def orders(self, account_id: int, day: date, filters: Mapping[str, str]) -> Listed:
        """List an account's orders of a day, newest first; see ``PageQueries.orders``."""
        with self.store.reading() as connection:
            return Listed(*PageQueries(connection).orders(account_id, day, filters, MOST_ROWS))

    def books(self, account_id: int, day: date) -> tuple[Rows, Rows]:
        """Return positions and holdings: as they stand now if the day is today, or at its end."""
        if day < self.today():
            shown = as_of(self.store, [account_id], day)
            return _in_order(shown.positions), _in_order(shown.holdings)
        with self.store.look() as work:
            return work.positions([account_id]), work.holdings([account_id])

    def lots(self, account_id: int, day: date, named: Named) -> LotsBehind:
        """Read the lots behind a position or a holding of a day; see ``sync.lots_behind``."""
        return lots_behind(self.store, account_id, day, named)

    def order(self, order_id: UUID) -> dict[str, Any]:
        """Read one order, what happened to it, and the decisions on its owner.

        Raises:
            OrderNotFoundError: There is none.
        """
        with self.store.reading() as connection:
            queries = PageQueries(connection)
            found = queries.order(order_id)
            if found is None:
                raise OrderNotFoundError(f"no order {order_id}")
            events, decisions = queries.events(order_id), queries.decisions([order_id])
        return found | {"events": events, "decisions": decisions}

    def external(self, organization: str | None, since: date | None) -> Listed:
        """List external orders with the latest decision on each; see ``PageQueries.external``."""
        with self.store.reading() as connection:
            queries = PageQueries(connection)
            rows, total = queries.external(organization, since, MOST_ROWS)
            return Listed(_with_decision(queries, rows), total)

    def chosen_orders(self, organization: str | None, order_ids: Sequence[UUID]) -> Rows:
        """Read orders by id with the latest decision on each; all of one organization.

        Raises:
            OrderNotFoundError: One is not there, or not of the organization.
        """
        with self.store.reading() as connection:
            queries = PageQueries(connection)
            rows = queries.chosen_orders(organization, order_ids)
            if len(rows) < len(set(order_ids)):
                raise OrderNotFoundError("one of the orders is not there")
            return _with_decision(queries, rows)

    def breaks(self, organization: str | None, state: BreakState | None) -> Listed:
        """List breaks in one state, or in those that are shown without asking, oldest first."""
        states = sorted(SHOWN) if state is None else [state]
        with self.store.reading() as connection:
            found = PageQueries(connection).breaks(
                organization, [one.value for one in states], MOST_ROWS
            )
        return Listed(*found)

    def one_break(self, account_id: int, kind: str, subject: str) -> dict[str, Any]:
        """Read one break.

        Raises:
            BreakNotFoundError: The account has none such.
        """
        with self.store.reading() as connection:
            found = PageQueries(connection).one_break(account_id, kind, subject)
        if found is None:
            raise BreakNotFoundError(f"no break {kind} {subject!r}")
        return found


def _with_decision(queries: PageQueries, rows: Rows) -> Rows:
    found: dict[UUID, dict[str, Any]] = {}
    for decision in queries.decisions([row["order_id"] for row in rows]):
        found.setdefault(decision["order_id"], decision)  # the newest comes first
    return [row | {"decision": found.get(row["order_id"])} for row in rows]


def _by_account(rows: Iterable[dict[str, Any]]) -> dict[int, Rows]:
    found: dict[int, Rows] = {}
    for row in rows:
        found.setdefault(row["account_id"], []).append(row)
    return found


def _in_order(rows: Sequence[Mapping[str, Any]]) -> Rows:
    ordered = sorted(rows, key=lambda row: (row["exchange"], row["symbol"], row["product"]))
    return [dict(row) for row in ordered]


def _line(
    account: Mapping[str, Any],
    sync: Mapping[str, Any],
    counts: Sequence[Mapping[str, Any]],
    breaks: int,
    positions: Mapping[str, Any],
    holdings: Mapping[str, Any],
) -> AccountLine:
    orders: Counter[str] = Counter()
    for row in counts:
        orders[row["status"]] += row["count"]
        orders[row["origin"]] += row["count"]
        orders["all"] += row["count"]
    return AccountLine(
        **{name: account[name] for name in ("organization_id", "pseudo_account", "broker")},
        enabled=account["enabled"],
        synced_at=sync.get("started_at"),
        status=sync.get("status", ""),
        orders=orders["all"],
        working=sum(orders[status] for status in AT_BROKER),
        external=orders[Origin.EXTERNAL.value],
        candidates=orders[Origin.CANDIDATE.value],
        breaks=breaks,
        realised_pnl=_sum(positions.get("realised")),
        unrealised_pnl=None if positions.get("unpriced") else _sum(positions.get("unrealised")),
        holdings_pnl=None if holdings.get("unpriced") else _sum(holdings.get("unrealised")),
    )


def _sum(amounts: str | None) -> int:
    return sum(map(int, amounts.split(","))) if amounts else 0


def _keyed(rows: Iterable[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    return {row["account_id"]: row for row in rows}
