"""Correcting and annulling fills that were not traded as they were reported.

Exchanges annul and correct trades, brokers report some wrongly, and a tradebook does not tell the
product. Each correction is one transaction that keeps what the fill was, with a person's name and
reason, and makes the books of its day and all later ones anew. A later report of the broker does
not undo it. What belongs here: what may be corrected, and by whose word. What does not: reports
that contradict one another (``applying``), storing (``store``).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.breaks import FILL_CHANGED, KnownBreak, fill_subject, tells_of
from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.domain.facts import PRODUCTS
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.ports import Store
from tradesync_dagster.domain.records import Correction, StoredFill
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.documents import shown
from tradesync_dagster.sync.history import catch_up
from tradesync_dagster.sync.settling import settle_where

_MOST_WORDS = 500
_MOST_NAME = 100


@dataclass(frozen=True, slots=True)
class Statement:
    """What a person says about one stored fill.

    Attributes:
        reason: In words; kept as evidence.
        who: The person's name; kept as evidence.
    """

    trade_date: date
    fill_id: str
    reason: str
    who: str


def correct_fill(
    store: Store, account: Account, statement: Statement, changes: dict[str, Any], now: datetime
) -> bool:
    """Change what a fill says; one that was annulled counts again.

    Args:
        store: The books.
        account: Whose fill it is.
        statement: Which fill, who says so, and why.
        changes: New ``quantity``, ``price`` (in millionths) or ``product``.
        now: UTC.

    Returns:
        Whether anything changed.

    Raises:
        ConfigurationError: There is no such fill, or the statement is not whole.
    """
    if changes.get("quantity", 1) < 1:
        raise ConfigurationError("a fill's quantity is above 0; annul the fill if there was none")
    if changes.get("product", "CNC") not in PRODUCTS:
        raise ConfigurationError(f"the product is none of {', '.join(PRODUCTS)}")
    return _correct(store, account, statement, lambda fill: replace(fill, **changes), now)


def annul_fill(store: Store, account: Account, statement: Statement, now: datetime) -> bool:
    """Make a fill count for nothing; it stays as evidence. See ``correct_fill``."""
    return _correct(store, account, statement, lambda _: None, now)


def _correct(
    store: Store,
    account: Account,
    statement: Statement,
    change: Callable[[Fill], Fill | None],
    now: datetime,
) -> bool:
    for name, most in (("reason", _MOST_WORDS), ("who", _MOST_NAME)):
        if not 0 < len(getattr(statement, name).strip()) <= most:
            raise ConfigurationError(f"a correction needs a {name} of 1 to {most} characters")
    with store.begin([account.account_id]) as work:
        stored = _found(work, account, statement)
        after = change(stored.fill)
        counted = stored.fill if stored.annulled_at is None else None
        if after == counted:
            return False
        work.correct_fill(
            Correction(stored, after, statement.reason.strip(), statement.who.strip(), now)
        )
        if after is not None:
            _settle(work, account.account_id, after, now)
        catch_up(work, [account.account_id], now)
    return True


def _settle(work: UnitOfWork, account_id: int, after: Fill, now: datetime) -> None:
    """Close what was reported otherwise of a fill, where it now says what that report did."""

    def gone(each: KnownBreak) -> bool:
        return each.subject == fill_subject(after) and tells_of(each, after)

    settle_where(work, [account_id], [FILL_CHANGED], gone, now)


def _found(work: UnitOfWork, account: Account, statement: Statement) -> StoredFill:
    day, fill_id = statement.trade_date, statement.fill_id
    stored = work.stored_fill(account.account_id, day, fill_id)
    if stored is None:
        raise ConfigurationError(
            f"{account.key} has no fill {fill_id!r} on {day}; list them with: tradesync fills list"
        )
    return stored


def fill_documents(store: Store, account: Account, since: date) -> list[dict[str, Any]]:
    """Write an account's fills, newest first, annulled ones too.

    Args:
        store: The books.
        account: Whose.
        since: The first trade date.

    Returns:
        JSON-ready values; money as decimal text.
    """
    with store.look() as work:
        found = work.stored_fills(account.account_id, since)
    return [
        {
            "account": account.key,
            "trade_date": one.fill.trade_date.isoformat(),
            "fill_id": one.fill.fill_id,
            **one.evidence(),
            "quantity": one.fill.quantity,
            "source": one.source,
        }
        for one in found
    ]


def correction_documents(store: Store, account: Account) -> list[dict[str, Any]]:
    """Write what was corrected in an account, newest first; ``after`` is null where annulled."""
    with store.look() as work:
        found = work.corrections(account.account_id)
    return [{"account": account.key} | shown(row) for row in found]
