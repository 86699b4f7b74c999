"""Looks that the books refuse: they fail alone, and what was asked and came is kept nevertheless.

What belongs here: writing looks so that one which is refused costs no other, and keeping the
records of those. What does not: what is written (``cycle``, ``monitoring``), what a record says
(``domain.looks``).
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar

from tradesync_dagster.domain.errors import StoreError
from tradesync_dagster.domain.looks import Look, refused_look
from tradesync_dagster.domain.ports import Store
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.fetching import Answers

_Done = TypeVar("_Done")

Refused = tuple[Answers, StoreError]
"""A look and the books' words."""


def write_looks(
    store: Store,
    looks: Sequence[Answers],
    write: Callable[[UnitOfWork, Sequence[Answers]], Sequence[_Done]],
    refused: list[Refused],
    *,
    patient: bool = True,
) -> list[_Done]:
    """Write all in one transaction; if it is refused, halve until the bad one is alone.

    Args:
        store: The books.
        looks: One an account.
        write: Writes some of them; without other effects than the transaction's.
        refused: Looks that are refused are added to it.
        patient: Whether to wait, for seconds, for a database that is busy or away.

    Returns:
        What writing gave.

    Raises:
        ConfigurationError: The books cannot be used.
    """
    if not looks:
        return []
    ids = [look.account.account_id for look in looks]
    try:
        return [*store.transact(ids, lambda work: write(work, looks), patient=patient)]
    except StoreError as error:
        if len(looks) == 1:
            refused.append((looks[0], error))
            return []
    half = len(looks) // 2
    halves = (looks[:half], looks[half:])  # the whole has waited for a busy database
    return [
        done for part in halves for done in write_looks(store, part, write, refused, patient=False)
    ]


def keep_refused(store: Store, refused: Iterable[Refused], tick_id: str) -> list[str]:
    """Keep records, each by itself, since what refused one may refuse another.

    Args:
        store: The books. No lease is taken: another writer may hold it, and a record that is
            there already stays as it is.
        refused: From ``write_looks``.
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
    work.add_looks([record])
