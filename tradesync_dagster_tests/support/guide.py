"""The guide's commands, taken out of its pages and made into a script.

What belongs here: reading fenced ``bash`` blocks with the marker before them, one script a page.
What does not: which pages there are to be run, what they shall show beyond their markers.

A marker is a comment on the line before a block:

- ``guide: shows "WORDS"``: its output has them (a regular expression, as of ``grep -E``).
- ``guide: again until "WORDS"``: it is repeated until its output has them.
- ``guide: runs on, ready at "WORDS"``: it stays in the background, as in a terminal of its own.
- ``guide: not run, REASON``: it is left out.
"""

import re
import shlex
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"
_BLOCK = re.compile(
    r"(?:^ *<!-- guide: (?P<marker>[^\n]*) -->\n)?^(?P<indent> *)```bash\n(?P<code>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)
_MARKER = re.compile(
    r'(?P<how>shows|again until|runs on, ready at) "(?P<words>[^"]+)"|not run, (?P<why>.+)'
)
_TRIES = 200
_HEAD = """set -euo pipefail
set -m
jobs_of_guide=()
end() {
    for one in "${jobs_of_guide[@]}"; do
        kill -INT -- "-$one" || true
        wait "$one" || true
    done
}
trap end EXIT
ready() {  # WORDS FILE JOB
    for _ in $(seq 1200); do
        if grep -Eq -- "$1" "$2"; then return 0; fi
        if ! kill -0 "$3"; then break; fi
        sleep 0.5
    done
    cat "$2"; echo "never said: $1"; return 1
}
shown() { cat "$2"; grep -Eq -- "$1" "$2" || { echo "did not say: $1"; return 1; }; }
"""


class How(StrEnum):
    """What is done with a block."""

    PLAIN = "plain"
    SHOWS = "shows"
    AGAIN = "again until"
    RUNS_ON = "runs on, ready at"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        words: What its output shall have; of one that is not run, the reason.
    """

    page: str
    code: str
    how: How = How.PLAIN
    words: str = ""


def blocks(page: Path) -> list[Block]:
    """Read a page's ``bash`` blocks in their order; a marker that is malformed fails."""
    text = page.read_text(encoding="utf-8")
    found = [_block(page.name, one) for one in _BLOCK.finditer(text)]
    assert len(found) == text.count("```bash"), f"{page.name}: a block was not read"
    marked = sum(one.how is not How.PLAIN for one in found)
    assert marked == text.count("<!-- guide:"), f"{page.name}: a marker stands before no block"
    return found


def _block(page: str, match: re.Match[str]) -> Block:
    code = textwrap.dedent(match["code"])
    if match["marker"] is None:
        return Block(page, code)
    marker = _MARKER.fullmatch(match["marker"])
    assert marker, f"{page}: the marker {match['marker']!r} is none that is known"
    if marker["why"]:
        return Block(page, code, How.NOT_RUN, marker["why"])
    return Block(page, code, How(marker["how"]), marker["words"])


def script(found: Sequence[Block]) -> str:
    """Make one script of a page's blocks; they share a shell, as in one terminal."""
    return _HEAD + "".join(_step(number, one) for number, one in enumerate(found))


def _step(number: int, block: Block) -> str:
    words, out = shlex.quote(block.words), f"{number}.out"
    if block.how is How.NOT_RUN:
        return ""
    if block.how is How.RUNS_ON:
        return f"{{ {block.code}}} >{out} 2>&1 &\njobs_of_guide+=($!)\nready {words} {out} $!\n"
    if block.how is How.AGAIN:
        return (
            f"for _ in $(seq {_TRIES}); do\n{{ {block.code}}} >{out} 2>&1\n"
            f"if grep -Eq -- {words} {out}; then break; fi; sleep 1; done\nshown {words} {out}\n"
        )
    shown = f"shown {words} {out}\n" if block.how is How.SHOWS else ""
    return f"{{ {block.code}}} >{out} 2>&1\n{shown}"
