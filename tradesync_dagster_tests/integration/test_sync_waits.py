"""How long a tick waits for another look."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.fernet import Fernet, MultiFernet

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import Fetch, Outcome
from tradesync_dagster.domain.external import DetectionRules
from tradesync_dagster.domain.orders import BrokerOrder, Origin
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster.sync.cycle import Sync, SyncRules
from tradesync_dagster.sync.fetching import Answers
from tradesync_dagster_tests.support.clocks import MovingClock
from tradesync_dagster_tests.support.laid_books import lay
from tradesync_dagster_tests.support.orders import DAY, sample_order

RULES = SyncRules(DetectionRules(confirm=timedelta(seconds=30), minimum_age=timedelta(seconds=60)))


@dataclass
class Book:
    """A broker without a clock of its own, whose accounts hold one order each."""

    clock: MovingClock
    orders: dict[str, BrokerOrder]

    async def fetch(
        self, accounts: Sequence[Account], known: object = None
    ) -> AsyncIterator[list[Answers]]:
        def answer(kind: str, *rows: object) -> Fetch[object]:
            payload = f"{kind}{rows}"
            return Fetch(
                kind, Outcome.COMPLETE, DAY, self.clock.now(), 0.1, rows, payload_hash=payload
            )

        yield [
            Answers(
                account,
                answer("orders", self.orders[account.pseudo_account]),
                answer("trades"),
                answer("positions"),
                answer("holdings"),
            )
            for account in accounts
        ]


def test_an_order_dated_far_ahead_keeps_no_other_account_waiting(tmp_path: Path) -> None:
    placed = sample_order(datetime.fromisoformat("2026-03-02T05:00:00+00:00"))
    ahead = sample_order(placed.placed_at + timedelta(days=900))
    engine = lay(f"sqlite:///{tmp_path}/books.sqlite3")
    store = SqlStore(engine, MultiFernet([Fernet(Fernet.generate_key())]))
    store.put_accounts([Account(0, "desk", name, "ZERODHA", credentials={}) for name in "AB"])
    clock = MovingClock(placed.placed_at + timedelta(seconds=5))
    book = Book(clock, {"A": placed, "B": ahead})
    sync = Sync(store, book, None, None, clock, RULES)  # type: ignore[arg-type]
    summary = asyncio.run(sync.run(store.accounts()))
    assert sum(clock.slept) <= RULES.patience.total_seconds()
    assert [result.external_orders for result in summary.results] == [1, 0]
    with store.begin([2]) as work:
        [left] = work.orders([2], DAY)
    assert left.origin is Origin.CANDIDATE
    engine.dispose()
