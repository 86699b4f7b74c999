"""Puts the guide's Mermaid state diagrams into its site as grids: a hook of MkDocs.

GitHub draws Mermaid itself. The site would have to fetch it from elsewhere or to carry megabytes of
it, and fifty arrows read better as a grid. What belongs here: a fence's lines read, and a table
made of them. What does not: what may follow what (``domain.order_states``).
"""

import re
from collections.abc import Mapping
from html import escape
from typing import Any

_FENCE = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ARROW = re.compile(r"(\S+) --> (\S+)(?: : (.+))?")
_OUTSIDE = "[*]"
_NARROW = "min-width: 0; padding: .4em; text-align: center"
_UPRIGHT = f"{_NARROW}; writing-mode: vertical-rl; text-align: start"
Arrows = Mapping[tuple[str, str], tuple[str, ...]]


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace each diagram of a page by its grid; MkDocs calls this for every page."""
    return _FENCE.sub(lambda fence: grid(fence[1]), markdown)


def grid(diagram: str) -> str:
    """Write a state diagram as a table: from the state of the row to that of the column.

    Args:
        diagram: Lines of Mermaid, of a ``stateDiagram-v2`` with nothing but arrows.

    Returns:
        HTML, with what stands on an arrow shortened in its cell, and in full above.

    Raises:
        ValueError: It has something that a grid cannot show.
    """
    arrows = _read(diagram)
    rows = dict.fromkeys(old for old, _ in arrows)
    columns = dict.fromkeys(new for _, new in arrows if new != _OUTSIDE)
    words = dict.fromkeys(word for some in arrows.values() for word in some)
    short = {word: word[:2] for word in words}
    if len(set(short.values())) < len(words):
        raise ValueError(f"two of {', '.join(words)} begin alike: shorten them otherwise")
    ends = ", ".join(old for old, new in arrows if new == _OUTSIDE)
    key = "; ".join(f"<b>{escape(two)}</b> {escape(word)}" for word, two in short.items())
    heads = "".join(f'<th scope="col" style="{_UPRIGHT}">{escape(new)}</th>' for new in columns)
    lines = "".join(
        f'<tr><th scope="row" style="{_NARROW}; text-align: start">{_name(old)}</th>'
        + "".join(_cell(arrows.get((old, new), ()), short) for new in columns)
        + "</tr>"
        for old in rows
        if any((old, new) in arrows for new in columns)
    )
    return (
        f"<p>From the state at the left to the one above, on the word of: {key}. "
        f"An end: {escape(ends)}.</p>\n\n"
        f'<table><thead><tr><th scope="col">from, to</th>{heads}</tr></thead>'
        f"<tbody>{lines}</tbody></table>"
    )


def _read(diagram: str) -> Arrows:
    head, *lines = diagram.strip().splitlines()
    if head != "stateDiagram-v2":
        raise ValueError(f"the site draws state diagrams alone, not {head!r}")
    arrows = {}
    for line in lines:
        found = _ARROW.fullmatch(line.strip())
        if found is None:
            raise ValueError(f"the site draws arrows alone, not {line.strip()!r}")
        arrows[found[1], found[2]] = tuple(found[3].split(", ")) if found[3] else ()
    return arrows


def _name(state: str) -> str:
    return "(new)" if state == _OUTSIDE else escape(state)


def _cell(words: tuple[str, ...], short: Mapping[str, str]) -> str:
    said = " ".join(f'<span title="{escape(one)}">{escape(short[one])}</span>' for one in words)
    return f'<td style="{_NARROW}">{said}</td>'
