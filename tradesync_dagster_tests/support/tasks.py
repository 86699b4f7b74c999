"""A desk at a simulated exchange, whose account has a strategy with a mandate."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from tradesync_dagster.bootstrap.tasks import Tasks
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.market_calendar import IST
from tradesync_dagster.domain.money import parse_price
from tradesync_dagster.domain.tasks import Turn
from tradesync_dagster_tests.support.desk import Desk, ask, open_desk

KEY = "desk/SIM001"
WISHFUL = """
from tradesync_dagster.domain.strategies import Wish

class Wishful:
    def wishes(self, view):
        last = view.prices[view.prices["symbol"] == "INFY"]["price"].iloc[-1]
        limit = int(last) * 101 // 100 // 50_000 * 50_000
        if not view.units:
            yield Wish("NSE", "INFY", limit, target=int(last) * 90 // 100, why="it always wishes")

class Broken:
    def wishes(self, view):
        raise KeyError("its own fault")

class Rubbish:
    def wishes(self, view):
        return eval(view.options["gives"], {"Wish": Wish, "exit": exit})

class Stuck:
    def wishes(self, view):
        while True:
            pass
"""


def install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a package of strategies, as pip does."""
    info = folder / "wishful_strategies-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "wishful_strategies.py").write_text(WISHFUL)
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: wishful-strategies\nVersion: 1.0\n"
    )
    names = ("Wishful", "Broken", "Rubbish", "Stuck")
    points = [f"{name.lower()} = wishful_strategies:{name}" for name in names]
    (info / "entry_points.txt").write_text("\n".join(["[tradesync.strategies]", *points, ""]))
    monkeypatch.syspath_prepend(str(folder))


def at(desk: Desk, day: date, hhmm: str) -> None:
    """Move both sides' clocks to a time of the exchange's day."""
    wanted = datetime.combine(day, time.fromisoformat(hhmm), IST)
    desk.clock.move(wanted - desk.clock.moment)


def run_at(desk: Desk, day: date, hhmm: str) -> list[Turn]:
    at(desk, day, hhmm)
    return desk.services.tasks().run()


def mandate(desk: Desk, strategy: str = "wishful", key: str = KEY, **changes: Any) -> None:
    wanted = {"plugin": strategy, "capital": parse_price("100000"), "positions": 5} | changes
    desk.services.mandates().set_mandate(key, strategy, wanted, "asha")


def open_twin(desk: Desk) -> Account:
    """Open the account's paper twin at the desk's own exchange."""
    made = ask(f"{desk.url}/sim/accounts", {"user_id": "desk:SIM001-paper", "cash": "1000000"})
    twin = Account(
        0, "desk", "SIM001-paper", "PAPER", base_url=desk.url, credentials=made["credentials"]
    )
    desk.services.store.put_accounts([twin])
    return next(one for one in desk.services.store.accounts() if one.key == twin.key)


def tasks(desk: Desk) -> Tasks:
    return desk.services.tasks()


@contextmanager
def open_task_desk(url: str, home: Path, **exchange: Any) -> Iterator[Desk]:
    """One live account that holds INFY; the exchange keeps the market's hours."""
    with open_desk(url, home, accounts=1, always_open=False, **exchange) as desk:
        desk.services.store.set_live(KEY, live=True)
        desk.by_hand("BUY", 10)
        assert desk.one(KEY).status == "success"
        desk.clock.move(timedelta(minutes=1))
        yield desk.with_settings(live_orders_enabled=True)
