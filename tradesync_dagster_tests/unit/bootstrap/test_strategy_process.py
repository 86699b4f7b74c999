"""Strategies in processes of their own: what they get, what comes back, and how they end."""

import os
import sys
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from tradesync_dagster.bootstrap.strategy_process import ask_apart
from tradesync_dagster.domain.errors import TaskFailedError
from tradesync_dagster.domain.strategies import View, Wish
from tradesync_dagster_tests.support.stacks import runs

LONG = 600


class Answers:
    """Tells what it was shown and where it runs, and prints besides."""

    def wishes(self, view: View) -> Iterable[Wish]:
        sys.stdout.write("not an answer")
        last = int(view.prices["price"].iloc[-1])
        inherited = os.environ  # noqa: TID251 - it is what is looked into
        ours = sorted(name for name in inherited if name.startswith("TRADESYNC_"))
        yield Wish("NSE", "INFY", last, score=os.getpid(), why=f"{view.day} {view.units} {ours}")


class Stuck:
    """Says who it is and never comes back."""

    def wishes(self, view: View) -> Iterable[Wish]:
        Path(view.options["pid"]).write_text(str(os.getpid()))
        while True:
            pass


def asked(name: str, seconds: int, **options: str) -> list[Wish]:
    prices = pd.DataFrame(
        [("NSE", "INFY", date(2026, 11, 20), 50_000)],
        columns=["exchange", "symbol", "trade_date", "price"],
    )
    view = View(date(2026, 11, 20), 1, 1, prices, {("NSE", "INFY"): 3}, options=options)
    return ask_apart("mine", f"{__name__}:{name}", view, seconds)


def test_it_is_shown_all_in_another_process_without_our_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRADESYNC_SECRET_KEYS", "hunter2")
    [wish] = asked("Answers", LONG)
    assert (wish.price, wish.why) == (50_000, "2026-11-20 {('NSE', 'INFY'): 3} []")
    assert wish.score != os.getpid()
    assert not runs(wish.score)


def test_one_that_hangs_is_ended(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    with pytest.raises(TaskFailedError, match=r"'mine' had not answered after 1 s.*ended"):
        asked("Stuck", 1, pid=str(pid))
    assert not pid.exists() or not runs(int(pid.read_text()))
