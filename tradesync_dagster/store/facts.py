"""Facts that people record: corporate actions, settlements, conversions, prices, corrected fills.

Recording the same again changes nothing; a change marks every account whose books no longer
follow, whoever holds its lease. What belongs here: writing these facts, and finding the books
concerned. What does not: reading them for the books (``fills``), applying them (``domain``).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import Date, Table, bindparam, delete, func, null, select

from tradesync_dagster.domain.facts import Conversion, CorporateAction, Facts, Settlement
from tradesync_dagster.domain.orders import Side
from tradesync_dagster.domain.records import ClosingPrice, Correction, Recorded, StoredFill
from tradesync_dagster.store import book_tables
from tradesync_dagster.store.books import BookKeeping
from tradesync_dagster.store.fills import Fills, fill_of
from tradesync_dagster.store.rows import Repository, insert_new, row_of, upsert

_LOOKUP = 2_000
"""Most keys that one query asks for."""
_Row = dict[str, Any]
_Since = dict[int, date]


@dataclass(frozen=True, slots=True)
class _Change:
    """A row that is written or taken out, and what was stored; ``None`` where it is new."""

    old: _Row | None
    row: _Row

    def first(self, name: str) -> date:
        """Return the earlier of the two rows' days."""
        days: list[date] = [row[name] for row in (self.old, self.row) if row is not None]
        return min(days)


@dataclass(frozen=True, slots=True)
class _Reach:
    """Of one account's books: when an instrument first stood there, and until when at least."""

    account_id: int
    instrument: str
    first: date
    last: date


