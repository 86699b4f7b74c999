"""Moving ``pending_orders.json`` into the books, and back while both are in use.

What belongs here: files, backups, the modes. What does not: rows (``domain.pending_orders``).
"""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import get_ident
from typing import Any

from tradesync_dagster.bootstrap.reading import Reading
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.errors import FileRefusedError, ValueRefusedError
from tradesync_dagster.domain.orders import Order, Origin
from tradesync_dagster.domain.pending_orders import (
    IMPORTED,
    PENDING,
    EndedError,
    Imported,
    differences,
    dumps,
    key_of,
    loads,
    read_row,
    write_row,
)
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.settings.orders import DB_ONLY, DUAL_WRITE

_log = logging.getLogger(__name__)
_MOST_BYTES = 64 * 1024 * 1024


@dataclass(slots=True)
class PendingReport:
    """What an import came to.

    Attributes:
        new: Orders that the books did not have.
        known: Orders that they had, which stay as they are.
        ended: Rows of orders that have ended, by place.
        refused: Rows that cannot be orders, by place from 1, with the reason.
        backup: The copy of the file.
    """

    new: int = 0
    known: int = 0
    ended: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    backup: str = ""


@dataclass(frozen=True, slots=True)
class PendingFile:
    """The file, over the books."""

    reading: Reading

    def take_in(self, path: Path, account: str = "", *, dry_run: bool = False) -> PendingReport:
        """Take a file's orders into the books; again changes nothing.

        Args:
            path: The file; it stays as it is, and is copied beside itself first.
            account: ``ORG/ACCOUNT`` of rows that name none.
            dry_run: Read and report only.

        Raises:
            FileRefusedError: The file cannot be read, or is none of orders.
            AccountNotFoundError: There is no such account.
        """
        text = _read(path)
        accounts = {one.key: one for one in self.reading.chosen(None)}
        if account:
            self.reading.chosen(account)
        report = PendingReport()
        by_account = self._sorted(_rows(path, text), accounts, account, report)
        if not dry_run:
            report.backup = str(_backup(path, text, f"{self.reading.clock.now():%Y%m%dT%H%M%S}"))
        for chosen, found in by_account.items():
            ids = [accounts[chosen].account_id]
            if dry_run:
                with self.reading.store.look() as work:
                    _count(report, _new(work, found), found)
                continue
            with self.reading.store.begin(ids) as work:
                new = _new(work, found)
                work.put_orders([one.order for one in new], [one.event for one in new])
                work.put_intents([one.intent for one in new])
                _count(report, new, found)
        return report

    def _sorted(
        self,
        rows: Sequence[Any],
        accounts: dict[str, Account],
        account: str,
        report: PendingReport,
    ) -> dict[str, list[Imported]]:
        now, prefix = self.reading.clock.now(), self.reading.settings.tag_prefix
        found: dict[str, list[Imported]] = {}
        for number, row in enumerate(rows, 1):
            named = row.get("account") if isinstance(row, dict) else None
            key = str(named or account)
            try:
                read = read_row(row, _account_id(accounts, key), prefix, now)
            except EndedError as error:
                report.ended.append(f"row {number}: {error}")
            except ValueRefusedError as error:
                report.refused.append(f"row {number}: {error}")
            else:
                found.setdefault(key, []).append(read)
        return found

    def _pending(self, work: UnitOfWork, account_ids: Sequence[int]) -> list[Order]:
        found = [
            one
            for one in work.standing(account_ids, PENDING)
            if one.origin is Origin.INTERNAL and one.client_order_id
        ]
        return sorted(found, key=lambda one: (one.broker.placed_at, one.order_id))

    def rows(self) -> list[dict[str, Any]]:
        """Write the orders of ours that are pending, as the file has them, oldest first."""
        accounts = {one.account_id: one.key for one in self.reading.chosen(None)}
        with self.reading.store.look() as work:
            orders = self._pending(work, list(accounts))
            kept = {
                event.order_id: str(event.detail["row"])
                for event in work.events_of([one.order_id for one in orders])
                if event.kind == IMPORTED
            }
        return [
            write_row(accounts[one.account_id], one, kept.get(one.order_id, "")) for one in orders
        ]

    def write(self, path: Path) -> int:
        """Write the file anew from the books; tell how many orders it has."""
        rows = self.rows()
        _replace(path, dumps(rows))
        return len(rows)

    def compare(self, path: Path, account: str = "") -> list[str]:
        """Tell where a file and the books differ, in sentences.

        Args:
            path: The file.
            account: ``ORG/ACCOUNT`` of rows that name none.

        Raises:
            FileRefusedError: The file cannot be read, or is none of orders.
        """
        accounts = {one.key: one for one in self.reading.chosen(None)}
        report = PendingReport()
        found = self._sorted(_rows(path, _read(path)), accounts, account, report)
        theirs = [one.order for rows in found.values() for one in rows]
        with self.reading.store.look() as work:
            ours = self._pending(work, [one.account_id for one in accounts.values()])
        return [*report.ended, *report.refused, *differences(theirs, ours)]


