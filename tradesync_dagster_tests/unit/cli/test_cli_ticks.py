"""The lines that a stack prints: each tick once, and no end when the books are away for a while."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from tradesync_dagster.cli import ticks
from tradesync_dagster.cli.ticks import TickWatch
from tradesync_dagster.domain.errors import StoreError


def tick(tick_id: str, orders: int = 1) -> dict[str, Any]:
    return {
        "tick_id": tick_id,
        "started_at": f"2026-11-19T04:0{tick_id}:00+00:00",
        "accounts": 1,
        "orders": orders,
        "external_orders": 0,
        "new_external_orders": 0,
        "positions": 0,
        "errors": 0,
        "seconds": "0.01",
    }


@dataclass
class Ticks:
    rows: list[dict[str, Any]] = field(default_factory=list)
    error: Exception | None = None

    def last_ticks(self, limit: int) -> list[dict[str, Any]]:
        if self.error is not None:
            raise self.error
        return self.rows[:limit]


def test_a_tick_is_printed_once_when_it_has_stopped_growing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ticks = Ticks([tick("1")])
    watch = TickWatch(ticks)  # type: ignore[arg-type]
    for orders in (5, 7):
        ticks.rows = [tick("2", orders), tick("1")]
        watch.look()
        assert capsys.readouterr().out == ""
    for _ in range(3):
        watch.look()
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 1
    assert "7 orders" in printed[0]


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("SELECT 1", {}, RuntimeError("the server is starting\nup")),
        StoreError("the server is starting"),
    ],
    ids=["driver", "store"],
)
def test_books_that_are_away_are_said_once_and_waited_for(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    ticks = Ticks()
    watch = TickWatch(ticks)  # type: ignore[arg-type]
    sentence = "tradesync: the books cannot be read at the moment: the server is starting\n"
    for _ in range(2):
        ticks.error = error
        for _ in range(3):
            watch.look()
        assert capsys.readouterr().err == sentence
        ticks.error = None
        watch.look()
    ticks.rows = [tick("1")]
    watch.look()
    watch.look()
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_ticks_are_listed_with_what_took_longest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row = tick("1") | {
        "shard": "3", "status": "partial_success", "changed": 1, "overrun_seconds": "12.00",
        "statuses": {"failed": 2, "success": 5}, "parts": {"fetch": "3.2", "apply": "11.5"},
    }  # fmt: skip
    monkeypatch.setattr(ticks, "open_services", lambda: Ticks([row, row]))
    ticks.ticks(limit=1)
    printed = capsys.readouterr().out
    assert "apply 11.5 s" in printed
    assert "12.00" in printed
    assert printed.count("partial_success") == 1
    ticks.ticks(limit=2, as_json=True)
    assert [one["statuses"]["failed"] for one in json.loads(capsys.readouterr().out)] == [2, 2]
