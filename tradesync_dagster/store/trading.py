"""Limits and halts in the store, and whether an account is live.

What belongs here: reading and writing them. What does not: what follows from them
(``domain.order_limits``).
"""

from dataclasses import asdict, fields
from datetime import datetime

from sqlalchemy import select, update

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.order_limits import Halt, Limits, scopes_of
from tradesync_dagster.store import book_tables, tables
from tradesync_dagster.store.rows import Repository, insert_new, upsert
from tradesync_dagster.store.task_tables import paper_twins
from tradesync_dagster.store.trading_tables import halts, order_limits


class Trading(Repository):
    """Reads and writes limits and halts."""

    def halts_on(self, account: Account) -> list[Halt]:
        """See ``trading_rows.TradingRows``."""
        scopes = {*scopes_of(account), self._key_behind(account)}
        return [halt for halt in self.halts() if halt.scope in scopes]

    def _key_behind(self, account: Account) -> str:
        """Name the account whose paper twin one is; itself where it is nobody's."""
        table, twins = tables.accounts, paper_twins
        query = (
            select(table.c.organization_id, table.c.pseudo_account)
            .join_from(table, twins, twins.c.account_id == table.c.account_id)
            .where(twins.c.twin_id == account.account_id)
        )
        row = self._connection.execute(query).first()
        return account.key if row is None else f"{row[0]}/{row[1]}"

    def halts(self) -> list[Halt]:
        """Read all halts that are on, the widest first."""
        query = (
            select(halts.c.scope, halts.c.halted_at, halts.c.who, halts.c.why)
            .where(halts.c.resumed_at.is_(None))
            .order_by(halts.c.scope)
        )
        return [Halt(*row) for row in self._connection.execute(query)]

    def halt(self, halt: Halt) -> bool:
        """Keep a halt; tell whether it is new, for one that is on already stays as it is."""
        known = any(one.scope == halt.scope for one in self.halts())
        if not known:
            insert_new(self._connection, halts, [asdict(halt)])
        return not known

    def resume(self, scope: str, who: str, why: str, at: datetime) -> bool:
        """End the halt of a scope; tell whether there was one."""
        statement = (
            update(halts)
            .where(halts.c.scope == scope, halts.c.resumed_at.is_(None))
            .values(resumed_at=at, resumed_by=who, resumed_why=why)
        )
        return self._connection.execute(statement).rowcount > 0

    def limits(self, account_id: int) -> Limits:
        """See ``trading_rows.TradingRows``."""
        names = [field.name for field in fields(Limits)]
        query = select(*(order_limits.c[name] for name in names)).where(
            order_limits.c.account_id == account_id
        )
        row = self._connection.execute(query).mappings().first()
        return Limits() if row is None else Limits(**{name: row[name] for name in names})

    def put_limits(self, account_id: int, limits: Limits, who: str, at: datetime) -> None:
        """See ``trading_rows.TradingRows``."""
        row = {"account_id": account_id, **asdict(limits), "who": who, "changed_at": at}
        upsert(self._connection, order_limits, [row])

    def instrument(self, exchange: str, symbol: str) -> tuple[int, int | None] | None:
        """See ``trading_rows.TradingRows``."""
        table = book_tables.instruments
        query = select(table.c.multiplier, table.c.last_price).where(
            table.c.exchange == exchange, table.c.symbol == symbol
        )
        row = self._connection.execute(query).first()
        return None if row is None else (row[0], row[1])
