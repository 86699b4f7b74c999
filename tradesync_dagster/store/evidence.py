"""What brokers sent and what came of it: payloads, quarantine, breaks, states and results.

What belongs here: reading and writing the evidence. What does not: judging it.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import and_, func, select

from tradesync_dagster.domain.answers import Reject
from tradesync_dagster.domain.book_states import BookState
from tradesync_dagster.domain.breaks import Break, BreakState, KnownBreak
from tradesync_dagster.store import tables
from tradesync_dagster.store.rows import Repository, insert_new, upsert


class Evidence(Repository):
    """Reads and writes payloads, quarantine, breaks, states and results."""

    def states(self, account_ids: Sequence[int]) -> list[BookState]:
        """See ``ports.UnitOfWork``."""
        table = tables.book_states
        query = select(table).where(table.c.account_id.in_(account_ids))
        return [BookState(**row) for row in self._connection.execute(query).mappings()]

    def put_states(self, states: Iterable[BookState]) -> None:
        """See ``ports.UnitOfWork``."""
        upsert(self._connection, tables.book_states, [asdict(state) for state in states])

    def add_payloads(self, payloads: Mapping[str, bytes], at: datetime) -> None:
        """See ``ports.UnitOfWork``."""
        insert_new(
            self._connection,
            tables.raw_payloads,
            [
                {"payload_hash": key, "body": zlib.compress(body, 1), "first_seen_at": at}
                for key, body in payloads.items()
            ],
        )

    def add_rejects(self, rejects: Iterable[tuple[int, str, Reject]], at: datetime) -> None:
        """See ``ports.UnitOfWork``."""
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

    def breaks(self, account_ids: Sequence[int], kinds: Sequence[str]) -> list[KnownBreak]:
        """See ``unit_of_work.EvidenceRows``."""
        table = tables.breaks
        query = select(table).where(table.c.account_id.in_(account_ids), table.c.kind.in_(kinds))
        rows = self._connection.execute(query).mappings()
        return [KnownBreak(**{**row, "state": BreakState(row["state"])}) for row in rows]

    def put_known_breaks(self, breaks: Iterable[KnownBreak]) -> None:
        """See ``unit_of_work.EvidenceRows``."""
        rows = [{**asdict(each), "state": each.state.value} for each in breaks]
        upsert(self._connection, tables.breaks, rows)

    def put_breaks(self, breaks: Iterable[Break]) -> None:
        """See ``ports.UnitOfWork``."""
        rows = [
            {
                "account_id": found.account_id,
                "kind": found.kind,
                "subject": found.subject,
                "state": "open",
                "owner": "",
                "first_seen_at": found.seen_at,
                "last_seen_at": found.seen_at,
                "evidence": found.evidence,
            }
            for found in breaks
        ]
        upsert(
            self._connection,
            tables.breaks,
            rows,
            keep=("first_seen_at", "state", "owner"),
            counted={"seen_count": "last_seen_at"},
        )

    def put_results(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """See ``ports.UnitOfWork``."""
        upsert(self._connection, tables.sync_results, rows)

    def last_results(self, account_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """See ``ports.UnitOfWork``."""
        table = tables.sync_results
        latest = (
            select(table.c.account_id, func.max(table.c.started_at).label("started_at"))
            .where(table.c.account_id.in_(account_ids))
            .group_by(table.c.account_id)
            .subquery()
        )
        same = (
            table.c.account_id == latest.c.account_id,
            table.c.started_at == latest.c.started_at,
        )
        query = select(table.c.account_id, table.c.results).join(latest, and_(*same))
        return {row[0]: row[1] for row in self._connection.execute(query)}
