"""Every fault against every call of every broker: what the adapter makes of it.

The exchange speaks the broker's wire format over real HTTP. ``FAILING`` has the contract: a failure
is never an empty book, a write is never sent twice. Brokers are those of ``broker_desk``.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from tradesync_dagster.brokers.exchange.faults import KINDS
from tradesync_dagster.brokers.factory import ADAPTERS
from tradesync_dagster.domain import errors
from tradesync_dagster.domain.answers import Outcome
from tradesync_dagster.domain.orders import OrderStatus
from tradesync_dagster_tests.support.broker_desk import (
    BOOKS,
    BROKERS,
    OF_ROWS,
    START,
    WRITES,
    Desk,
    method,
    play,
)


@dataclass
class Case:
    """One fault, with what distinguishes it from others of its kind."""

    kind: str
    more: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return "-".join([self.kind, *(str(value) for value in self.more.values())])


def named(value: object) -> str:
    """Name a parameter in the test's id."""
    return value.__name__ if isinstance(value, type) else str(value)


UNAVAILABLE, UNREADABLE = errors.BrokerUnavailableError, errors.UnreadableAnswerError
FAILING = (  # the fault, what it raises, whether a write was carried out all the same
    (Case("error", {"error_type": "NetworkException", "status": 503}), UNAVAILABLE, False),
    (Case("status", {"status": 429}), errors.RateLimitedError, False),
    (Case("status", {"status": 429, "retry_after": "2"}), errors.RateLimitedError, False),
    (Case("status", {"status": 500}), UNAVAILABLE, False),
    (Case("status", {"status": 502}), UNAVAILABLE, False),
    (Case("status", {"status": 503, "retry_after": "1"}), UNAVAILABLE, False),
    (Case("html", {"status": 502}), UNAVAILABLE, False),
    (Case("html", {"status": 200}), UNREADABLE, False),
    (Case("hang"), UNAVAILABLE, False),
    (Case("reset"), UNAVAILABLE, False),
    (Case("expired"), errors.SessionExpiredError, False),
    (Case("lost"), UNAVAILABLE, True),
    (Case("cut"), UNREADABLE, True),
    (Case("empty"), UNREADABLE, True),
    (Case("null"), UNREADABLE, True),
)
HARMLESS = (
    Case("slow", {"seconds": 0.02}),
    Case("wrong_type"),
    Case("skew", {"seconds": 600}),
    Case("duplicate"),
    Case("disorder", {"seed": 3}),
    Case("unknown_fields"),
)
"""Faults after which a book is what it is without them."""
ROWS = (Case("missing", {"seed": 1}), Case("no_rows"), Case("unknown_status", {"message": "?"}))
AGAIN = (errors.RateLimitedError, UNAVAILABLE)
"""What a read is sent again after."""


async def arm(desk: Desk, case: Case, **more: Any) -> None:
    await desk.arm(case.kind, **(case.more | more))


by_broker = pytest.mark.parametrize("broker", sorted(BROKERS))
by_book = pytest.mark.parametrize(("broker", "book"), BOOKS)


def test_every_broker_and_every_fault_is_here() -> None:
    assert set(BROKERS) == set(ADAPTERS)
    cases = [case for case, _, _ in FAILING] + [*HARMLESS, *ROWS, Case("undone")]
    assert {case.kind for case in cases} == set(KINDS)


@by_broker
def test_without_a_fault_every_book_has_rows(broker: str) -> None:
    async def act(desk: Desk) -> None:
        for book in [book for name, book in BOOKS if name == broker]:
            fetch = await desk.read(book)
            assert (fetch.outcome, fetch.rejects) == (Outcome.COMPLETE, ())
            assert len(fetch.rows) >= (3 if book in ("orders", "trades") else 1)
        for name in ("modify", "cancel", "place"):
            assert await desk.write(name)
            assert desk.done(name)
        assert (await desk.client.profile())["user_id"]

    play(broker, act)


@by_book
@pytest.mark.parametrize(("case", "kind", "_"), FAILING, ids=named)
def test_failed_read_is_a_failure_and_never_a_book(
    broker: str, book: str, case: Case, kind: type[errors.BrokerError], _: bool
) -> None:
    async def act(desk: Desk) -> None:
        await arm(desk, case)
        fetch = await desk.read(book)
        assert (fetch.outcome, fetch.error_kind, fetch.rows) == (
            Outcome.FAILED, kind.__name__, (),
        )  # fmt: skip
        assert fetch.error
        assert desk.sent() == (2 if kind in AGAIN else 1)

    play(broker, act)


@by_book
@pytest.mark.parametrize("case", HARMLESS, ids=str)
def test_read_sees_through_what_changes_nothing(broker: str, book: str, case: Case) -> None:
    async def act(desk: Desk) -> None:
        plain = await desk.read(book)
        await arm(desk, case)
        fetch = await desk.read(book)
        assert (fetch.outcome, fetch.rejects) == (Outcome.COMPLETE, ())
        assert set(fetch.rows) == set(plain.rows)
        assert len(fetch.rows) == len(plain.rows)
        assert fetch.broker_time is not None
        ahead = fetch.broker_time - START
        assert ahead == timedelta(seconds=600 if case.kind == "skew" else 0)

    play(broker, act)


