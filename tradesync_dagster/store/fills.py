"""Fills, instruments and the other facts that books are made from.

What belongs here: reading and writing them in bulk, and marking the books that no longer follow
from them. What does not: making books (``domain.bookkeeping``) or keeping them (``books``).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import date
from typing import Any

import pandas as pd
from sqlalchemy import case, func, literal, literal_column, select, text

from tradesync_dagster.domain.book_frames import FILL_COLUMNS
from tradesync_dagster.domain.book_states import AddedFills
from tradesync_dagster.domain.facts import (
    DELIVERY,
    TWINS,
    Conversion,
    CorporateAction,
    Facts,
    OpeningBalance,
    Settlement,
)
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.orders import Side
from tradesync_dagster.store import book_tables
from tradesync_dagster.store.frames import frame_of
from tradesync_dagster.store.rows import Repository, insert_new, row_of, upsert

BROKER = "broker"
_FILL_FIELDS = tuple(field.name for field in fields(Fill))
_LOOKUP = 2_000
_UNTOLD = ("isin", "last_price", "priced_at")
_Key = tuple[int, date, str]
_WANTED = {
    "postgresql": (
        "unnest(CAST(:accounts AS int[]), CAST(:days AS date[]), CAST(:names AS text[])) "
        "AS wanted (account_id, day, id)"
    ),
    "sqlite": (
        "(SELECT json_extract(value, '$[0]') AS account_id, json_extract(value, '$[1]') AS day, "
        "json_extract(value, '$[2]') AS id FROM json_each(:keys)) AS wanted"
    ),
}
"""A list of keys to join with: looked up by "IN", SQLite would read the whole table."""


def fill_of(row: Mapping[Any, Any]) -> Fill:
    """Read one row that names at least the columns of ``fills``."""
    values = {name: row[name] for name in _FILL_FIELDS}
    values["side"] = Side(values["side"])
    return Fill(**values)


def _row(key: _Key, fill: Fill, source: str) -> dict[str, Any]:
    return row_of(fill) | {
        "account_id": key[0],
        "fill_id": key[2],
        "side": fill.side.value,
        "source": source,
    }


class Fills(Repository):
    """Reads and writes fills, instruments, prices and facts."""

    def add_fills(self, account_fills: Iterable[tuple[int, Fill]], source: str) -> AddedFills:
        """See ``unit_of_work.FillRows``."""
        result = AddedFills()
        sent: dict[_Key, Fill] = {}
        for account_id, fill in account_fills:
            first = sent.setdefault((account_id, fill.trade_date, fill.fill_id), fill)
            if first is not fill and first != fill:
                result.differing.append((account_id, first, fill))
        known = self._known(list(sent))
        rows = []
        for key, fill in sent.items():
            if key not in known:
                rows.append(_row(key, fill, source))
                result.added += 1
                continue
            stored, stored_source = known[key]
            if _contradicts(stored, stored_source, fill, source):
                result.differing.append((key[0], stored, fill))
            elif stored_source != BROKER and source == BROKER:
                rows.append(_row(key, fill, source) | {"isin": stored.isin or fill.isin})
            else:
                result.known += 1
        # Only a file's rows are ever overwritten, and only by the broker's own report.
        upsert(self._connection, book_tables.fills, rows)
        for row in rows:
            day = result.since.get(row["account_id"], row["trade_date"])
            result.since[row["account_id"]] = min(day, row["trade_date"])
        self.mark_stale(result.since)
        return result

    def _known(self, keys: list[_Key]) -> dict[_Key, tuple[Fill, str]]:
        table = book_tables.fills
        found: dict[_Key, tuple[Fill, str]] = {}
        query = (
            select(table)
            .select_from(text(_WANTED[self._connection.dialect.name]))
            .where(
                table.c.account_id == literal_column("wanted.account_id"),
                table.c.trade_date == literal_column("wanted.day"),
                table.c.fill_id == literal_column("wanted.id"),
            )
        )
        for start in range(0, len(keys), _LOOKUP):
            rows = self._connection.execute(query, self._wanted(keys[start : start + _LOOKUP]))
            for row in rows.mappings():
                key = (row["account_id"], row["trade_date"], row["fill_id"])
                found[key] = (fill_of(row), row["source"])
        return found

    def _wanted(self, keys: Sequence[_Key]) -> dict[str, Any]:
        if self._connection.dialect.name == "sqlite":
            return {"keys": json.dumps([(a, day.isoformat(), name) for a, day, name in keys])}
        accounts, days, names = zip(*keys, strict=True)
        return {"accounts": list(accounts), "days": list(days), "names": list(names)}

    def mark_stale(self, since: Mapping[int, date]) -> None:
        """Note that accounts' books no longer follow from the facts, from a day on.

        Args:
            since: The day by account id; an earlier mark stays.
        """
        table = book_tables.generations
        ids = [{"account_id": account_id} for account_id in since]
        insert_new(self._connection, table, ids)
        for account_id, day in sorted(since.items()):
            self._connection.execute(
                table.update()
                .where(table.c.account_id == account_id)
                .values(
                    stale_from=case(
                        (table.c.stale_from < day, table.c.stale_from), else_=literal(day)
                    )
                )
            )

    def fills(
        self, account_ids: Sequence[int], since: date, until: date | None = None
    ) -> pd.DataFrame:
        """See ``unit_of_work.FillRows``."""
        table = book_tables.fills
        columns = [table.c[name] for name in FILL_COLUMNS if name != "quantity"]
        quantity = case(
            (table.c.side == Side.BUY.value, table.c.quantity), else_=-table.c.quantity
        ).label("quantity")
        query = select(*columns, quantity).where(
            table.c.account_id.in_(account_ids),
            table.c.trade_date >= since,
            table.c.annulled_at.is_(None),
        )
        if until is not None:
            query = query.where(table.c.trade_date <= until)
        return frame_of(self._connection, query, FILL_COLUMNS)

    def fill_days(self, account_ids: Sequence[int], since: date) -> list[tuple[date, int]]:
        """See ``unit_of_work.FillRows``."""
        table = book_tables.fills
        query = (
            select(table.c.trade_date, func.count())
            .where(table.c.account_id.in_(account_ids), table.c.trade_date >= since)
            .group_by(table.c.trade_date)
            .order_by(table.c.trade_date)
        )
        return [(row[0], row[1]) for row in self._connection.execute(query)]

    def facts(self, account_ids: Sequence[int]) -> Facts:
        """See ``unit_of_work.FillRows``."""
        names = book_tables.instruments
        isins = select(names.c.exchange, names.c.symbol, names.c.isin).where(names.c.isin != "")
        openings, moves = book_tables.opening_balances, book_tables.conversions
        return Facts(
            isins={(r[0], r[1]): r[2] for r in self._connection.execute(isins)},
            openings=tuple(
                OpeningBalance(**row)
                for row in self._rows(
                    select(openings).where(openings.c.account_id.in_(account_ids))
                )
            ),
            actions=tuple(
                CorporateAction(**row) for row in self._rows(select(book_tables.corporate_actions))
            ),
            conversions=tuple(
                Conversion(**{**row, "side": Side(row["side"])})
                for row in self._rows(select(moves).where(moves.c.account_id.in_(account_ids)))
            ),
            settlements=tuple(Settlement(**r) for r in self._rows(select(book_tables.settlements))),
        )

    def put_openings(self, balances: Iterable[OpeningBalance]) -> None:
        """See ``unit_of_work.FillRows``."""
        insert_new(self._connection, book_tables.opening_balances, map(row_of, balances))

    def instruments(self) -> dict[tuple[str, str], tuple[int, int | None]]:
        """See ``unit_of_work.FillRows``."""
        table = book_tables.instruments
        query = select(table.c.exchange, table.c.symbol, table.c.multiplier, table.c.last_price)
        return {(r[0], r[1]): (r[2], r[3]) for r in self._connection.execute(query)}

    def prices(self, day: date) -> dict[tuple[str, str], tuple[int, int | None]]:
        """See ``unit_of_work.FillRows``."""
        table = book_tables.closing_prices
        latest = (
            select(table.c.exchange, table.c.symbol, func.max(table.c.trade_date).label("day"))
            .where(table.c.trade_date <= day)
            .group_by(table.c.exchange, table.c.symbol)
            .subquery()
        )
        query = select(table.c.exchange, table.c.symbol, table.c.price).join(
            latest,
            (table.c.exchange == latest.c.exchange)
            & (table.c.symbol == latest.c.symbol)
            & (table.c.trade_date == latest.c.day),
        )
        closed = {(r[0], r[1]): r[2] for r in self._connection.execute(query)}
        return {key: (known[0], closed.get(key)) for key, known in self.instruments().items()}

    def closing_prices(self, until: date) -> pd.DataFrame:
        """See ``unit_of_work.FillRows``."""
        table = book_tables.closing_prices
        columns = ("exchange", "symbol", "trade_date", "price")
        query = select(*(table.c[name] for name in columns)).where(table.c.trade_date <= until)
        return frame_of(self._connection, query, columns)

    def put_instruments(self, rows: Iterable[Mapping[str, Any]], trade_date: date) -> None:
        """See ``unit_of_work.FillRows``."""
        listed = list(rows)
        self._mark_renamed(listed)
        for left_out in ((), ("isin",), ("last_price", "priced_at"), _UNTOLD):
            told = [row for row in listed if _untold(row) == frozenset(left_out)]
            bare = [{k: v for k, v in row.items() if k not in left_out} for row in told]
            upsert(self._connection, book_tables.instruments, bare)
        upsert(
            self._connection,
            book_tables.closing_prices,
            [
                {
                    "exchange": row["exchange"],
                    "symbol": row["symbol"],
                    "trade_date": trade_date,
                    "price": row["last_price"],
                }
                for row in listed
                if row["last_price"] is not None
            ],
        )

    def _mark_renamed(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Mark books stale whose queue gets another name: an ISIN became known, or changed."""
        table = book_tables.instruments
        stored = {
            (r[0], r[1]): r[2]
            for r in self._connection.execute(
                select(table.c.exchange, table.c.symbol, table.c.isin)
            )
        }
        renamed: set[str] = set()
        for row in rows:
            exchange, symbol = row["exchange"], row["symbol"]
            known = stored.get((exchange, symbol), "")
            if row["isin"] not in ("", known):
                listings = (exchange, TWINS.get(exchange, exchange))
                renamed |= {known} if known else {f"{place}:{symbol}" for place in listings}
        if not renamed:
            return
        days = book_tables.position_days
        query = (
            select(days.c.account_id, func.min(days.c.trade_date))
            .where(days.c.instrument.in_(renamed), days.c.product.in_(DELIVERY))
            .group_by(days.c.account_id)
        )
        self.mark_stale({row[0]: row[1] for row in self._connection.execute(query)})


def _untold(row: Mapping[str, Any]) -> frozenset[str]:
    """Name what a broker did not tell of an instrument, so that what is known of it stays."""
    isin = () if row["isin"] else ("isin",)
    price = () if row["last_price"] is not None else ("last_price", "priced_at")
    return frozenset((*isin, *price))


def _contradicts(stored: Fill, stored_source: str, sent: Fill, source: str) -> bool:
    """Tell whether two reports cannot both be true; a file leaves product and order's time out."""
    if stored_source == source == BROKER:
        return stored != sent
    return not stored.same_trade(sent)
