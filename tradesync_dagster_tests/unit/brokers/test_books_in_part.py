"""Order books of which an earlier one is known: read later, and if wished only what differs."""

import asyncio
import hashlib
import json
from typing import Any

import pytest

from tradesync_dagster.brokers import fetching
from tradesync_dagster.brokers.calls import Answer
from tradesync_dagster.brokers.fetching import Book, Rows
from tradesync_dagster.domain.answers import Fetch, Outcome
from tradesync_dagster.domain.errors import UnreadableAnswerError, ValueRefusedError
from tradesync_dagster_tests.support.canned import NOW
from tradesync_dagster_tests.support.clocks import MovingClock

ONE, TWO, THREE = ({"id": str(n), "price": n} for n in (1, 2, 3))
NEW = ONE | {"price": 7}


def parse(row: Any) -> tuple[str, Any]:
    if not isinstance(row["price"], int):
        raise ValueRefusedError("price: no number")
    return row["id"], row["price"]


def unwrap(answer: Answer) -> Rows:
    found = json.loads(answer.body)
    if not isinstance(found, list):
        raise UnreadableAnswerError("TEST", "orders", "no list")
    return Rows(found)


def body(*rows: Any) -> bytes:
    return json.dumps(rows).encode()


def fetch(sent: bytes, known: bytes, kind: str = "orders") -> Fetch[Any]:
    digest = hashlib.sha256(known).hexdigest() if known else ""
    answer = Answer(200, sent, {}, NOW, 0.01, 1, NOW, known=digest)

    async def send() -> Answer:
        return answer

    book = Book(kind, "/orders", parse, "id", lambda row: row[0], keeps_tags=True)
    return asyncio.run(fetching.fetch(MovingClock(NOW), book, send, unwrap))


def differing(sent: bytes, earlier: bytes) -> Fetch[Any] | None:
    found = fetch(sent, earlier)
    assert found.differing is not None
    return found.differing(earlier)


def test_only_rows_that_differ_are_read_in_any_order() -> None:
    part = differing(body(THREE, TWO | {"price": 9}, ONE), body(ONE, TWO, THREE))
    assert part is not None
    assert (part.outcome, part.rows, part.rejects) == (Outcome.COMPLETE, (("2", 9),), ())
    assert part.payload_hash == hashlib.sha256(part.payload).hexdigest()
    assert part.keeps_tags
    same = differing(body(TWO, ONE), body(ONE, TWO))
    assert same is not None
    assert same.rows == ()


@pytest.mark.parametrize(
    ("sent", "earlier"),
    [
        (body(ONE, TWO), body(ONE)),
        (body(ONE), body(ONE, TWO)),
        (body(ONE, TWO), body(ONE, THREE)),
        (body(ONE, NEW), body(ONE, ONE)),
        (body(NEW, {"price": 2}), body(ONE, {"price": 2})),
        (body(NEW, 5), body(ONE, 5)),
        (body(), body(ONE)),
        (body(ONE), b'{"no": "list"}'),
    ],
    ids=["more", "fewer", "others", "twice", "no-id", "no-row", "empty", "unreadable"],
)
def test_where_the_orders_are_not_the_same_there_is_no_part(sent: bytes, earlier: bytes) -> None:
    assert differing(sent, earlier) is None


def test_it_is_read_whole_when_asked_for_and_refused_rows_are_told() -> None:
    later = fetch(body(ONE, TWO), body(ONE))
    assert (later.outcome, later.rows, later.base) == (Outcome.COMPLETE, (), "")
    whole = later.read()
    assert (whole.rows, whole.unread, whole.differing) == ((("1", 1), ("2", 2)), None, None)
    part = differing(body(ONE, TWO | {"price": "x"}), body(ONE, TWO))
    assert part is not None
    assert [reject.row_id for reject in part.rejects] == ["2"]


def test_what_no_earlier_answer_is_known_of_is_read_at_once_and_so_are_other_books() -> None:
    assert fetch(body(ONE), b"").rows == (("1", 1),)
    assert fetch(body(ONE), body(TWO), kind="trades").rows == (("1", 1),)
    failed = fetch(b'{"no": "list"}', body(ONE))
    assert (failed.outcome, failed.unread) == (Outcome.FAILED, None)
    repeated = fetch(body(ONE), body(ONE))
    assert repeated.unread is not None
    assert repeated.differing is None
