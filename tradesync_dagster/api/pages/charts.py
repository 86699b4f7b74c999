"""Lines over time, drawn on the server as SVG that a page may hold: no scripts, no styles in it.

Amounts are exact until they become places on the drawing, which are whole tenths of its units. What
belongs here: drawing. What does not: what is drawn.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from markupsafe import Markup

from tradesync_dagster.domain.money import PRICE_UNIT, format_price

_WIDTH: Final = 7200
_HEIGHT: Final = 1800
_LEFT: Final = 1400
_EDGE: Final = 120
_BELOW: Final = 260
_MOST_POINTS: Final = 500
_ROOM: Final = 150
"""Between two amounts that are written one above the other."""

_FRAME = Markup(
    '<svg class="chart" viewBox="0 0 720 180" role="img" aria-label="{label}">'
    "<title>{label}</title>{inside}</svg>"
)
_GRID = Markup('<line class="grid" x1="{x1}" y1="{y}" x2="{x2}" y2="{y}"/>')
_TEXT = Markup('<text x="{x}" y="{y}" text-anchor="{anchor}">{text}</text>')
_LINE = Markup('<polyline class="line" points="{points}"/>')
_DOT = Markup('<circle class="dot" cx="{x}" cy="{y}" r="3"/>')


def line_chart(what: str, points: Sequence[tuple[str, int]]) -> Markup:
    """Draw amounts in their order, each as far from the next.

    Args:
        what: It shows; said to those who do not see it, with the first and the last amount.
        points: A name, such as a day, and an amount in millionths. Of more than five hundred,
            evenly chosen ones are drawn, the last always.

    Returns:
        The drawing; nothing without a point.
    """
    if not points:
        return Markup()
    drawn = _thinned(points)
    amounts = [amount for _, amount in drawn]
    low, high = min(0, *amounts), max(0, *amounts)
    high = high if high > low else low + PRICE_UNIT
    places = [
        (_across(n, len(drawn)), _down(amount, low, high)) for n, amount in enumerate(amounts)
    ]
    line = " ".join(f"{_units(x)},{_units(y)}" for x, y in places)
    inside = [_level(amount, low, high) for amount in _levels(low, high)]
    inside += [
        _LINE.format(points=line),
        _DOT.format(x=_units(places[-1][0]), y=_units(places[-1][1])),
    ]
    inside += [_name(drawn[0][0], _LEFT, "start"), _name(drawn[-1][0], _WIDTH - _EDGE, "end")]
    said = (
        f"{what}: {format_price(amounts[0])} at {drawn[0][0]}, "
        f"{format_price(amounts[-1])} at {drawn[-1][0]}"
    )
    return _FRAME.format(label=said, inside=Markup().join(inside))


def _levels(low: int, high: int) -> list[int]:
    """Choose the amounts that are written beside the drawing: zero only where there is room."""
    zero = _down(0, low, high)
    near = any(abs(zero - _down(one, low, high)) < _ROOM for one in {low, high} - {0})
    return sorted({low, high} if near else {low, 0, high})


def _thinned(points: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    last = len(points) - 1
    count = min(len(points), _MOST_POINTS)
    return [points[n * last // max(count - 1, 1)] for n in range(count)]


def _across(number: int, count: int) -> int:
    return _LEFT + (_WIDTH - _EDGE - _LEFT) * number // max(count - 1, 1)


def _down(amount: int, low: int, high: int) -> int:
    room = _HEIGHT - _EDGE - _BELOW
    return _EDGE + room * (high - amount) // (high - low)


def _units(tenths: int) -> str:
    return str(Decimal(tenths).scaleb(-1))


def _level(amount: int, low: int, high: int) -> Markup:
    at = _down(amount, low, high)
    line = _GRID.format(x1=_units(_LEFT), x2=_units(_WIDTH - _EDGE), y=_units(at))
    label = _TEXT.format(
        x=_units(_LEFT - 60), y=_units(at + 40), anchor="end", text=format_price(amount)
    )
    return line + label


def _name(text: str, at: int, anchor: str) -> Markup:
    return _TEXT.format(x=_units(at), y=_units(_HEIGHT - 60), anchor=anchor, text=text)