def in_step(reading: Reading) -> None:
    """Do what ``PENDING_ORDERS_MODE`` says about the file after a change, or at a reading.

    With ``dual_write`` it is written anew from the books, with ``dual_read`` it is compared with
    them, and what differs is logged. A file that cannot be used is logged, and stops nothing.
    """
    settings = reading.settings
    path, mode = settings.pending_orders_file, settings.pending_orders_mode
    if path is None or mode == DB_ONLY:
        return
    try:
        if mode == DUAL_WRITE:
            PendingFile(reading).write(path)
        else:
            for sentence in PendingFile(reading).compare(path):
                _log.warning("pending orders: %s", sentence)
    except FileRefusedError as error:
        _log.error("pending orders: %s", error)


def _account_id(accounts: dict[str, Account], key: str) -> int:
    if key not in accounts:
        raise ValueRefusedError(f"there is no account {key[:80]!r}; name one with --account")
    return accounts[key].account_id


def _new(work: UnitOfWork, found: Sequence[Imported]) -> list[Imported]:
    """Leave out what the ledger has, and what the file has twice."""
    if not found:
        return []
    oldest = min(one.order.broker.trade_date for one in found)
    known = {key_of(one) for one in work.orders([found[0].order.account_id], oldest)}
    new: dict[tuple[object, ...], Imported] = {}
    for one in found:
        key = key_of(one.order)
        if key not in known and work.order(one.order.account_id, one.order.order_id) is None:
            new.setdefault(key, one)
    return list(new.values())


def _count(report: PendingReport, new: Sequence[Imported], found: Sequence[Imported]) -> None:
    report.new += len(new)
    report.known += len(found) - len(new)


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise FileRefusedError(f"{path} has more than {_MOST_BYTES} bytes")
        return path.read_bytes()
    except OSError as error:
        raise FileRefusedError(f"{path} cannot be read: {error.strerror}") from None


def _rows(path: Path, text: bytes) -> list[Any]:
    try:
        return loads(text)
    except ValueRefusedError as error:
        raise FileRefusedError(f"{path}: {error}") from None


def _backup(path: Path, text: bytes, stamp: str) -> Path:
    """Copy the file beside itself, whole or not at all; the same content only once."""
    for old in path.parent.glob(f"{path.name}.*.bak"):
        if old.read_bytes() == text:
            return old
    made = path.with_name(f"{path.name}.{stamp}.bak")
    _replace(made, text)
    return made


def _replace(path: Path, text: bytes) -> None:
    """Write a file beside its place and move it there, so that no kill leaves half of it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.{get_ident()}")
    try:
        with beside.open("wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise FileRefusedError(f"{path} cannot be written: {error.strerror}") from None
