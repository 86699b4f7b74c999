"""What a fault does to an answer that was made: its bytes, headers or rows.

Belongs here: changes that fit every broker's format. Where rows are is found, not known: they are
every list of objects that stands in no other list.
Does not belong here: when a fault strikes (faults.py).

Bytes: `cut` (broken off half way), `empty` (no body). Headers: `wrong_type` (the right JSON, called
a page), `skew` (a `Date` that is `seconds` off). JSON: `null` (nothing where the data should be).
Rows: `duplicate` (each twice), `missing` (some left out), `no_rows`, `disorder`, `unknown_status`
(`message` as a status word), `unknown_fields`.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random
from typing import Any, Protocol

import orjson
from aiohttp import web

_STATUS_FIELDS = ("status", "ordSt", "orderStatus")
_DATA_FIELDS = ("data", "result", "nOrdNo", "EntityId", "Net")


class Terms(Protocol):
    """What a change takes from its fault."""

    seconds: float
    message: str
    rng: Random


Change = Callable[[web.Response, Terms, datetime], web.Response]
Rows = list[dict[str, Any]]


def books(document: Any) -> list[Rows]:
    """Find the lists of rows in a parsed answer, to be changed in place."""
    if isinstance(document, list):
        return [document] if all(isinstance(row, dict) for row in document) else []
    if isinstance(document, dict):
        return [book for value in document.values() for book in books(value)]
    return []


def _body(response: web.Response) -> bytes:
    return response.body if isinstance(response.body, bytes) else b""


def _with_body(response: web.Response, body: bytes) -> web.Response:
    kind = response.content_type
    return web.Response(body=body, status=response.status, content_type=kind)


def _cut(response: web.Response, _: Terms, __: datetime) -> web.Response:
    body = _body(response)
    return _with_body(response, body[: len(body) // 2])


def _empty(response: web.Response, _: Terms, __: datetime) -> web.Response:
    return _with_body(response, b"")


def _wrong_type(response: web.Response, _: Terms, __: datetime) -> web.Response:
    return web.Response(body=_body(response), status=response.status, content_type="text/html")


def _skew(response: web.Response, terms: Terms, now: datetime) -> web.Response:
    told = now.astimezone(UTC) + timedelta(seconds=terms.seconds)
    response.headers["Date"] = format_datetime(told, usegmt=True)
    return response


def _changed(change: Callable[[Any, Terms], None]) -> Change:
    """Make a change of the parsed answer one of the response; what is no JSON stays as it is.

    Prices pass through float here: with up to 15 digits they come out as they went in.
    """

    def apply(response: web.Response, terms: Terms, _: datetime) -> web.Response:
        try:
            document = orjson.loads(_body(response))
        except orjson.JSONDecodeError:
            return response
        change(document, terms)
        return _with_body(response, orjson.dumps(document))

    return apply


def _null(document: Any, _: Terms) -> None:
    if isinstance(document, dict):
        for name in _DATA_FIELDS:
            if name in document:
                document[name] = None


def _each_book(change: Callable[[Rows, Terms], None]) -> Change:
    def apply(document: Any, terms: Terms) -> None:
        for book in books(document):
            change(book, terms)

    return _changed(apply)


def _duplicate(book: Rows, _: Terms) -> None:
    book[:] = [row for row in book for _ in range(2)]


def _missing(book: Rows, terms: Terms) -> None:
    if book:
        book.pop(terms.rng.randrange(len(book)))
        book[:] = [row for row in book if terms.rng.random() < 0.5]


def _no_rows(book: Rows, _: Terms) -> None:
    book.clear()


def _disorder(book: Rows, terms: Terms) -> None:
    terms.rng.shuffle(book)


def _unknown_status(book: Rows, terms: Terms) -> None:
    for row in book:
        row |= {name: terms.message for name in _STATUS_FIELDS if name in row}


def _unknown_fields(book: Rows, _: Terms) -> None:
    for row in book:
        row |= {"": "", "a_new_field": {"deep": [1, None, {}]}, "another": 10**18}


CHANGES: dict[str, Change] = {
    "cut": _cut,
    "empty": _empty,
    "wrong_type": _wrong_type,
    "skew": _skew,
    "null": _changed(_null),
    "duplicate": _each_book(_duplicate),
    "missing": _each_book(_missing),
    "no_rows": _each_book(_no_rows),
    "disorder": _each_book(_disorder),
    "unknown_status": _each_book(_unknown_status),
    "unknown_fields": _each_book(_unknown_fields),
}
