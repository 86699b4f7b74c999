"""What monitors ask of the desk: counts and ages over all accounts, and whether syncs go on.

What belongs here: reading them in one transaction, and sums. What does not: queries
(``store.figures``), the form in which a monitor reads them (``api.metrics``).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from tradesync_dagster.bootstrap.page_reading import MOST_ROWS, Listed
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.ports import Clock
from tradesync_dagster.domain.publications import PEOPLE
from tradesync_dagster.settings import Settings
from tradesync_dagster.store.figures import Figures
from tradesync_dagster.store.outbox_queries import OutboxQueries
from tradesync_dagster.store.page_queries import PageQueries
from tradesync_dagster.store.store import SqlStore

OFF = "off"
NEVER = "never"
_DAY = timedelta(days=1)
_ONE_ROUND = timedelta(hours=1)
"""Ticks of shards that began further apart are of different rounds."""


@dataclass(frozen=True, slots=True)
class AccountSeen:
    """How one account's last sync went.

    Attributes:
        state: Its status, ``never`` before the first, ``off`` for one that is disabled.
        age: Seconds since it began; ``None`` before the first.
    """

    organization_id: str
    pseudo_account: str
    state: str
    age: float | None


@dataclass(frozen=True, slots=True)
class Observed:
    """The desk at one moment; ages are seconds, ``None`` where there is nothing of an age.

    Attributes:
        accounts: All, by organization and name.
        ticks: The summaries of the last round of ticks, one a shard.
        tick_age: Since the last tick began.
        book_age: Since the order book seen whole least lately was asked for.
        orders: Today's, by status and origin.
        unassigned: External orders of any day that nobody owns.
        breaks: Open ones by kind.
        waiting: Messages that wait, by whom for, with the age of the oldest.
        fake_orders: Of the last day's hours and of those to come, by status.
        fake_due: Pending fake orders whose hour has come.
        fake_overdue: For how long the earliest of them has been due; 0 without any.
    """

    accounts: Sequence[AccountSeen]
    ticks: Sequence[Mapping[str, Any]]
    tick_age: float | None
    book_age: float | None
    orders: Mapping[tuple[str, str], int]
    unassigned: int
    breaks: Mapping[str, int]
    waiting: Mapping[str, tuple[int, float]]
    fake_orders: Mapping[str, int]
    fake_due: int
    fake_overdue: float

    def states(self) -> dict[str, int]:
        """Count accounts by state."""
        return dict(Counter(one.state for one in self.accounts))

    def oldest(self) -> dict[str, float]:
        """Return the age of the oldest last sync by state."""
        found: dict[str, float] = {}
        for one in self.accounts:
            if one.age is not None:
                found[one.state] = max(found.get(one.state, 0.0), one.age)
        return found

    def orders_by(self, place: int) -> dict[str, int]:
        """Count today's orders by status (0) or origin (1)."""
        found: Counter[str] = Counter()
        for key, count in self.orders.items():
            found[key[place]] += count
        return dict(found)