class RecordedFacts(Repository):
    """Reads and writes what people record."""

    def put_actions(self, facts: Iterable[CorporateAction], *, withdraw: bool = False) -> Recorded:
        """Insert or update corporate actions, or take them out again.

        Accounts that have the shares then or later are marked from the ex-date; where the shares
        get another name, those that ever had them from the beginning.
        """
        before = self._actions()
        changes, result = self._put(book_tables.corporate_actions, facts, withdraw=withdraw)
        after = self._actions()
        known = {isin for state in (before, after) for a in state.actions for isin in _isins(a)}
        renamed = {before.newest(i) for i in known if before.newest(i) != after.newest(i)}
        concerned: dict[str, date] = {}
        for change in changes:
            _earlier(concerned, after.newest(change.row["isin"]), change.first("ex_date"))
        for reach in self._reaches([*concerned, *renamed]):
            if reach.instrument in renamed:
                _earlier(result.since, reach.account_id, reach.first)
            if reach.instrument in concerned and reach.last >= concerned[reach.instrument]:
                _earlier(result.since, reach.account_id, concerned[reach.instrument])
        return self._marked(result)

    def put_settlements(self, facts: Iterable[Settlement], *, withdraw: bool = False) -> Recorded:
        """Insert or update settlements; accounts that have the contract then are marked from it."""
        changes, result = self._put(book_tables.settlements, facts, withdraw=withdraw)
        listed = _listed(changes, ("exchange", "symbol", "expiry"))
        upsert(self._connection, book_tables.instruments, listed)
        expiries = {
            f"{change.row['exchange']}:{change.row['symbol']}": change.first("expiry")
            for change in changes
        }
        for reach in self._reaches(list(expiries)):
            if reach.last >= expiries[reach.instrument]:
                _earlier(result.since, reach.account_id, expiries[reach.instrument])
        return self._marked(result)

    def put_conversions(self, facts: Iterable[Conversion], *, withdraw: bool = False) -> Recorded:
        """Insert or update conversions; their accounts are marked from their days."""
        changes, result = self._put(book_tables.conversions, facts, withdraw=withdraw)
        for change in changes:
            _earlier(result.since, change.row["account_id"], change.first("trade_date"))
        return self._marked(result)

    def put_closing_prices(
        self, facts: Iterable[ClosingPrice], *, withdraw: bool = False
    ) -> Recorded:
        """Insert or update closing prices, which value books' days and change no books."""
        changes, result = self._put(book_tables.closing_prices, facts, withdraw=withdraw)
        # A price of an instrument that no broker has named yet is listed all the same.
        listed = _listed(changes, ("exchange", "symbol"))
        insert_new(self._connection, book_tables.instruments, listed)
        self._mark_valued(changes)
        return result

    def _mark_valued(self, changes: Sequence[_Change]) -> None:
        """Note from which day on accounts' days are worth something else."""
        days = book_tables.position_days
        names = (days.c.exchange, days.c.symbol)
        holders = defaultdict(list)
        query = select(days.c.account_id, *names).distinct() if changes else None
        for row in self._connection.execute(query) if query is not None else ():
            holders[row.exchange, row.symbol].append(row.account_id)
        since: dict[int, date] = {}
        for change in changes:
            for account_id in holders.get((change.row["exchange"], change.row["symbol"]), ()):
                _earlier(since, account_id, change.first("trade_date"))
        BookKeeping(self._connection).mark_changed(since)

    def stored_fills(self, account_id: int, since: date) -> list[StoredFill]:
        """See ``unit_of_work.FactRows``."""
        table = book_tables.fills
        query = select(table).where(table.c.account_id == account_id, table.c.trade_date >= since)
        newest = (table.c.trade_date.desc(), table.c.filled_at.desc(), table.c.fill_id)
        return [_stored_fill(row) for row in self._rows(query.order_by(*newest))]

    def stored_fill(self, account_id: int, day: date, fill_id: str) -> StoredFill | None:
        """See ``unit_of_work.FactRows``."""
        table = book_tables.fills
        query = select(table).where(
            table.c.account_id == account_id,
            table.c.trade_date == day,
            table.c.fill_id == fill_id,
        )
        return next((_stored_fill(row) for row in self._rows(query)), None)

    def correct_fill(self, correction: Correction) -> None:
        """See ``unit_of_work.FactRows``."""
        before, after = correction.before, correction.after
        key = {
            "account_id": before.account_id,
            "trade_date": before.fill.trade_date,
            "fill_id": before.fill.fill_id,
        }
        row = {
            "before": before.evidence(),
            "after": null()
            if after is None
            else replace(before, fill=after, annulled_at=None).evidence(),
            "corrected_at": correction.at,
            "reason": correction.reason,
            "who": correction.who,
        }
        self._connection.execute(book_tables.fill_corrections.insert().values(key | row))
        table = book_tables.fills
        changed: _Row = {"annulled_at": correction.at}
        if after is not None:
            changed = {name: getattr(after, name) for name in ("quantity", "price", "product")}
            changed["annulled_at"] = None
        matches = [table.c[name] == value for name, value in key.items()]
        self._connection.execute(table.update().where(*matches).values(changed))
        Fills(self._connection).mark_stale({before.account_id: before.fill.trade_date})

    def corrections(self, account_id: int) -> list[dict[str, Any]]:
        """See ``unit_of_work.FactRows``."""
        table = book_tables.fill_corrections
        query = select(table).where(table.c.account_id == account_id)
        return self._rows(query.order_by(table.c.corrected_at.desc(), table.c.fill_id))

    def _actions(self) -> Facts:
        query = select(book_tables.corporate_actions)
        return Facts(actions=tuple(CorporateAction(**row) for row in self._rows(query)))

    def _put(
        self, table: Table, facts: Iterable[Any], *, withdraw: bool
    ) -> tuple[list[_Change], Recorded]:
        """Write the facts that are new or differ, or delete those that are stored just so.

        The last one of a key counts.
        """
        sent = {_key(table, row): row for row in map(_row, facts)}
        stored = self._stored(table, list(sent))
        changes = [
            _Change(stored.get(key), row)
            for key, row in sent.items()
            if (stored.get(key) == row) == withdraw
        ]
        if withdraw:
            columns = list(table.primary_key.columns)
            gone = delete(table).where(*(c == bindparam(f"_{c.name}") for c in columns))
            keys = [{f"_{c.name}": change.row[c.name] for c in columns} for change in changes]
            if keys:
                self._connection.execute(gone, keys)
        else:
            upsert(self._connection, table, [change.row for change in changes])
        return changes, Recorded(len(changes), len(sent) - len(changes))

    def _stored(self, table: Table, keys: Sequence[tuple[Any, ...]]) -> dict[tuple[Any, ...], _Row]:
        found: dict[tuple[Any, ...], _Row] = {}
        ordered = sorted(keys)
        for start in range(0, len(ordered), _LOOKUP):
            # Column by column, which may find some rows too many: PostgreSQL has no quick way to
            # hold rows against a list of whole keys.
            told = zip(*ordered[start : start + _LOOKUP], strict=True)
            near = (
                column.between(min(values), max(values))
                if isinstance(column.type, Date)
                else column.in_(sorted(set(values)))
                for column, values in zip(table.primary_key.columns, told, strict=True)
            )
            found |= {_key(table, row): row for row in self._rows(select(table).where(*near))}
        return found

    def _reaches(self, instruments: Sequence[str]) -> list[_Reach]:
        """Tell since when, and until when, instruments stand in which accounts' books."""
        found: list[_Reach] = []
        days, lots = book_tables.position_days, book_tables.lots
        for start in range(0, len(instruments), _LOOKUP):
            names = instruments[start : start + _LOOKUP]
            for table, first, last in (
                (days, days.c.trade_date, days.c.trade_date),
                (lots, lots.c.held_from, lots.c.held_to),
            ):
                query = (
                    select(table.c.account_id, table.c.instrument, func.min(first), func.max(last))
                    .where(table.c.instrument.in_(names))
                    .group_by(table.c.account_id, table.c.instrument)
                )
                found += [_Reach(*row) for row in self._connection.execute(query)]
        return found

    def _marked(self, result: Recorded) -> Recorded:
        Fills(self._connection).mark_stale(result.since)
        return result


def _row(fact: Any) -> _Row:
    return {k: v.value if isinstance(v, Side) else v for k, v in row_of(fact).items()}


def _listed(changes: Iterable[_Change], names: Sequence[str]) -> list[_Row]:
    """Pick an instrument's columns of the rows that are written, one of each."""
    rows = (change.row for change in changes)
    return list({(r["exchange"], r["symbol"]): {n: r[n] for n in names} for r in rows}.values())


def _key(table: Table, row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[column.name] for column in table.primary_key)


def _isins(action: CorporateAction) -> set[str]:
    return {action.isin, action.new_isin} - {""}


def _earlier(days: dict[Any, date], key: Any, day: date) -> None:
    days[key] = min(days.get(key, day), day)


def _stored_fill(row: Mapping[str, Any]) -> StoredFill:
    return StoredFill(row["account_id"], fill_of(row), row["source"], row["annulled_at"])
