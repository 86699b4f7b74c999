"""Looks whose transaction the books refused: what was asked and came is kept nevertheless.

What belongs here: keeping their records once the tick is over. What does not: when a look is given
up (``cycle``), what its record says (``domain.looks``).
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial

from tradesync_dagster.domain.errors import StoreError
from tradesync_dagster.domain.looks import Look, refused_look
from tradesync_dagster.domain.ports import Store
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.fetching import Answers

_ALL = datetime.min.replace(tzinfo=UTC)


def keep_refused(
    store: Store, refused: Iterable[tuple[Answers, StoreError]], tick_id: str
) -> list[str]:
    """Keep records, each by itself, since what refused one may refuse another.

    Args:
        store: The books. No lease is taken: another writer may hold it, and a record that is
            there already stays as it is.
        refused: The looks, with the books' words.
        tick_id: The tick that they belong to.

    Returns:
        Sentences about records that are lost, since the books refused them, too.
    """
    lost = []
    for look, why in refused:
        record = refused_look(look.account.account_id, look.all, tick_id, str(why))
        try:
            store.transact([], partial(_add, record))
        except StoreError as error:
            lost.append(f"{look.account.key}: the record of this look is lost, too: {error}")
    return lost


def _add(record: Look, work: UnitOfWork) -> None:
    work.add_looks([record], _ALL)