@dataclass(frozen=True, slots=True)
class Observing:
    """Reads for monitors."""

    settings: Settings
    store: SqlStore
    clock: Clock

    def look(self, organization: str | None = None) -> Observed:
        """Count everything, in a dozen queries however many accounts there are.

        Args:
            organization: Whose; ``None`` for every one. Ticks are of the whole desk.

        Returns:
            What was found.
        """
        now = self.clock.now()
        with self.store.reading() as connection:
            pages, figures = PageQueries(connection), Figures(connection)
            accounts = pages.accounts(organization)
            syncs = {row["account_id"]: row for row in pages.last_syncs(organization)}
            ticks = _last_round(figures.last_ticks())
            due, first = figures.pending_fake_orders(organization, now)
            return Observed(
                accounts=[_seen(row, syncs.get(row["account_id"]), now) for row in accounts],
                ticks=[row["summary"] for row in ticks],
                tick_age=_age(max((row["started_at"] for row in ticks), default=None), now),
                book_age=_age(figures.oldest_book(organization), now),
                orders=figures.orders(organization, trade_date_of(now)),
                unassigned=figures.unassigned(organization),
                breaks=figures.open_breaks(organization),
                waiting={"server": (0, 0.0), "people": (0, 0.0)}
                | {
                    to: (count, _age(oldest, now) or 0.0)
                    for to, (count, oldest) in figures.waiting(organization).items()
                },
                fake_orders=figures.fake_orders(organization, now - _DAY),
                fake_due=due,
                fake_overdue=_age(first, now) or 0.0,
            )

    def overdue(self) -> timedelta | None:
        """Return how long ago the last tick began where that is too long; ``None`` where not.

        Without any account that is enabled, nothing is due. Without any tick, the answer is the
        longest time there is.
        """
        now = self.clock.now()
        with self.store.reading() as connection:
            ticks = Figures(connection).last_ticks()
            if not any(row["enabled"] for row in PageQueries(connection).accounts(None)):
                return None
        if not ticks:
            return timedelta.max
        age: timedelta = now - max(row["started_at"] for row in ticks)
        return age if age > timedelta(minutes=self.settings.sync_overdue_minutes) else None

    def news(self, last_id: int | None) -> tuple[int, set[str]]:
        """Tell who has messages that are newer than a number; nobody where that is not known.

        Returns:
            The newest message's number, and organizations' ids; empty for those of no account.
        """
        with self.store.reading() as connection:
            queries = OutboxQueries(connection)
            newest = queries.last_id()
            if last_id is None or newest == last_id:
                return newest, set()
            return newest, queries.organizations_since(last_id)

    def late_before(self) -> datetime:
        """Return the moment before which a message that still waits was written too long ago."""
        return self.clock.now() - timedelta(minutes=self.settings.sync_overdue_minutes)

    def waiting_messages(self, organization: str | None, *, late: bool) -> Listed:
        """List messages that wait, or only those that do so for too long."""
        before = self.late_before() if late else self.clock.now() + _DAY
        with self.store.reading() as connection:
            rows, total = OutboxQueries(connection).waiting(organization, before, MOST_ROWS)
        return Listed([_told(row) for row in rows], total)

    def sent_messages(self, organization: str | None) -> Listed:
        """List messages that were sent."""
        with self.store.reading() as connection:
            rows, total = OutboxQueries(connection).sent(organization, MOST_ROWS)
        return Listed([_told(row) for row in rows], total)


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """Add a message's sentence, where it has one, and whom it goes to, without their address."""
    body = orjson.loads(row.pop("body"))
    number = str(row["exchange"]).removeprefix(PEOPLE)
    person = f"people, address {int(number) + 1}" if number.isdigit() else row["exchange"]
    text = str(body.get("message") or body.get("status") or _came_to(body))
    url = str(body.get("url", ""))
    # the page makes a link of it, which elsewhere stands in the sentence
    text = text.removesuffix(f" ({url})") if url else text
    return row | {"text": text, "to": person, "url": url}


def _came_to(body: dict[str, Any]) -> str:
    """Put the end of a sync into words: its message is for programs and has none."""
    summary, results = body.get("summary", {}), body.get("full_results", {})
    new, breaks = results.get("new_external_orders", 0), results.get("breaks", 0)
    told = [str(summary.get("status", "")).replace("_", " ")]
    told += [f"{new} new external order{'' if new == 1 else 's'}"] if new else []
    told += [f"{breaks} break{'' if breaks == 1 else 's'}"] if breaks else []
    return "; ".join([", ".join(told), *map(str, results.get("errors", ()))])


def _last_round(ticks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    newest = max((row["started_at"] for row in ticks), default=None)
    return [row for row in ticks if newest - row["started_at"] < _ONE_ROUND]


def _seen(account: Mapping[str, Any], sync: Mapping[str, Any] | None, now: datetime) -> AccountSeen:
    state = NEVER if sync is None else str(sync["status"])
    return AccountSeen(
        account["organization_id"],
        account["pseudo_account"],
        state if account["enabled"] else OFF,
        None if sync is None else _age(sync["started_at"], now),
    )


def _age(at: datetime | None, now: datetime) -> float | None:
    return None if at is None else max((now - at).total_seconds(), 0.0)
