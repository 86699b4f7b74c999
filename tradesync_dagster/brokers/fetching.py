"""From a broker's answer to a fetch: rows read or quarantined, failures kept as failures.

What belongs here: the way that every book of every broker is fetched. What does not: single
fields (``reading``), a broker's addresses, envelope and fields (one file a broker).
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

from tradesync_dagster.brokers import reading
from tradesync_dagster.brokers.calls import Answer
from tradesync_dagster.brokers.reading import Row
from tradesync_dagster.domain.answers import Fetch, Outcome, Reject
from tradesync_dagster.domain.errors import BrokerError, UnreadableAnswerError, ValueRefusedError
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.ports import Clock

RowT = TypeVar("RowT")

_MAX_RAW = 4096
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Book(Generic[RowT]):
    """One of a broker's books.

    Attributes:
        kind: ``orders``, ``trades``, ``positions``, ``holdings`` or ``margins``.
        path: Its address.
        parse: Reads one row or raises ``ValueRefusedError``.
        id_field: The field that names a row.
        key: What must be unique: the same row again is dropped, a differing one quarantined.
        keeps_tags: See ``Fetch``.
    """

    kind: str
    path: str
    parse: Callable[[Row], RowT]
    id_field: str
    key: Callable[[RowT], Hashable]
    keeps_tags: bool = False


class Rows(NamedTuple):
    """A book's rows as sent.

    Attributes:
        rows: What the envelope held.
        shortfall: Why this is not the whole book, where the broker says so; empty otherwise.
    """

    rows: Sequence[Any]
    shortfall: str = ""


async def fetch(
    clock: Clock,
    book: Book[RowT],
    send: Callable[[], Awaitable[Answer]],
    unwrap: Callable[[Answer], Rows],
) -> Fetch[RowT]:
    """Fetch a book; whatever a broker does, a fetch comes of it.

    Args:
        clock: The time.
        book: Which one.
        send: Asks the broker.
        unwrap: Takes the rows out of the broker's envelope, or raises what the envelope tells.
    """
    loop = asyncio.get_running_loop()
    requested_at, begun = clock.now(), loop.time()
    answer = None
    try:
        answer = await send()
        if answer.known and answer.status == 200 and _hash(answer.body) == answer.known:
            return _unread_fetch(book, answer, unwrap)
        sent = unwrap(answer)
    except BrokerError as error:
        return _failed_fetch(book.kind, error, requested_at, loop.time() - begun, answer)
    if answer.known and book.kind == "orders" and not sent.shortfall:
        return _later_fetch(book, answer, unwrap, sent.rows)
    rows, rejects = read_rows(book, sent.rows)
    return _read_fetch(book, answer, rows, rejects, sent.shortfall)


def rows_of(broker: str, kind: str, data: Any, where: str = "data") -> Sequence[Any]:
    """Return what an envelope holds as rows.

    Raises:
        UnreadableAnswerError: It is no list; null is not an empty book.
    """
    if not isinstance(data, list):
        what = f"{where} is a {type(data).__name__}, expected a list"
        raise UnreadableAnswerError(broker, kind, what)
    return data


def segments_of(broker: str, data: Any) -> Sequence[Any]:
    """Return margins that come by segment as rows that name theirs.

    Raises:
        UnreadableAnswerError: It is no object of objects, or an empty one: an account has funds,
            if only none of them.
    """
    if not isinstance(data, Mapping) or not data:
        what = f"data is a {type(data).__name__}, expected an object of segments"
        raise UnreadableAnswerError(broker, "margins", what)
    wrong = [name for name, row in data.items() if not isinstance(row, Mapping)]
    if wrong:
        shown = reading.harmless(wrong[0], limit=_SHOWN)
        raise UnreadableAnswerError(broker, "margins", f"data.{shown} is not an object")
    return [{**row, "segment": name} for name, row in data.items()]


def fill_key(fill: Fill) -> Hashable:
    """Return what no two trades of one account share."""
    return fill.trade_date, fill.fill_id


def whole_row(row: Hashable) -> Hashable:
    """Key a row without an id by all that it says: only a repetition of it is dropped."""
    return row


def read_rows(book: Book[RowT], rows: Sequence[Any]) -> tuple[tuple[RowT, ...], tuple[Reject, ...]]:
    """Read each row; quarantine one that cannot be read, and go on."""
    good: dict[Hashable, RowT] = {}
    rejects: list[Reject] = []
    for raw in rows:
        try:
            row = book.parse(object_of(raw))
        except ValueRefusedError as error:
            rejects.append(reject(raw, f"{book.kind}: {error}", book.id_field))
            continue
        if good.setdefault(book.key(row), row) != row:
            reason = f"{book.kind}: {book.id_field}: another row of this book has it, and differs"
            rejects.append(reject(raw, reason, book.id_field))
    return tuple(good.values()), tuple(rejects)


def object_of(raw: Any) -> Row:
    """Return what was sent as a row.

    Raises:
        ValueRefusedError: It is no object.
    """
    if not isinstance(raw, Mapping):
        raise ValueRefusedError(f"expected an object, got a {type(raw).__name__}")
    return raw


def reject(row: Any, reason: str, id_field: str) -> Reject:
    """Quarantine what was sent as a row, whatever it is."""
    named = row.get(id_field) if isinstance(row, Mapping) else None
    row_id = reading.harmless(str(named), limit=_SHOWN) if isinstance(named, str | int) else ""
    raw = reading.exact_json(row)
    return Reject(row_id, reason, raw if len(raw) <= _MAX_RAW else f"{raw[: _MAX_RAW - 3]}...")


def _failed_fetch(
    kind: str, error: BrokerError, requested_at: datetime, seconds: float, answer: Answer | None
) -> Fetch[Any]:
    """Build the fetch of a failure, with the body that told of it where there was one."""
    return Fetch(
        kind=kind,
        outcome=Outcome.FAILED,
        trade_date=trade_date_of(requested_at),
        requested_at=requested_at,
        seconds=seconds,
        payload=answer.body if answer else b"",
        payload_hash=_hash(answer.body) if answer else "",
        error=str(error),
        error_kind=type(error).__name__,
        broker_time=answer.broker_time if answer else None,
    )


def _unread_fetch(
    book: Book[RowT], answer: Answer, unwrap: Callable[[Answer], Rows]
) -> Fetch[RowT]:
    """Build the fetch of an answer that was read before: rows are read only if asked for."""

    def read() -> Fetch[RowT]:
        try:
            sent = unwrap(answer)
        except BrokerError as error:  # such as by an adapter that is newer than the books
            return _failed_fetch(book.kind, error, answer.requested_at, answer.seconds, answer)
        return _read_fetch(book, answer, *read_rows(book, sent.rows), sent.shortfall)

    unread: Fetch[RowT] = _read_fetch(book, answer, (), (), "")
    return replace(unread, unread=read)


def _later_fetch(
    book: Book[RowT], answer: Answer, unwrap: Callable[[Answer], Rows], sent: Sequence[Any]
) -> Fetch[RowT]:
    """Build the fetch of a book of which an earlier one was applied: it may be read in part."""

    def read() -> Fetch[RowT]:
        return _read_fetch(book, answer, *read_rows(book, sent), "")

    def differing(earlier: bytes) -> Fetch[RowT] | None:
        try:
            before = _by_id(book.id_field, unwrap(replace(answer, body=earlier)).rows)
        except BrokerError:  # kept by an adapter that read it otherwise: the whole book tells
            return None
        now = _by_id(book.id_field, sent)
        if not now or before.keys() != now.keys():
            return None
        rows = [row for name, row in now.items() if row != before[name]]
        return _read_fetch(book, answer, *read_rows(book, rows), "")

    later: Fetch[RowT] = _read_fetch(book, answer, (), (), "")
    return replace(later, unread=read, differing=differing)


def _by_id(id_field: str, rows: Sequence[Any]) -> dict[str, Row]:
    """Index rows as sent; nothing where one has no id, or two have the same."""
    found = {
        row[id_field]: row
        for row in rows
        if isinstance(row, Mapping) and isinstance(row.get(id_field), str)
    }
    return found if len(found) == len(rows) else {}


def _read_fetch(
    book: Book[RowT],
    answer: Answer,
    rows: tuple[RowT, ...],
    rejects: tuple[Reject, ...],
    shortfall: str,
) -> Fetch[RowT]:
    """Build the fetch of an answer.

    It is partial where the broker says so, and where rows came and none could be read: that tells
    of the format, not the book.
    """
    unread = bool(rejects) and not rows
    error = (
        f"none of {len(rejects)} rows could be read; {rejects[0].reason}" if unread else shortfall
    )
    kind_of_error = ValueRefusedError if unread else UnreadableAnswerError
    return Fetch(
        kind=book.kind,
        outcome=Outcome.PARTIAL if error else Outcome.COMPLETE,
        trade_date=trade_date_of(answer.requested_at),
        requested_at=answer.requested_at,
        seconds=answer.seconds,
        rows=rows,
        rejects=rejects,
        payload=answer.body,
        payload_hash=_hash(answer.body),
        error=error,
        error_kind=kind_of_error.__name__ if error else "",
        broker_time=answer.broker_time,
        keeps_tags=book.keeps_tags,
    )


def _hash(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest() if body else ""
