"""FIFO matching against rp2, a tax engine written by others, on streams that never go short."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tradesync_dagster.domain import fifo
from tradesync_dagster.domain.fifo import match

Stream = list[tuple[int, int]]
"""Signed quantity and price of each fill."""

RP2_BOOKS = Path(__file__).parents[1] / "support" / "rp2_books.py"
STREAMS, FILLS = 30, 200


def long_only(seed: int) -> Stream:
    """Fills that sell a position down, often to nothing, but never below it."""
    random = np.random.default_rng(seed)
    most, dearest = 10 ** int(random.integers(1, 7)), 10 ** int(random.integers(1, 13))
    fills, held = [], 0
    for _ in range(FILLS):
        quantity = int(random.integers(1, most + 1))
        if held and random.random() < 0.6:
            quantity = -held if random.random() < 0.1 else -min(quantity, held)
        held += quantity
        fills.append((quantity, int(random.integers(1, dearest + 1))))
    return fills


def rp2_books(streams: list[Stream], folder: Path) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, str(RP2_BOOKS)],
        input=json.dumps(streams),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_the_same_lots_and_the_same_pnl_to_the_last_unit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fifo, "_BLOCK", 70)  # so that streams lie across blocks
    streams = [long_only(seed) for seed in range(STREAMS)]
    theirs = rp2_books(streams, tmp_path)

    fills = np.array(streams, dtype=np.int64).reshape(-1, 2)
    stream = np.repeat(np.arange(STREAMS), FILLS)
    ours = match(stream, fills[:, 0], fills[:, 1])

    assert {n: int(books["pnl"]) for n, books in enumerate(theirs)} == ours.realised_pnl
    lots = np.column_stack((ours.buy_row % FILLS, ours.sell_row % FILLS, ours.quantity))
    for n, books in enumerate(theirs):
        of_stream = lots[ours.buy_row // FILLS == n].tolist()
        assert [[buy, sell, int(units)] for buy, sell, units in books["lots"]] == of_stream
    assert len(lots) > STREAMS * FILLS / 2
    assert max(ours.realised_pnl.values()) > 10**15
