"""Fills, instruments and the other facts that books are made from.

What belongs here: reading and writing them in bulk, and marking the books that no longer follow
from them. What does not: making books (``domain.bookkeeping``) or keeping them (``books``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import date
from typing import Any

import pandas as pd
from sqlalchemy import Date, Integer, Text, case, column, func, literal, select, values

from tradesync_dagster.domain.bookkeeping import FILL_COLUMNS
from tradesync_dagster.domain.facts import (
    DELIVERY,
    Conversion,
    CorporateAction,
    Facts,
    OpeningBalance,
    Settlement,
)
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.orders import Side
from tradesync_dagster.domain.unit_of_work import AddedFills
from tradesync_dagster.store import book_tables
from tradesync_dagster.store.frames import frame_of
from tradesync_dagster.store.rows import Repository, insert_new, upsert

BROKER = "broker"
_FILL_FIELDS = tuple(field.name for field in fields(Fill))
_LOOKUP = 2_000
_Key = tuple[int, date, str]


def _fill_of(found: Mapping[Any, Any]) -> Fill:
    values = {name: found[name] for name in _FILL_FIELDS}
    values["side"] = Side(values["side"])
    return Fill(**values)


def _row(key: _Key, fill: Fill, source: str) -> dict[str, Any]:
    row = {name: getattr(fill, name) for name in _FILL_FIELDS}
    return row | {
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
        for start in range(0, len(keys), _LOOKUP):
            # Joined and not "IN": SQLite looks a list of tuples up by reading the whole table.
            wanted = (
                values(
                    column("account_id", Integer), column("day", Date), column("id", Text),
                    name="wanted",
                )
                .data(keys[start : start + _LOOKUP])
                .cte("wanted")
            )  # fmt: skip
            query = select(table).join_from(
                wanted,
                table,
                (table.c.account_id == wanted.c.account_id)
                & (table.c.trade_date == wanted.c.day)
                & (table.c.fill_id == wanted.c.id),
            )
            for row in self._connection.execute(query).mappings():
                key = (row["account_id"], row["trade_date"], row["fill_id"])
                found[key] = (_fill_of(row), row["source"])
        return found

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

    def facts(self, account_ids: Sequence[int]) -> Facts:
        """See ``unit_of_work.FillRows``."""
        names = book_tables.instruments
        isins = select(names.c.exchange, names.c.symbol, names.c.isin).where(names.c.isin != "")
        openings, moves = book_tables.opening_balances, book_tables.conversions
        return Facts(
            isins={(r[0], r[1]): r[2] for r in self._connection.execute(isins)},
            openings=tuple(
                OpeningBalance(**row)
                for row in self._of(select(openings).where(openings.c.account_id.in_(account_ids)))
            ),
            actions=tuple(
                CorporateAction(**row) for row in self._of(select(book_tables.corporate_actions))
            ),
            conversions=tuple(
                Conversion(**{**row, "side": Side(row["side"])})
                for row in self._of(select(moves).where(moves.c.account_id.in_(account_ids)))
            ),
            settlements=tuple(Settlement(**r) for r in self._of(select(book_tables.settlements))),
        )

    def _of(self, query: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in self._connection.execute(query).mappings()]

    def put_openings(self, balances: Iterable[OpeningBalance]) -> None:
        """See ``unit_of_work.FillRows``."""
        names = [field.name for field in fields(OpeningBalance)]
        rows = [{name: getattr(balance, name) for name in names} for balance in balances]
        insert_new(self._connection, book_tables.opening_balances, rows)

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
        named = [row for row in listed if row["isin"]]
        unnamed = [{k: v for k, v in row.items() if k != "isin"} for row in listed]
        upsert(self._connection, book_tables.instruments, named)
        upsert(self._connection, book_tables.instruments, unnamed)
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
        renamed = [
            stored.get((row["exchange"], row["symbol"])) or f"{row['exchange']}:{row['symbol']}"
            for row in rows
            if row["isin"] not in ("", stored.get((row["exchange"], row["symbol"]), ""))
        ]
        if not renamed:
            return
        days = book_tables.position_days
        query = (
            select(days.c.account_id, func.min(days.c.trade_date))
            .where(days.c.instrument.in_(renamed), days.c.product.in_(DELIVERY))
            .group_by(days.c.account_id)
        )
        self.mark_stale({row[0]: row[1] for row in self._connection.execute(query)})


def _contradicts(stored: Fill, stored_source: str, sent: Fill, source: str) -> bool:
    """Tell whether two reports cannot both be true; a file leaves product and order's time out."""
    if stored_source == source == BROKER:
        return stored != sent
    return not stored.same_trade(sent)
