"""Lines over time: where points lie, what is said of them, and that names stay text."""

import re
from html import unescape

from hypothesis import given
from hypothesis import strategies as st

from tradesync_dagster.api.pages.charts import line_chart

RUPEE = 1_000_000
SPACE = (140.0, 12.0, 708.0, 154.0)


def places(chart: str) -> list[tuple[float, float]]:
    [line] = re.findall(r'points="([^"]*)"', chart)
    found = [tuple(map(float, point.split(","))) for point in line.split()]
    return [(x, y) for x, y in found]


def written(chart: str) -> list[str]:
    return re.findall(r"<text [^>]*>([^<]*)</text>", chart)


def test_points_lie_between_the_lowest_and_the_highest_level() -> None:
    chart = line_chart("Profit", [("mon", 0), ("tue", 5 * RUPEE), ("wed", -5 * RUPEE)])
    assert places(chart) == [(140.0, 83.0), (424.0, 12.0), (708.0, 154.0)]
    assert written(chart) == ["-5.00", "0.00", "5.00", "mon", "wed"]
    assert "Profit: 0.00 at mon, -5.00 at wed" in chart


def test_levels_that_lie_close_are_not_written_over_one_another() -> None:
    chart = line_chart("Profit", [("a", 60 * RUPEE), ("b", -RUPEE)])
    assert written(chart)[:2] == ["-1.00", "60.00"]
    assert written(line_chart("Profit", [("a", 0)]))[:2] == ["0.00", "1.00"]
    assert line_chart("Profit", []) == ""


def test_names_are_text() -> None:
    name = '"><script>alert(1)</script>{{7*7}}'
    chart = line_chart(name, [(name, RUPEE)])
    assert "<script>" not in chart
    [label] = re.findall(r'aria-label="([^"]*)"', chart)
    assert unescape(label).startswith(name)


@given(st.lists(st.integers(-(2**80), 2**80), min_size=1, max_size=1_200))
def test_any_amounts_have_places_on_the_drawing(amounts: list[int]) -> None:
    chart = line_chart("Profit", [(str(n), amount) for n, amount in enumerate(amounts)])
    found = places(chart)
    assert len(found) == min(len(amounts), 500)
    left, top, right, bottom = SPACE
    assert all(left <= x <= right and top <= y <= bottom for x, y in found)
    assert written(chart)[-1] == str(len(amounts) - 1), "the last is always drawn"
