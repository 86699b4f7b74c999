"""What brokers sent and what came of it: payloads, quarantine, breaks, states and results.

What belongs here: reading and writing the evidence. What does not: judging it.
"""

import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Join, and_, case, or_, select

from tradesync_dagster.domain.answers import Payload, Reject
from tradesync_dagster.domain.book_states import BookState
from tradesync_dagster.domain.breaks import Break, BreakState, KnownBreak, noted
from tradesync_dagster.domain.intents import OPEN_STATES
from tradesync_dagster.domain.looks import Look
from tradesync_dagster.domain.quiet_looks import QuietLooks
from tradesync_dagster.domain.reconciliation import KINDS
from tradesync_dagster.store import tables
from tradesync_dagster.store.evidence_tables import quiet_looks, raw_payloads
from tradesync_dagster.store.rows import Repository, insert_new, row_of, upsert


class Evidence(Repository):
    """Reads and writes payloads, quarantine, breaks, states and results."""

    def states(self, account_ids: Sequence[int]) -> list[BookState]:
        """See ``evidence_rows.EvidenceRows``."""
        table = tables.book_states
        query = select(table).where(table.c.account_id.in_(account_ids))
        return [BookState(**row) for row in self._connection.execute(query).mappings()]

    def put_states(self, states: Iterable[BookState]) -> None:
        """See ``evidence_rows.EvidenceRows``."""
        upsert(self._connection, tables.book_states, map(row_of, states))

    def payloads(self, hashes: Collection[str]) -> dict[str, bytes]:
        """See ``evidence_rows.EvidenceRows``."""
        table = raw_payloads
        query = select(table.c.payload_hash, table.c.body).where(
            table.c.payload_hash.in_(sorted(hashes))
        )
        return {row[0]: zlib.decompress(row[1]) for row in self._connection.execute(query)}

    def add_payloads(self, payloads: Iterable[Payload], at: datetime) -> None:
        """See ``evidence_rows.EvidenceRows``."""
        rows: dict[str, dict[str, Any]] = {}
        for payload in payloads:
            row = {
                "payload_hash": payload.payload_hash,
                "body": zlib.compress(payload.body, 1),
                "first_seen_at": at,
                "account_id": payload.account_id,
                "last_seen_at": at,
                "held": payload.held,
            }
            other = rows.setdefault(payload.payload_hash, row)
            other["held"] |= payload.held
            if other["account_id"] != payload.account_id:
                other["account_id"] = None
        upsert(
            self._connection,
            raw_payloads,
            rows.values(),
            keep=("body", "first_seen_at"),
            merged={
                "account_id": lambda old, new: case((old == new, old), else_=None),
                "held": or_,
            },
        )

    def add_rejects(self, rejects: Iterable[tuple[int, str, Reject]], at: datetime) -> None:
        """See ``evidence_rows.EvidenceRows``."""
        rows = [
            {
                "account_id": account_id,
                "kind": kind,
                "digest": sha256(f"{reject.reason}\n{reject.raw}".encode()).hexdigest(),
                "row_id": reject.row_id,
                "reason": reject.reason,
                "raw": reject.raw,
                "first_seen_at": at,
                "last_seen_at": at,
            }
            for account_id, kind, reject in rejects
        ]
        counted = {"seen_count": "last_seen_at"}
        upsert(self._connection, tables.quarantine, rows, keep=("first_seen_at",), counted=counted)

    def breaks(
        self, account_ids: Sequence[int], kinds: Sequence[str], *, unresolved: bool = False
    ) -> list[KnownBreak]:
        """See ``evidence_rows.EvidenceRows``."""
        table = tables.breaks
        query = select(table).where(table.c.account_id.in_(account_ids), table.c.kind.in_(kinds))
        if unresolved:
            query = query.where(table.c.state != BreakState.RESOLVED.value)
        rows = self._connection.execute(query).mappings()
        return [KnownBreak(**{**row, "state": BreakState(row["state"])}) for row in rows]

    def put_known_breaks(self, breaks: Iterable[KnownBreak]) -> None:
        """See ``evidence_rows.EvidenceRows``."""
        rows = [{**row_of(each), "state": each.state.value} for each in breaks]
        upsert(self._connection, tables.breaks, rows)

    def put_breaks(self, breaks: Iterable[Break]) -> None:
        """See ``evidence_rows.EvidenceRows``."""
        found = list(breaks)
        if found:
            accounts, kinds = {each.account_id for each in found}, {each.kind for each in found}
            known = self.breaks(sorted(accounts), sorted(kinds))
            self.put_known_breaks(noted(known, found))

    def open_questions(self, account_ids: Sequence[int]) -> set[int]:
        """See ``evidence_rows.EvidenceRows``."""
        breaks, intents = tables.breaks, tables.intents
        differing = select(breaks.c.account_id).where(
            breaks.c.account_id.in_(account_ids),
            breaks.c.kind.in_(KINDS),
            breaks.c.state != BreakState.RESOLVED.value,
        )
        waiting = select(intents.c.account_id).where(
            intents.c.account_id.in_(account_ids), intents.c.state.in_(OPEN_STATES)
        )
        return set(self._connection.scalars(differing.union(waiting)))

    def add_looks(self, looks: Iterable[Look]) -> None:
        """See ``evidence_rows.EvidenceRows``."""
        rows = [row_of(look) for look in looks]
        written = [row | {"answers": [*row["answers"]]} for row in rows]
        insert_new(self._connection, tables.looks, written)

    def forget_looks(self, account_ids: Sequence[int], before: datetime) -> None:
        """See ``evidence_rows.EvidenceRows``."""
        table = tables.looks
        past = and_(table.c.account_id.in_(account_ids), table.c.asked_at < before)
        self._connection.execute(table.delete().where(past))

    def add_quiet_looks(self, looks: Iterable[QuietLooks]) -> None:
        """See ``evidence_rows.EvidenceRows``."""
        insert_new(self._connection, quiet_looks, map(row_of, looks))

    def put_results(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """See ``evidence_rows.EvidenceRows``."""
        upsert(self._connection, tables.sync_results, rows)

    def last_results(self, account_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """See ``evidence_rows.EvidenceRows``."""
        table = tables.sync_results
        query = (
            select(table.c.account_id, table.c.results)
            .select_from(accounts_with_last_result())
            .where(tables.accounts.c.account_id.in_(account_ids))
        )
        return {row[0]: row[1] for row in self._connection.execute(query)}


def accounts_with_last_result() -> Join:
    """Join the accounts that have any with their last results; found by index, one an account."""
    accounts, results, other = tables.accounts, tables.sync_results, tables.sync_results.alias()
    last = (
        select(other.c.tick_id)
        .where(other.c.account_id == accounts.c.account_id)
        .order_by(other.c.started_at.desc(), other.c.tick_id.desc())
        .limit(1)
        .correlate(accounts)
        .scalar_subquery()
    )
    theirs = and_(results.c.account_id == accounts.c.account_id, results.c.tick_id == last)
    return accounts.join(results, theirs)