@pytest.mark.parametrize(("broker", "book"), OF_ROWS)
def test_rows_that_are_missing_are_all_that_is_missing(broker: str, book: str) -> None:
    """An adapter cannot know that rows are missing: the sync can, by what it has seen before."""
    missing, no_rows, unknown = ROWS

    async def act(desk: Desk) -> None:
        plain = await desk.read(book)
        await arm(desk, missing, times=1)
        some = await desk.read(book)
        assert some.outcome is Outcome.COMPLETE
        assert set(some.rows) < set(plain.rows)
        await arm(desk, no_rows, times=1)
        none = await desk.read(book)
        assert (none.outcome, none.rows) == (Outcome.COMPLETE, ())
        await arm(desk, unknown, times=1)
        odd = await desk.read(book)
        assert (odd.outcome, odd.rejects) == (Outcome.COMPLETE, ())
        if book == "orders":
            assert {row.status for row in odd.rows} == {OrderStatus.UNKNOWN}
        assert len(odd.rows) == len(plain.rows)
        assert await desk.read(book) is not None

    play(broker, act)


@by_broker
@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize(("case", "kind", "carried_out"), FAILING, ids=named)
def test_failed_write_is_told_and_never_sent_again(
    broker: str, name: str, case: Case, kind: type[errors.BrokerError], carried_out: bool
) -> None:
    async def act(desk: Desk) -> None:
        await arm(desk, case, method=method(broker, name))
        with pytest.raises(errors.BrokerError) as caught:
            await desk.write(name)
        assert type(caught.value) is kind
        assert desk.sent(method(broker, name)) == 1
        assert desk.done(name) is carried_out
        if isinstance(caught.value, errors.BrokerUnavailableError):
            assert caught.value.sent
        if isinstance(caught.value, errors.RateLimitedError):
            asked = case.more.get("retry_after")
            assert caught.value.retry_after == (float(asked) if asked else None)

    play(broker, act)


@by_broker
@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("case", [*HARMLESS, *ROWS, Case("undone")], ids=str)
def test_write_sees_through_what_changes_nothing(broker: str, name: str, case: Case) -> None:
    async def act(desk: Desk) -> None:
        await arm(desk, case, method=method(broker, name))
        assert await desk.write(name) in {order.order_id for order in desk.orders}
        assert desk.done(name) is (case.kind != "undone" or name == "place")
        assert desk.sent(method(broker, name)) == 1

    play(broker, act)


@by_broker
@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize(("case", "_", "__"), FAILING, ids=named)
def test_write_that_looks_something_up_in_vain_writes_nothing(
    broker: str, name: str, case: Case, _: object, __: object
) -> None:
    async def act(desk: Desk) -> None:
        await arm(desk, case, method="GET")
        error: Exception | None = None
        try:
            await desk.write(name)
        except errors.BrokerError as caught:
            error = caught
        assert not isinstance(error, errors.UnreadableAnswerError)  # it would mean: may exist
        assert getattr(error, "sent", False) is False
        assert desk.done(name) is bool(desk.sent(method(broker, name)))
        assert (desk.sent("GET") > 0) is not desk.done(name)

    play(broker, act)


@by_broker
@pytest.mark.parametrize(("case", "kind", "_"), FAILING, ids=named)
def test_failed_profile_is_told(
    broker: str, case: Case, kind: type[errors.BrokerError], _: bool
) -> None:
    async def act(desk: Desk) -> None:
        await arm(desk, case)
        with pytest.raises(errors.BrokerError) as caught:
            await desk.client.profile()
        assert type(caught.value) is kind

    play(broker, act)


@by_broker
@pytest.mark.parametrize("case", [*HARMLESS, *ROWS, Case("undone")], ids=str)
def test_profile_sees_through_the_rest(broker: str, case: Case) -> None:
    async def act(desk: Desk) -> None:
        plain = await desk.client.profile()
        await arm(desk, case)
        assert await desk.client.profile() == plain

    play(broker, act)


@by_broker
def test_faults_strike_by_chance_account_route_and_count(broker: str) -> None:
    async def act(desk: Desk) -> None:
        async def failures(times: int) -> list[int]:
            found = [await desk.read("orders") for _ in range(times)]
            return [n for n, fetch in enumerate(found) if fetch.outcome is Outcome.FAILED]

        drawn = Random(11)
        expected = [n for n in range(20) if drawn.random() < 0.4]
        await arm(desk, Case("cut"), probability=0.4, seed=11, times=len(expected))
        assert await failures(25) == expected
        await arm(desk, Case("cut"), path="/nowhere/{at}/all")
        await arm(desk, Case("cut"), method="PATCH")
        assert await failures(2) == []

    play(broker, act)
