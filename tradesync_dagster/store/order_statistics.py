"""How many orders stand where: the distribution over statuses.

What belongs here: counting. What does not: lists of orders (``queries``).
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, or_, select

from tradesync_dagster.store import tables
from tradesync_dagster.store.orders import is_watched
from tradesync_dagster.store.rows import Repository


@dataclass(frozen=True, slots=True)
class Standing:
    """How many orders of one side and origin have one status."""

    side: str
    origin: str
    status: str
    orders: int


class OrderStatistics(Repository):
    """Counts orders."""

    def standings(
        self, day: date, *, organization: str | None = None, account: str | None = None
    ) -> list[Standing]:
        """Count a day's orders, and those of earlier days that brokers may still be working.

        Args:
            day: The exchange's day.
            organization: Of this one only; ``None`` for all.
            account: Its own name within the organization; ``None`` for all.
        """
        table, accounts = tables.orders, tables.accounts
        groups = (table.c.side, table.c.origin, table.c.status)
        query = (
            select(*groups, func.count())
            .join(accounts, accounts.c.account_id == table.c.account_id)
            .where(
                or_(table.c.trade_date == day, is_watched() & (table.c.trade_date < day)),
            )
            .group_by(*groups)
            .order_by(*groups)
        )
        if organization is not None:
            query = query.where(accounts.c.organization_id == organization)
        if account is not None:
            query = query.where(accounts.c.pseudo_account == account)
        return [Standing(*row) for row in self._connection.execute(query)]
