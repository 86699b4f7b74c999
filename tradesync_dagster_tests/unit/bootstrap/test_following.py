"""Following messages through interruptions: when a connection is lost, and for how long is waited.

The server's side of it is in ``integration/test_following_notifications.py``.
"""

import threading
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import SecretStr

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.settings import Settings


class Waits(threading.Event):
    """Told to stop when there is no other connection to try; waits are noted, not waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout)
        return self.is_set()


@pytest.fixture
def services(tmp_path: Path) -> Services:
    """No books: whose messages they are is not asked."""
    settings = Settings(home=tmp_path, rabbitmq_url=SecretStr("amqp://h"), _env_file=None)
    return Services(settings, cast("Any", None), cast("Any", None))


def followed(services: Services, stands: list[bool], monkeypatch: pytest.MonkeyPatch) -> Waits:
    """Follow through connections that all break, some after they stood."""
    stop, left = Waits(), list(stands)

    def follow(*_: Any, ready: threading.Event, **__: Any) -> None:
        if left.pop(0):
            ready.set()
        if left:
            raise ConfigurationError("gone")
        stop.set()

    monkeypatch.setattr("tradesync_dagster.bootstrap.notifications.follow", follow)
    services.notifications().follow(lambda _: None, stop=stop)
    return stop


def test_pauses_grow_while_nothing_connects_and_are_short_after_a_connection(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    stands = [True, False, False, False, True, False, True]
    stop = followed(services, stands, monkeypatch)
    assert stop.seconds == [1.0, 2.0, 4.0, 8.0, 1.0, 2.0]


def test_a_first_connection_that_is_refused_is_an_error(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigurationError, match="gone"):
        followed(services, [False, True], monkeypatch)
