"""Books of two accounts with a history, and what a person records in them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from cryptography.fernet import Fernet, MultiFernet

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import Reject
from tradesync_dagster.domain.facts import CorporateAction, Settlement
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.orders import Side
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster.sync.correcting import Statement, annul_fill, correct_fill
from tradesync_dagster.sync.history import as_of, catch_up, replay
from tradesync_dagster.sync.recording_facts import Record, RecordsResult, import_records
from tradesync_dagster_tests.support.laid_books import lay
from tradesync_dagster_tests.support.store_frames import stored

MONDAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 13, 12, 0, tzinfo=UTC)
OLD, NEW, OTHER = "INE009A01021", "INE009A01039", "INE467B01029"
RUPEE = 1_000_000
CALL = "NIFTY26MAR24000CE"


def day(number: int) -> date:
    """Return the n-th day after the Monday on which the books begin."""
    return MONDAY + timedelta(days=number)


SPLIT = CorporateAction(OLD, day(4), "split", 5, 1, NEW)
EXPIRY = Settlement("NFO", CALL, day(4), 0)


def fill(number: int, on: int, quantity: int, price: int, **more: Any) -> Fill:
    side = Side.BUY if quantity > 0 else Side.SELL
    at = datetime(2026, 3, 2, 5, number, tzinfo=UTC) + timedelta(days=on)
    made = Fill(
        str(number), "O1", day(on), "NSE", "INFY", "CNC", side, abs(quantity), price * RUPEE, at,
        OLD,
    )  # fmt: skip
    return replace(made, **more)


@dataclass
class File:
    """A file of records as a reader gives it."""

    kind: str
    given: Sequence[Record | Reject]
    name: str = "records.csv"

    def rows(self) -> list[tuple[int, Record | Reject]]:
        return list(enumerate(self.given, 2))


@dataclass
class Books:
    """Two accounts' books, and what a test does to them."""

    store: SqlStore
    accounts: list[Account] = field(default_factory=list)

    def trade(self, account_id: int, *fills: Fill) -> None:
        with self.store.begin([account_id]) as work:
            work.add_fills([(account_id, one) for one in fills], "tradebook")
            catch_up(work, [account_id], NOW)

    def take(
        self, kind: str, *rows: Record | Reject, now: datetime = NOW, **how: bool
    ) -> RecordsResult:
        account = self.accounts[0] if kind == "conversions" else None
        return import_records(self.store, File(kind, rows), account, now=now, **how)

    def correct(self, one: Fill, account: int = 0, **changes: Any) -> bool:
        said = Statement(one.trade_date, one.fill_id, "the exchange said so", "asha")
        return correct_fill(self.store, self.accounts[account], said, changes, NOW)

    def annul(self, one: Fill) -> bool:
        said = Statement(one.trade_date, one.fill_id, "never traded", "asha")
        return annul_fill(self.store, self.accounts[0], said, NOW)

    def lots(self, on: int, account_id: int = 1) -> list[tuple[Any, ...]]:
        with self.store.look() as work:
            found = work.open_lots([account_id], day(on))
        names = ["instrument", "product", "fill_id", "quantity", "price"]
        return sorted(found[names].itertuples(index=False, name=None))

    def held(self, on: int, account_id: int = 1) -> list[tuple[Any, ...]]:
        rows = as_of(self.store, [account_id], day(on)).holdings
        return [(r["isin"], r["quantity"] + r["t1_quantity"], r["average_price"]) for r in rows]

    def made(self) -> dict[str, list[dict[str, Any]]]:
        """Read all that is made from fills."""
        return {name: stored(self.store, name) for name in ("lots", "position_days")}

    def agree(self) -> bool:
        """Tell whether a replay gives the stored books, and none of them wait."""
        found = replay(self.store, [1, 2]).values()
        assert [one.differences for one in found] == [(), ()]
        return not any(one.stale for one in found)

    def forgotten(self) -> None:
        """Let no account's books be stale, and remember no generation."""
        with self.store.begin([1, 2]) as work:
            catch_up(work, [1, 2], NOW)


@contextmanager
def open_books(database_url: str) -> Iterator[Books]:
    engine = lay(database_url)
    store = SqlStore(engine, MultiFernet([Fernet(Fernet.generate_key())]))
    secrets = {"access_token": "token"}
    store.put_accounts(
        [Account(0, "ORG", name, "ZERODHA", credentials=secrets) for name in ("A1", "A2")]
    )
    yield Books(store, store.accounts())
    engine.dispose()
