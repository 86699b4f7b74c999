"""People are told through Apprise: in full, in time, and without their addresses in any error."""

import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.domain.publications import OutboxMessage
from tradesync_dagster.publish.notify import ApprisePeople, addresses_of
from tradesync_dagster_tests.support.people import SECRET, Listener, listening

AT = datetime(2026, 11, 19, 4, 0, tzinfo=UTC)


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as started:
        yield started


def alerts(*texts: str) -> list[OutboxMessage]:
    return [
        OutboxMessage(f"id-{n}", 1, "people/0", "k", b'{"message": "%s"}' % text.encode(), AT)
        for n, text in enumerate(texts)
    ]


def test_an_address_gets_several_alerts_in_one_note(listener: Listener) -> None:
    told = ApprisePeople([listener.url()]).tell([alerts("DESK/A: <b> & one", "DESK/B: two")])
    assert (told.taken, told.errors) == (("id-0", "id-1"), ())
    [(_, note)] = listener.notes
    assert (note["title"], note["type"]) == ("tradesync: 2 alerts", "warning")
    assert listener.told() == ["DESK/A: <b> & one", "DESK/B: two"]


def test_many_alerts_come_in_notes_that_every_service_takes(listener: Listener) -> None:
    texts = [f"{n:03} " + "x" * 120 for n in range(40)] + ["y" * 9_000]
    told = ApprisePeople([listener.url()]).tell([alerts(*texts)])
    assert len(told.taken) == 41
    assert all(len(note["message"]) <= 3_500 for _, note in listener.notes)
    assert listener.told()[:40] == texts[:40]
    assert len(listener.told()[40]) == 500


def test_one_address_that_refuses_holds_back_no_other(listener: Listener) -> None:
    people = ApprisePeople([listener.url("refused"), listener.url("two")])
    first, second = alerts("a", "b")
    told = people.tell([[first], [second]])
    assert told.taken == ("id-1",)
    [error] = told.errors
    assert error.startswith("people: address 1 (json) was not reached, or refused; 1 alert(s) wait")
    assert listener.told("two") == ["b"]


def test_an_address_that_hangs_costs_a_bounded_time_and_no_other_its_alerts(
    listener: Listener,
) -> None:
    listener.hang = threading.Event()
    people = ApprisePeople([listener.url("slow", rto="60"), listener.url("two")], seconds=5.0)
    first, second = alerts("a", "b")
    told = people.tell([[first], [second]])
    assert "people-0" in {thread.name for thread in threading.enumerate()}, "still waiting"
    assert told.taken == ("id-1",)
    assert "address 1 (json) did not answer in time" in told.errors[0]


def test_nothing_of_an_address_is_in_an_error_or_the_log(
    listener: Listener, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    listener.status = 500
    dead = f"json://asha:{SECRET}@127.0.0.1:9/{SECRET}?cto=1"
    strange = f"hunter://{SECRET}@x"
    people = ApprisePeople([listener.url(), dead, strange, f"{SECRET} without a scheme"])
    told = people.tell([alerts(name) for name in "abcd"])
    assert told.taken == ()
    assert len(told.errors) == 4
    with pytest.raises(ConfigurationError, match=r"address 3 \(hunter\), address 4") as refused:
        people.check()
    shown = " ".join([*told.errors, str(refused.value), caplog.text, *capfd.readouterr()])
    assert SECRET not in shown
    assert "asha" not in shown


def test_nothing_to_tell_opens_nothing() -> None:
    people = ApprisePeople(["json://127.0.0.1:9/"])
    assert people.tell([[]]).errors == ()
    assert len(people) == 1
    people.check()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        (" json://a , ", ["json://a"]),
        ("json://a,tgram://t/c", ["json://a", "tgram://t/c"]),
        ("mailto://u:p@h?to=x@y,z@y, slack://s", ["mailto://u:p@h?to=x@y,z@y", "slack://s"]),
    ],
)
def test_addresses_are_taken_apart_by_commas(text: str, found: list[str]) -> None:
    assert addresses_of(text) == found
