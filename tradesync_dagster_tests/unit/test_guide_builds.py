"""The guide is built without a warning, and a reader's browser asks nobody else for anything."""

import itertools
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from screenshots.drawings import grid
from tradesync_dagster.domain.order_states import Cause, permits
from tradesync_dagster.domain.orders import OrderStatus
from tradesync_dagster_tests.support.guide import DOCS

_ELSEWHERE = re.compile(r"""(?:src|href|url\()\s*=?\s*["']?(https?:)?//(?!127\.0\.0\.1)[^"')\s]+""")
_LINK = re.compile(r"<a\b[^>]*>")
_ALIKE = "stateDiagram-v2\n  a --> b : broker\n  b --> a : brother"
_PICTURE = re.compile(r"!\[[^\]]*\]\((?:\.\./)?(?:docs/)?(images/[^)]+)\)")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=DOCS.parent, capture_output=True, check=False, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_in_the_guide(site: Path) -> None:
    pages = {page.relative_to(DOCS).with_suffix(".html") for page in DOCS.rglob("*.md")}
    assert {page for page in pages if not (site / page).exists()} == set()


def test_a_page_loads_nothing_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        loaded = _LINK.sub("", page.read_text(encoding="utf-8"))
        assert _ELSEWHERE.findall(loaded) == [], page


class _Grid(HTMLParser):
    """Reads the first table whose corner says ``from, to``: what is in each of its cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.columns: list[str] = []
        self.cells: dict[tuple[str, str], str] = {}
        self._row, self._place, self._tag = "", 0, ""
        before, _, rest = text.partition('<th scope="col">from, to</th>')
        assert rest, before[-500:]
        self.feed(rest.partition("</table>")[0])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag = dict(attrs).get("scope") or (self._tag if tag == "span" else tag)
        self._place += tag == "td"

    def handle_data(self, data: str) -> None:
        if self._tag == "col":
            self.columns.append(data)
        elif self._tag == "row":
            self._row, self._place = data, 0
        elif self._tag == "td" and data.strip():
            cell = (self._row, self.columns[self._place - 1])
            self.cells[cell] = f"{self.cells.get(cell, '')} {data.strip()}".strip()


def test_the_life_of_an_order_is_a_grid_that_says_what_the_table_does(site: Path) -> None:
    page = (site / "orders.html").read_text(encoding="utf-8")
    assert "stateDiagram" not in page
    wanted = {("(new)", "pending_execution"): "pl"}
    for before, after in itertools.permutations(OrderStatus, 2):
        causes = [one.value for one in Cause if permits(before, after, one)]
        if causes and causes != ["correction"]:
            wanted[before.value, after.value] = " ".join(cause[:2] for cause in causes)
    assert _Grid(page).cells == wanted
    for diagram in ("pie", "stateDiagram-v2\n  a --> b\n  note left of a", _ALIKE):
        with pytest.raises(ValueError, match=r"alone|alike"):
            grid(diagram)


def test_each_picture_is_shown_and_none_is_too_large() -> None:
    texts = [*DOCS.rglob("*.md"), DOCS.parent / "README.md"]
    shown = {name for file in texts for name in _PICTURE.findall(file.read_text(encoding="utf-8"))}
    there = {f"images/{file.name}": file.stat().st_size for file in (DOCS / "images").iterdir()}
    assert set(there) == shown
    assert max(there.values()) < 300_000
