"""Several processes, and killed ones: no order twice, no limit passed, every crash converges."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tradesync_dagster.domain.money import parse_price
from tradesync_dagster_tests.support.trading import KEY, TradingDesk, open_trading_desk

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def trading(database_url: str, tmp_path: Path) -> Iterator[TradingDesk]:
    with open_trading_desk(database_url, tmp_path) as opened:
        yield opened


def start(trading: TradingDesk, **wanted: Any) -> "subprocess.Popen[str]":
    settings = trading.desk.services.settings
    now = trading.desk.clock.now().isoformat()
    document = {
        "home": str(settings.home), "database_url": settings.books_url, "now": now,
        "quantity": 3, "price": trading.price(),
    } | wanted  # fmt: skip
    module = "tradesync_dagster_tests.support.placing_process"
    return subprocess.Popen(
        [sys.executable, "-m", module, json.dumps(document)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def placed(process: "subprocess.Popen[str]") -> int:
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return int(out)


def ours(trading: TradingDesk) -> list[dict[str, Any]]:
    return [r for r in trading.desk.services.orders(KEY) if r["origin"] == "internal"]


def synced(trading: TradingDesk, seconds: int) -> str:
    trading.desk.clock.move(timedelta(seconds=seconds))
    assert trading.desk.one(KEY).status == "success"
    (row,) = ours(trading)
    return str(row["status"])


def test_killed_before_the_call_it_fails_once_nobody_can_be_sending_it(
    trading: TradingDesk,
) -> None:
    killed = start(trading, die="before")
    killed.communicate(timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert [row["status"] for row in ours(trading)] == ["pending_execution"]
    assert synced(trading, 60) == "pending_execution"
    assert synced(trading, 200) == "unknown"
    assert synced(trading, 40) == "failed"
    assert synced(trading, 300) == "failed"
    assert trading.ours() == []


def test_killed_before_its_answer_was_kept_it_is_found_by_its_tag(trading: TradingDesk) -> None:
    killed = start(trading, die="after")
    killed.communicate(timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert [(row["status"], row["broker_order_id"]) for row in ours(trading)] == [
        ("pending_execution", "")
    ]
    assert synced(trading, 5) == "executed"
    assert synced(trading, 400) == "executed"
    (theirs,) = trading.ours()
    assert ours(trading)[0]["broker_order_id"] == theirs["order_id"]


def test_one_key_in_two_processes_is_one_order(trading: TradingDesk) -> None:
    both = [start(trading, key="rebalance-7") for _ in range(2)]
    assert [placed(process) for process in both] == [1, 1]
    assert len(trading.ours()) == len(ours(trading)) == 1


def test_two_processes_together_keep_to_the_days_value(trading: TradingDesk) -> None:
    worth = 3 * parse_price(trading.price())
    trading.trading.set_limits(KEY, {"day_value": 5 * worth}, "asha")
    both = [start(trading, times=5, refusal="--day-value") for _ in range(2)]
    assert sum(placed(process) for process in both) == 5
    assert len(trading.ours()) == len(ours(trading)) == 5
