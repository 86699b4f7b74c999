"""What was asked of accounts' brokers, read back: looks in full and packed ones alike.

What belongs here: reading the record. What does not: writing it (``evidence``), how looks are
packed (``domain.quiet_looks``).
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select

from tradesync_dagster.domain.quiet_looks import unpack
from tradesync_dagster.store import tables
from tradesync_dagster.store.accounts import named
from tradesync_dagster.store.evidence_tables import quiet_looks, raw_payloads
from tradesync_dagster.store.rows import Repository, row_of

_LONGEST_TICK = timedelta(hours=1)
"""How much later than a row's first account its others can have been asked."""


class LookQueries(Repository):
    """Reads looks."""

    def looks(self, account: str, since: datetime) -> list[dict[str, Any]]:
        """List what was asked of an account's broker since a time (UTC), newest first.

        Args:
            account: ``ORG/ACCOUNT``.
            since: UTC.

        Returns:
            Rows of ``looks`` with the account's key.
        """
        accounts = tables.accounts
        mine = select(accounts.c.account_id, accounts.c.organization_id).where(*named(account))
        found = self._connection.execute(mine).first()
        told = [] if found is None else self._told(*found, since)
        return [{"account": account} | row for row in reversed(told)]

    def _told(self, account_id: int, organization: str, since: datetime) -> list[dict[str, Any]]:
        table, told = tables.looks, list[dict[str, Any]]()
        query = select(table).where(table.c.account_id == account_id, table.c.asked_at >= since)
        whole = self._rows(query)
        packed = self._packed(account_id, organization, since)
        hashes: dict[str, str] = {}

        def find(kind: str, beginning: str) -> str:
            """Return the hash of the look before, unless another sync applied one in between."""
            if beginning and not hashes.get(kind, "").startswith(beginning):
                hashes[kind] = self._kept(account_id, beginning)
            return hashes.get(kind, "")

        for row in sorted([*whole, *packed], key=lambda row: row["asked_at"]):
            if "packed" in row:
                row = _row(account_id, row, find)  # noqa: PLW2901 - the same look in full
            hashes.update(_hashes(row["answers"]))
            told.append(row)
        return told

    def _packed(self, account_id: int, organization: str, since: datetime) -> list[dict[str, Any]]:
        table = quiet_looks
        mine = table.c.answers[str(account_id)].label("packed")
        query = select(table.c.asked_at, table.c.tick_id, mine).where(
            table.c.organization_id == organization, table.c.asked_at >= since - _LONGEST_TICK
        )
        rows = [
            dict(row) | {"began_at": row["asked_at"]}
            for row in self._connection.execute(query).mappings()
            if row["packed"] is not None
        ]
        for row in rows:
            row["asked_at"] += timedelta(microseconds=row["packed"][0])
        return [row for row in rows if row["asked_at"] >= since]

    def _kept(self, account_id: int, beginning: str) -> str:
        table = raw_payloads
        query = select(table.c.payload_hash).where(
            table.c.payload_hash.startswith(beginning),
            or_(table.c.account_id == account_id, table.c.account_id.is_(None)),
        )
        return self._connection.execute(query).scalar() or ""


def _row(account_id: int, row: dict[str, Any], find: Callable[[str, str], str]) -> dict[str, Any]:
    look = unpack(account_id, row["began_at"], row["tick_id"], row["packed"], find)
    return row_of(look) | {"answers": [*look.answers]}


def _hashes(answers: Iterable[dict[str, Any]]) -> dict[str, str]:
    return {one["kind"]: one["payload_hash"] for one in answers if one.get("payload_hash")}
