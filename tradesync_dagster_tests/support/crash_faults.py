"""What was lost by a sync that was killed: held against the same syncs, none of them killed.

What belongs here: the comparison. What does not: reading what there is (``crash_scenes``).
"""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from tradesync_dagster_tests.support.crash_scenes import Found


def faults_in(found: Found, right: Found, known: set[str]) -> list[str]:
    """Say what was lost or is wrong.

    Args:
        found: After a sync that was killed and another one.
        right: After the same two syncs, none killed.
        known: Messages that had left before both.

    Returns:
        Sentences; none if all is as it must be.
    """
    wrong = [
        f"{name}: {len(found.books[name])} rows, not {len(rows)}, such as "
        f"{sorted(set(found.books[name]) ^ set(rows))[:2]}"
        for name, rows in right.books.items()
        if found.books[name] != rows
    ]
    if found.redis != found.stored:
        wrong.append("Redis holds other snapshots than the store")
    if found.members != set(found.stored):
        wrong.append(f"Redis names the accounts {sorted(found.members)}")
    return [*wrong, *_messages(found, known), *_told(found, right)]


def _messages(found: Found, known: set[str]) -> Iterator[str]:
    """Hold what a consumer received, each message id once, against the outbox."""
    due = [row for row in found.outbox if row["message_id"] not in known]
    waiting = [row["routing_key"] for row in due if row["sent_at"] is None]
    if waiting:
        yield f"{len(waiting)} messages were not sent, such as {waiting[0]}"
    arrived = list(dict.fromkeys(message_id for message_id, _ in found.received))
    lost = [row["routing_key"] for row in due if row["message_id"] not in set(arrived)]
    if lost:
        yield f"{len(lost)} messages never arrived, such as {lost[0]}"
    if set(arrived) - {row["message_id"] for row in due}:
        yield "a message arrived that the outbox does not have"
    of = {row["message_id"]: row["account_id"] for row in due}
    for account_id in sorted({row["account_id"] for row in due}):
        order = [row["message_id"] for row in due if row["account_id"] == account_id]
        if not lost and [one for one in arrived if of.get(one) == account_id] != order:
            yield f"account {account_id}: messages arrived in another order"


def _told(found: Found, right: Found) -> Iterator[str]:
    """Each fact is told, once; each look that was kept has its note."""
    facts, due = (_facts(one.outbox) for one in (found, right))
    if facts != due:
        yield f"told {len(facts)} facts, not {len(due)}: {sorted(facts.items() ^ due.items())[:2]}"
    ids = {row["message_id"] for row in found.outbox}
    for row in right.outbox:
        tick = _tick_of(row, right)
        if tick is not None and found.looks.get(tick) == right.looks[tick]:
            if row["message_id"] not in ids:
                yield f"{row['routing_key']} of {tick[0]} was never written"
        elif tick is None and row["message_id"] not in ids:
            yield f"{row['routing_key']} was never written"


def _facts(outbox: list[dict[str, Any]]) -> dict[str, str]:
    """What alerts tell, by message id; not when."""
    facts = {}
    for row in outbox:
        if not row["routing_key"].endswith(".sync_completed"):
            body = json.loads(row["body"])
            body.pop("timestamp")
            facts[row["message_id"]] = json.dumps(body)
    return facts


def _tick_of(row: dict[str, Any], found: Found) -> tuple[str, int] | None:
    """Tell which tick's look a note ends; ``None`` for alerts."""
    if not row["routing_key"].endswith(".sync_completed"):
        return None
    ticks = {(tick, of) for tick, of in found.looks if of == row["account_id"]}
    (mine,) = [t for t in ticks if datetime.fromisoformat(t[0]) == row["created_at"]]
    return mine
