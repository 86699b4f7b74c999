"""The guide is built without a warning, and a reader's browser asks nobody else for anything."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tradesync_dagster_tests.support.guide import DOCS

_ELSEWHERE = re.compile(r"""(?:src|href|url\()\s*=?\s*["']?(https?:)?//(?!127\.0\.0\.1)[^"')\s]+""")
_LINK = re.compile(r"<a\b[^>]*>")
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


def test_each_picture_is_shown_and_none_is_too_large() -> None:
    texts = [*DOCS.rglob("*.md"), DOCS.parent / "README.md"]
    shown = {name for file in texts for name in _PICTURE.findall(file.read_text(encoding="utf-8"))}
    there = {f"images/{file.name}": file.stat().st_size for file in (DOCS / "images").iterdir()}
    assert set(there) == shown
    assert max(there.values()) < 300_000
