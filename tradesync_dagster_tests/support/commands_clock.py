"""The clock that commands read, set by a test.

Commands look back from the present, in the exchange's days: what a test has written before a
midnight in India would be yesterday's to a command that it starts after it.
"""

from datetime import datetime, timedelta
from itertools import count

import pytest

from tradesync_dagster.bootstrap.wiring import SystemClock


def set_clock(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    """Let every command and service of this process begin at a moment, and go on by being asked."""
    asked = count()

    def now(_: SystemClock) -> datetime:
        return moment + timedelta(milliseconds=next(asked))

    monkeypatch.setattr(SystemClock, "now", now)
