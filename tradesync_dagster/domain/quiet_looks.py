"""Looks of which there is little to tell, many accounts in little room, and reading them in full.

A desk whose accounts say the same again every five minutes would else write most of its rows about
nothing, and for its looks at order books alone, a minute apart, still more of them. The record
stays one an account and look: what was asked when, how long each answer took, that all were
complete, and what was decided. Of the hash of an answer that repeats the last applied one only the
beginning is written: it stands whole where that one was kept. What belongs here: the shape of the
packed record. What does not: which accounts are quiet (``sync.repeating``, ``sync.look_records``),
the record itself (``looks``).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tradesync_dagster.domain.answers import Outcome
from tradesync_dagster.domain.looks import Decision, Look

KINDS = ("orders", "trades", "positions", "holdings")
"""The answers of a look, in their order; one that asked for fewer has the first ones."""
_MILLISECOND = timedelta(milliseconds=1)
_MICROSECOND = timedelta(microseconds=1)

Packed = list[Any]
"""Microseconds after the row's moment, then for each kind that was asked for: milliseconds after
the account's own moment, milliseconds that it took, rows, and the beginning of its hash; the whole
hash and a 1 where it was applied."""
_BEGINNING = 8


@dataclass(frozen=True, slots=True)
class QuietLooks:
    """Quiet looks of one organization's accounts.

    Attributes:
        account_id: The account that was asked first, which with ``asked_at`` names them.
        asked_at: When it was asked, UTC.
        answers: One ``Packed`` an account, by its id as text, as JSON has it.
    """

    account_id: int
    asked_at: datetime
    organization_id: str
    tick_id: str
    answers: dict[str, Packed]


def pack(looks: Iterable[Look], organizations: Mapping[int, str]) -> list[QuietLooks]:
    """Write looks in little room.

    Args:
        looks: Each account once. All are whole, nothing of them was refused, and nobody waits: it
            is not written.
        organizations: Of their accounts, by id.

    Returns:
        One an organization.
    """
    found: dict[str, list[Look]] = {}
    for look in looks:
        found.setdefault(organizations[look.account_id], []).append(look)
    return [_packed(organization, theirs) for organization, theirs in found.items()]


def unpack(
    account_id: int,
    asked_at: datetime,
    tick_id: str,
    packed: Packed,
    find: Callable[[str, str], str],
) -> Look:
    """Read one account's look back.

    Args:
        account_id: Whose.
        asked_at: The row's moment, UTC.
        tick_id: The tick.
        packed: From the row's answers.
        find: Gives the hash of the account's answer by its kind and the hash's beginning; empty
            where the answer is kept no longer.

    Returns:
        The look as it was.
    """
    after, *answers = packed
    moment = asked_at + after * _MICROSECOND
    told = tuple(
        _answer(kind, moment, answer, find)
        for kind, answer in zip(KINDS, answers, strict=False)  # a look at orders alone has one
    )
    return Look(account_id, moment, tick_id, True, 0, 0, told)  # noqa: FBT003 - complete


def _packed(organization: str, looks: list[Look]) -> QuietLooks:
    first = min(looks, key=lambda look: (look.asked_at, look.account_id))
    return QuietLooks(
        first.account_id,
        first.asked_at,
        organization,
        first.tick_id,
        {
            str(look.account_id): [
                (look.asked_at - first.asked_at) // _MICROSECOND,
                *(_brief(answer, look.asked_at) for answer in look.answers),
            ]
            for look in looks
        },
    )


def _brief(answer: Mapping[str, Any], asked_at: datetime) -> Packed:
    after = datetime.fromisoformat(answer["requested_at"]) - _whole(asked_at)
    took = round(float(answer["seconds"]) * 1_000)
    told = [after // _MILLISECOND, took, answer["rows"]]
    payload_hash = answer.get("payload_hash", "")
    if answer["decision"] == Decision.APPLIED:
        return [*told, payload_hash, 1]
    return [*told, payload_hash[:_BEGINNING]]


def _answer(
    kind: str, moment: datetime, packed: Packed, find: Callable[[str, str], str]
) -> dict[str, Any]:
    after, took, rows, payload_hash, *applied = packed
    at = _whole(moment) + after * _MILLISECOND
    told = {
        "kind": kind,
        "outcome": Outcome.COMPLETE.value,
        "rows": rows,
        "rejects": 0,
        "requested_at": at.isoformat(timespec="milliseconds"),
        "seconds": f"{took / 1_000:.3f}",
        "decision": (Decision.APPLIED if applied else Decision.NOTHING_NEW).value,
    }
    if not applied:
        payload_hash = find(kind, payload_hash)
    return told | ({"payload_hash": payload_hash} if payload_hash else {})


def _whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1_000 * 1_000)
