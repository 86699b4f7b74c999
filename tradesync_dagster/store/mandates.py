"""Mandates, signals, exits and paper twins in the store.

What belongs here: what a transaction over these ``task_tables`` does. What does not: what follows
from them (``domain.mandates``), schedules and turns (``tasks``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import date, datetime
from typing import Any

import pandas as pd
from sqlalchemy import delete, select

from tradesync_dagster.domain.mandates import Exit, Mandate, Signal, SignalState
from tradesync_dagster.domain.twins import Route
from tradesync_dagster.store import book_tables
from tradesync_dagster.store.rows import Repository, insert_new, upsert
from tradesync_dagster.store.task_tables import exits, mandates, paper_twins, signals

_MANDATE = [field.name for field in fields(Mandate)]


class Mandates(Repository):
    """Reads and writes what strategies may do, wish, and get out of."""

    def mandates(self, account_ids: Sequence[int]) -> list[Mandate]:
        """See ``task_rows.MandateRows``."""
        query = (
            select(*(mandates.c[name] for name in _MANDATE))
            .where(mandates.c.account_id.in_(account_ids))
            .order_by(mandates.c.account_id, mandates.c.strategy_id)
        )
        return [Mandate(**row) for row in self._connection.execute(query).mappings()]

    def put_mandate(self, mandate: Mandate, who: str, at: datetime) -> None:
        """See ``task_rows.MandateRows``."""
        row = asdict(mandate) | {"options": dict(mandate.options), "who": who, "changed_at": at}
        upsert(self._connection, mandates, [row])

    def signals(self, account_id: int, since: date) -> list[Signal]:
        """See ``task_rows.MandateRows``."""
        query = (
            select(signals)
            .where(signals.c.account_id == account_id, signals.c.made_on >= since)
            .order_by(signals.c.made_on.desc(), signals.c.score.desc(), signals.c.symbol)
        )
        return [_signal(row) for row in self._connection.execute(query).mappings()]

    def add_signals(self, found: Iterable[Signal]) -> None:
        """See ``task_rows.MandateRows``."""
        insert_new(self._connection, signals, [_row(one) for one in found])

    def put_signals(self, found: Iterable[Signal]) -> None:
        """See ``task_rows.MandateRows``."""
        upsert(self._connection, signals, [_row(one) for one in found])

    def price_history(self, since: date, until: date) -> pd.DataFrame:
        """See ``task_rows.MandateRows``."""
        table = book_tables.closing_prices
        names = ["exchange", "symbol", "trade_date", "price"]
        query = (
            select(*(table.c[name] for name in names))
            .where(table.c.trade_date.between(since, until))
            .order_by(table.c.trade_date, table.c.exchange, table.c.symbol)
        )
        rows = self._connection.execute(query).all()
        return pd.DataFrame([tuple(row) for row in rows], columns=names)

    def exits(self, account_id: int) -> list[Exit]:
        """See ``task_rows.MandateRows``."""
        query = (
            select(exits)
            .where(exits.c.account_id == account_id)
            .order_by(exits.c.strategy_id, exits.c.exchange, exits.c.symbol)
        )
        return [Exit(**row) for row in self._connection.execute(query).mappings()]

    def put_exits(self, found: Iterable[Exit]) -> None:
        """See ``task_rows.MandateRows``."""
        upsert(self._connection, exits, [asdict(one) for one in found])

    def drop_exits(self, found: Iterable[Exit]) -> None:
        """See ``task_rows.MandateRows``."""
        names = [column.name for column in exits.primary_key]
        for one in found:
            where = [exits.c[name] == getattr(one, name) for name in names]
            self._connection.execute(delete(exits).where(*where))

    def routes(self) -> list[Route]:
        """See ``twins.RouteRows``."""
        query = select(paper_twins).order_by(paper_twins.c.account_id)
        names = [field.name for field in fields(Route)]
        rows = self._connection.execute(query).mappings()
        return [Route(**{name: row[name] for name in names}) for row in rows]

    def put_route(self, route: Route) -> None:
        """See ``twins.RouteRows``."""
        upsert(self._connection, paper_twins, [asdict(route)])


def _row(signal: Signal) -> dict[str, Any]:
    return asdict(signal) | {"state": signal.state.value}


def _signal(row: Mapping[Any, Any]) -> Signal:
    return Signal(**{**row, "state": SignalState(row["state"])})
