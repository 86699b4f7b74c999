"""``tradesync notifications follow``: whatever arrives is printed, a line a message."""

import json
import signal
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from tradesync_dagster.cli import notifications
from tradesync_dagster.publish.rabbitmq import Received

OURS = b'{"type":"order_placed","organization_id":"acme","account":"main"}'
BODIES = (OURS, b"\xff\xfe", b"[1,\n2]", OURS.replace(b"acme", b"rival"))


@pytest.fixture(autouse=True)
def rabbitmq(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A queue with one of our messages, two of somebody else's and one of another desk's."""

    def follow(handle: Callable[[Received], None], **_: object) -> None:
        for number, body in enumerate(BODIES):
            handle(Received(str(number), "account.main.x", body))

    services = SimpleNamespace(notifications=lambda: SimpleNamespace(follow=follow))
    monkeypatch.setattr(notifications, "open_services", lambda: services)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_every_message_is_one_line_of_json_also_where_its_body_is_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    notifications.follow(account="acme/main", as_json=True)
    first, *strange = capsys.readouterr().out.splitlines()
    assert first.encode() == OURS
    assert [json.loads(line) for line in strange] == 2 * [
        {"type": "account.main.x", "message": "a message that is no JSON object"}
    ]


def test_people_read_a_line_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    notifications.follow(account="acme/main")
    assert capsys.readouterr().out.splitlines() == [
        "order_placed  main", *2 * ["account.main.x  a message that is no JSON object"],
    ]  # fmt: skip
