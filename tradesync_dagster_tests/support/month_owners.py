"""How well the external orders of a simulated month found their owners, against what they were for.

What belongs here: counting. What does not: what each order was for (``month_people``).
"""

from dataclasses import dataclass

from sqlalchemy import select

from tradesync_dagster.store.schema import metadata
from tradesync_dagster_tests.support.simulated_month import Month


@dataclass(frozen=True)
class Owners:
    """Counts of external orders.

    Attributes:
        given: Those that got an owner by themselves.
        right: Of these, the ones that were for that strategy.
        due: Those that were for a strategy, whether it was found or not.
    """

    orders: int = 0
    given: int = 0
    right: int = 0
    due: int = 0

    @property
    def precision(self) -> float:
        return self.right / self.given if self.given else 0.0

    @property
    def recall(self) -> float:
        return self.right / self.due if self.due else 0.0


def owners(month: Month) -> Owners:
    """Count a month's."""
    table = metadata.tables["orders"]
    query = select(table.c.broker_order_id, table.c.strategy_id).where(table.c.origin == "external")
    with month.desk.services.store.reading() as connection:
        found = {row.broker_order_id: row.strategy_id for row in connection.execute(query)}
    truth = month.people.owners
    return Owners(
        len(found),
        sum(bool(owner) for owner in found.values()),
        sum(bool(owner) and owner == truth[order] for order, owner in found.items()),
        sum(bool(truth[order]) for order in found),
    )
