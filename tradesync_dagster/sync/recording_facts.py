"""Taking facts that people record into the books: a file is one transaction.

It writes the records, marks the books that no longer follow from them, and makes those anew. A
corporate action or a settlement may concern any account, so that it waits for all their leases: a
sync that began before it would else overwrite the mark. What belongs here: which records are
taken. What does not: reading files (``brokers.record_files``), which books are concerned
(``store``), applying facts (``domain``), fills that were wrong (``correcting``).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Protocol

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import Reject
from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.domain.facts import Conversion, CorporateAction, Facts, Settlement
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.ports import Store
from tradesync_dagster.domain.records import ClosingPrice, Recorded
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.history import catch_up

MOST_SHOWN = 1_000
"""Bad rows that a result lists; all are counted."""

Record = CorporateAction | Settlement | Conversion | ClosingPrice
Rows = list[tuple[int, Record]]


class Records(Protocol):
    """A file of records of one kind."""

    @property
    def name(self) -> str:
        """The file's name, for sentences."""
        ...

    @property
    def kind(self) -> str:
        """``actions``, ``settlements``, ``conversions`` or ``prices``."""
        ...

    def rows(self) -> Sequence[tuple[int, Record | Reject]]:
        """Read all lines; raise ``FileRefusedError`` where that cannot be done."""
        ...


@dataclass(slots=True)
class RecordsResult:
    """What came of one file.

    Attributes:
        refused: Nothing was taken, for a row was bad and the import strict.
        changed: Records that are new, or differ from what the books had; or that are gone.
        known: Records that the books had; or, where they were withdrawn, did not have just so.
        repeated: Rows that say the same as an earlier row of the file.
        rejected: Bad rows.
        rejects: (line, what is wrong) of the first ``MOST_SHOWN`` bad rows.
        rebuilt: The first day that was made anew, by account key.
    """

    kind: str
    refused: bool = False
    changed: int = 0
    known: int = 0
    repeated: int = 0
    rejected: int = 0
    rejects: list[tuple[int, Reject]] = field(default_factory=list)
    rebuilt: dict[str, date] = field(default_factory=dict)

    def refuse(self, line: int, reject: Reject) -> None:
        """Count a bad row."""
        self.rejected += 1
        if len(self.rejects) < MOST_SHOWN:
            self.rejects.append((line, reject))


def import_records(
    store: Store,
    records: Records,
    account: Account | None,
    *,
    now: datetime,
    strict: bool = False,
    withdraw: bool = False,
) -> RecordsResult:
    """Take a file's records into the books, or out of them again.

    Args:
        store: The books.
        records: The file.
        account: Whose conversions they are; ``None`` for the other kinds, which are everybody's.
        now: UTC. A record of a later day is a bad row: it would change the books of today.
        strict: Take nothing when a row is bad.
        withdraw: Take the records out; those that the books have otherwise stay.

    Returns:
        What came of it.

    Raises:
        ConfigurationError: The account is missing, or is one too many.
        FileRefusedError: The file cannot be read; nothing was taken.
    """
    if (account is None) == (records.kind == "conversions"):
        what = "needs" if account is None else "takes no"
        raise ConfigurationError(
            f"{records.name}: a file of {records.kind} {what} --account ORG/ACCOUNT"
        )
    result = RecordsResult(records.kind)
    rows = _once(result, records.rows(), account, trade_date_of(now))
    keys = {one.account_id: one.key for one in store.accounts(enabled_only=False)}
    with store.begin(_leased(records.kind, account, keys)) as work:
        if records.kind == "actions" and not withdraw:
            rows = _followed(result, rows, work.facts([]).actions)
        if strict and result.rejected:
            result.refused = True
            return result
        put = _put(work, records.kind)
        done = put([record for _, record in rows], withdraw=withdraw)
        result.changed, result.known = done.changed, done.known
        concerned = {a: day for a, day in sorted(done.since.items()) if a in keys}
        result.rebuilt = {keys[a]: day for a, day in concerned.items()}
        catch_up(work, list(concerned), now)
    return result


def _put(work: UnitOfWork, kind: str) -> Callable[..., Recorded]:
    by_kind: dict[str, Callable[..., Recorded]] = {
        "actions": work.put_actions,
        "settlements": work.put_settlements,
        "conversions": work.put_conversions,
        "prices": work.put_closing_prices,
    }
    return by_kind[kind]


def _leased(kind: str, account: Account | None, keys: Iterable[int]) -> list[int]:
    if account is not None:
        return [account.account_id]
    return [] if kind == "prices" else list(keys)


def _once(
    result: RecordsResult,
    rows: Iterable[tuple[int, Record | Reject]],
    account: Account | None,
    today: date,
) -> Rows:
    """Leave out bad rows, rows of days to come, and rows that say again what one said before."""
    good: dict[tuple[Any, ...], tuple[int, Record]] = {}
    for line, row in rows:
        if isinstance(row, Reject):
            result.refuse(line, row)
            continue
        if isinstance(row, Conversion) and account is not None:
            row = replace(row, account_id=account.account_id)  # noqa: PLW2901 - files name none
        name, day = _day(row)
        if day > today:
            reason = f"{name}: {day} is still to come; import it from that day on"
            result.refuse(line, Reject(_names(row), reason, repr(row)))
            continue
        first, known = good.setdefault(_key(row), (line, row))
        if known != row:
            reason = f"the record is on line {first} too, and line {line} differs"
            result.refuse(line, Reject(_names(row), reason, repr(row)))
        elif first != line:
            result.repeated += 1
    return list(good.values())


def _day(record: Record) -> tuple[str, date]:
    if isinstance(record, CorporateAction):
        return "ex_date", record.ex_date
    if isinstance(record, Settlement):
        return "expiry", record.expiry
    return "trade_date", record.trade_date


def _key(record: Record) -> tuple[Any, ...]:
    if isinstance(record, CorporateAction):
        return record.isin, record.ex_date, record.kind
    if isinstance(record, Conversion):
        return (record.conversion_id,)
    if isinstance(record, Settlement):
        return record.exchange, record.symbol
    return record.exchange, record.symbol, record.trade_date


def _names(record: Record) -> str:
    return " ".join(map(str, _key(record)))


def _followed(result: RecordsResult, rows: Rows, stored: Iterable[CorporateAction]) -> Rows:
    """Leave out actions whose new ISIN contradicts the others: shares have one successor."""
    known = {_key(action): action for action in stored}
    good: Rows = []
    for line, row in rows:
        if isinstance(row, CorporateAction):
            others = [action for key, action in known.items() if key != _key(row)]
            reason = _contradiction(row, others) if row.new_isin else ""
            if reason:
                result.refuse(line, Reject(_names(row), f"new_isin: {reason}", repr(row)))
                continue
            known[_key(row)] = row
        good.append((line, row))
    return good


def _contradiction(action: CorporateAction, others: Sequence[CorporateAction]) -> str:
    for other in others:
        if other.isin == action.isin and other.new_isin not in ("", action.new_isin):
            return f"{action.isin} became {other.new_isin} on {other.ex_date}"
        if other.isin != action.isin and other.new_isin == action.new_isin:
            return f"{other.isin} became it on {other.ex_date}, and a merger is none of these kinds"
    if Facts(actions=tuple(others)).newest(action.new_isin) == action.isin:
        return f"{action.new_isin} became {action.isin} earlier"
    return ""
