"""Breaks: differences between what the books and the brokers say, stored until explained.

A break that a periodic check finds lives by what the check finds: suspected when seen once, open
when it stayed, resolved when it is gone. One that needs no second look, since nothing between two
answers can explain it, is open at once. People may explain or accept a break; if it then changes,
it is open again. What belongs here: the break and its life. What does not: finding one
(``external``, ``reconciliation``, ``positions``).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.money import format_price
from tradesync_dagster.domain.orders import BrokerOrder


@dataclass(frozen=True, slots=True)
class Break:
    """A difference that nobody has explained, stored once and counted.

    Attributes:
        kind: Such as ``book_shrank``, ``placement_ambiguous`` or ``filled_without_trades``.
        subject: What differs, such as an order id; one row per account, kind and subject.
        evidence: JSON-ready values, no floats.
    """

    account_id: int
    kind: str
    subject: str
    seen_at: datetime
    evidence: dict[str, Any] = field(default_factory=dict)


class BreakState(StrEnum):
    """Where a break stands."""

    SUSPECTED = "suspected"
    OPEN = "open"
    EXPLAINED = "explained"
    ACCEPTED = "accepted"
    RESOLVED = "resolved"


FILL_CHANGED = "fill_changed"
SHOWN = frozenset({BreakState.OPEN, BreakState.EXPLAINED, BreakState.ACCEPTED})
"""States that people are shown without asking."""


@dataclass(frozen=True, slots=True)
class KnownBreak:
    """A break as it is stored.

    Attributes:
        state: Where it stands.
        owner: Who took it; empty for nobody.
        first_seen_at: When this difference began, UTC.
        last_seen_at: When it was last found, UTC.
        seen_count: How often it was found.
        note: What people say about it.
        resolved_at: When it was seen to be gone, UTC; ``None`` while it is not.
    """

    account_id: int
    kind: str
    subject: str
    state: BreakState
    owner: str
    first_seen_at: datetime
    last_seen_at: datetime
    seen_count: int
    evidence: dict[str, Any]
    note: str = ""
    resolved_at: datetime | None = None


def settle(
    known: Iterable[KnownBreak],
    found: Iterable[Break],
    at: datetime,
    first: BreakState = BreakState.SUSPECTED,
) -> list[KnownBreak]:
    """Bring stored breaks up to date with what a check found.

    Args:
        known: All stored breaks of the accounts and kinds that were checked, resolved ones too.
        found: What the check found now.
        at: When, UTC.
        first: What a break is that was not there before.

    Returns:
        The breaks that are new or changed.
    """
    listed, now = list(known), list(found)
    keys = {_key(each) for each in now}
    gone = sorted((each for each in listed if _key(each) not in keys), key=_key)
    return [*noted(listed, now, first), *resolved(gone, at)]


def noted(
    known: Iterable[KnownBreak], found: Iterable[Break], first: BreakState = BreakState.OPEN
) -> list[KnownBreak]:
    """Bring stored breaks up to date with what was found, closing none; see ``settle``."""
    stored = {_key(each): each for each in known}
    now = {_key(each): each for each in found}
    return [_found(stored.get(key), each, first) for key, each in sorted(now.items())]


def resolved(gone: Iterable[KnownBreak], at: datetime) -> list[KnownBreak]:
    """Close breaks that are seen to be gone; those closed before stay as they are."""
    return [
        replace(each, state=BreakState.RESOLVED, resolved_at=at)
        for each in gone
        if each.state is not BreakState.RESOLVED
    ]


def _key(each: Break | KnownBreak) -> tuple[int, str, str]:
    return (each.account_id, each.kind, each.subject)


def _found(old: KnownBreak | None, new: Break, first: BreakState) -> KnownBreak:
    if old is None or old.state is BreakState.RESOLVED:
        return KnownBreak(
            new.account_id, new.kind, new.subject, first, "",
            new.seen_at, new.seen_at, 1, new.evidence,
        )  # fmt: skip
    state = old.state
    if state is BreakState.SUSPECTED and old.evidence == new.evidence:
        state = BreakState.OPEN  # it stayed: no trade between two answers explains it
    if state in {BreakState.EXPLAINED, BreakState.ACCEPTED} and old.evidence != new.evidence:
        state = BreakState.OPEN
    return replace(
        old,
        state=state,
        last_seen_at=max(old.last_seen_at, new.seen_at),
        seen_count=old.seen_count + (new.seen_at > old.last_seen_at),
        evidence=new.evidence,
    )


def fill_changed(account_id: int, stored: Fill, sent: Fill, at: datetime, source: str) -> Break:
    """Write the break between two reports of one fill that cannot both be true.

    Args:
        account_id: Whose.
        stored: What the books keep.
        sent: What came later.
        at: When, UTC.
        source: Who sent it: ``broker``, or the kind of file.

    Returns:
        The break; its day is part of the subject, since ids come again on other days.
    """
    evidence = {"source": source, "stored": _words(stored), "sent": _words(sent)}
    return Break(account_id, FILL_CHANGED, fill_subject(sent), at, evidence)


def order_subject(row: BrokerOrder) -> str:
    """Name an order among an account's breaks: ids come again on other days."""
    return f"{row.trade_date}:{row.broker_order_id}"


def fill_subject(fill: Fill) -> str:
    """Name a fill among an account's breaks."""
    return f"{fill.trade_date}:{fill.fill_id}"


def tells_of(each: KnownBreak, fill: Fill) -> bool:
    """Tell whether what a ``fill_changed`` break heard later is what a fill says now.

    A file does not tell the product.
    """
    sent = each.evidence.get("sent")
    return sent in {_words(fill), _words(replace(fill, product=""))}


def _words(fill: Fill) -> str:
    price = format_price(fill.price)
    return f"{fill.side} {fill.quantity} {fill.exchange}:{fill.symbol} at {price} {fill.product}"
