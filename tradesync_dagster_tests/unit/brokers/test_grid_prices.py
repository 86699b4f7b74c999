"""Real prices by a child process: a real one each time, over a stand-in for the library."""

import json
import os
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tradesync_dagster.brokers import grid_prices
from tradesync_dagster.brokers.grid_prices import GridPrices, PricesAwayError, ask
from tradesync_dagster.domain.lmp import FRESH, PricePoint, Published, SimulatedPrices
from tradesync_dagster_tests.support.fake_orders import HOUR

PYTHON = Path(sys.executable)
ENOUGH = 120.0
"""Seconds that a busy machine may take to start Python."""
SIMULATED = SimulatedPrices("tradesync", 40_000_000, 10_000_000)
AT = HOUR - timedelta(minutes=5)
NODE = PricePoint("NYISO", "N.Y.C.", HOUR)
Library = Callable[[str], dict[str, str]]


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Lay a module ``gridstatus.utils`` with some code; give the environment that finds it."""

    def lay(code: str) -> dict[str, str]:
        package = tmp_path / "gridstatus"
        package.mkdir(exist_ok=True)
        (package / "__init__.py").write_text("")
        (package / "utils.py").write_text(code)
        return {"PYTHONPATH": str(tmp_path), "PATH": os.defpath}

    return lay


def market(body: str) -> str:
    return f"""
import pandas as pd
def frame(*rows):
    found = pd.DataFrame(rows, columns=["Interval Start", "Location", "LMP"])
    times = pd.to_datetime(found["Interval Start"])
    return found.assign(**{{"Interval Start": times.dt.tz_localize("US/Eastern")}})
class Iso:
    def get_lmp_real_time_5_min(self, date):
        assert date == "latest"
        {body}
def get_iso(name):
    return {{"nyiso": Iso}}[name]
"""


def test_the_latest_price_of_each_node_is_read_exactly(library: Library) -> None:
    zones = (
        'frame(("2026-03-02 09:50", "N.Y.C.", -3.25), ("2026-03-02 09:55", "N.Y.C.", 41.07),'
        ' ("2026-03-02 09:55", "WEST", -12.5))'
    )
    units = 'frame(("2026-03-02 09:55", "LOST", float("nan")), ("2026-03-02 09:55", "ODD", 1e9))'
    environment = library(market(f'print("chatter"); return {zones}, {units}'))
    assert ask("NYISO", environment, PYTHON, ENOUGH) == {
        "N.Y.C.": Published(AT, 41_070_000),
        "WEST": Published(AT, -12_500_000),
    }


def test_a_row_that_makes_no_sense_is_left_out(library: Library) -> None:
    rows = {
        "N.Y.C.": ["2026-03-02T14:55:00+00:00", "41.07"],
        "NO ROW": 5,
        "NO TIME": ["soon", "1"],
        "BEFORE TIME": ["0001-01-01T00:00:00+05:00", "1"],
        "NO PRICE": ["2026-03-02T14:55:00+00:00", "much"],
    }
    said = json.dumps({"prices": rows})
    code = f"import os, sys; sys.__stdout__.write({said!r}); sys.__stdout__.flush(); os._exit(0)"
    assert ask("NYISO", library(code), PYTHON, ENOUGH) == {"N.Y.C.": Published(AT, 41_070_000)}


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (market('raise OSError("no route to the market")'), "OSError: no route to the market"),
        ("raise ImportError('not here')", "ImportError: not here"),
        ("import os; os._exit(3)", "cannot be read"),
        (market('return frame(("2026-03-02 09:55", "N.Y.C.", 1.0))[["LMP"]]'), "KeyError"),
    ],
)
def test_a_library_that_fails_is_a_reason(library: Library, code: str, words: str) -> None:
    with pytest.raises(PricesAwayError, match=words):
        ask("NYISO", library(code), PYTHON, ENOUGH)


def test_without_the_library_there_is_a_reason() -> None:
    with pytest.raises(PricesAwayError, match="NYISO: ModuleNotFoundError: No module named"):
        ask("NYISO", {"PATH": os.defpath}, PYTHON, ENOUGH)


def test_the_library_may_be_another_pythons(library: Library, tmp_path: Path) -> None:
    """What it needs must not bind us: it holds pandas back behind the version that we use."""
    other = tmp_path / "python"
    other.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path} exec {sys.executable} "$@"\n')
    code = market('return frame(("2026-03-02 09:55", "N.Y.C.", 41.07))')
    library(code)
    with pytest.raises(PricesAwayError, match=f"{other} does not start: Permission denied"):
        ask("NYISO", {"PATH": os.defpath}, other, ENOUGH)
    other.chmod(0o755)
    found = ask("NYISO", {"PATH": os.defpath}, other, ENOUGH)
    assert found == {"N.Y.C.": Published(AT, 41_070_000)}


def test_a_child_that_hangs_is_ended(library: Library) -> None:
    began = time.monotonic()
    with pytest.raises(PricesAwayError, match=r"no prices of NYISO within 0\.5 s"):
        ask("NYISO", library("import time; time.sleep(3600)"), PYTHON, 0.5)
    assert time.monotonic() - began < ENOUGH, "not an hour later"


def test_an_answer_without_end_is_cut(library: Library) -> None:
    code = "import sys\nwhile True: sys.__stdout__.write('x' * 100_000)"
    with pytest.raises(PricesAwayError, match="more than 1000 bytes for NYISO"):
        ask("NYISO", library(code), PYTHON, ENOUGH, most=1_000)


def prices(answer: "dict[str, Published] | str") -> GridPrices:
    def given(_: str) -> dict[str, Published]:
        if isinstance(answer, str):
            raise PricesAwayError(answer)
        return answer

    return GridPrices(["NYISO"], SIMULATED, given)


def test_what_is_known_in_time_is_real_and_all_else_simulated_with_its_reason() -> None:
    grid = prices({"N.Y.C.": Published(AT, -3_250_000)})
    other = PricePoint("PJM", "WESTERN HUB", HOUR)
    unknown, early = NODE._replace(node="WEST"), NODE._replace(at=AT - timedelta(seconds=1))
    stale = NODE._replace(at=AT + FRESH + timedelta(seconds=1))
    points = [NODE, other, unknown, early, stale]
    assert grid.at(points) == SIMULATED.at(points), "nothing was asked yet"
    grid.refresh()
    assert grid.at(points) == {**SIMULATED.at(points), NODE: -3_250_000}
    assert grid.source(NODE) == "gridstatus: 2026-03-02T14:55Z"
    assert grid.source(other) == "simulated"
    for point in (unknown, early, stale):
        assert grid.source(point) == "simulated: no price of this node holds at this moment"


def test_a_market_that_is_away_is_simulated_and_the_reason_is_said() -> None:
    grid = prices("gridstatus gave no prices of NYISO within 30 s")
    grid.refresh()
    assert grid.at([NODE]) == SIMULATED.at([NODE])
    assert grid.source(NODE) == "simulated: gridstatus gave no prices of NYISO within 30 s"


def test_while_watched_prices_come_without_being_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(grid_prices, "PERIOD_SECONDS", 0.01)
    answers = [{"N.Y.C.": Published(AT, number)} for number in range(1, 4)]

    def given(_: str) -> dict[str, Published]:
        return answers.pop(0) if len(answers) > 1 else answers[0]

    grid = GridPrices(["NYISO"], SIMULATED, given)
    with grid.watched():
        deadline = time.monotonic() + ENOUGH
        while grid.at([NODE])[NODE] != 3:
            assert time.monotonic() < deadline
            time.sleep(0.01)
