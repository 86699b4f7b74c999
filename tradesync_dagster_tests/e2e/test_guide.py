"""The guide's commands as a reader types them, each page in an empty folder of its own.

Real processes and a real simulated exchange. Only ports differ from what is written, so that tests
can run side by side; ``make demo`` runs with the Makefile as it is.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tradesync_dagster_tests.support.guide import DOCS, Block, How, blocks, script
from tradesync_dagster_tests.support.ports import free_ports
from tradesync_dagster_tests.support.stacks import clear_of_midnight, environment

_SECONDS = 1_200
_ROOT = DOCS.parent
PAGES = {page.name: found for page in sorted(DOCS.rglob("*.md")) if (found := blocks(page))}
_MADE = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")
"""What the ``make`` that runs the tests would pass on to the guide's."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A checkout as far as the guide's commands look: a short path, ``make`` with nothing to do."""
    with tempfile.TemporaryDirectory(prefix="guide", ignore_cleanup_errors=True) as name:
        room = Path(name)
        shutil.copy(_ROOT / "Makefile", room)
        for file in ("requirements.lock", "pyproject.toml"):
            (room / file).touch()
            os.utime(room / file, (0, 0))
        (room / ".venv").mkdir()
        for entry in Path(sys.prefix).iterdir():
            if entry.name != ".installed":
                (room / ".venv" / entry.name).symlink_to(entry)
        (room / ".venv" / ".installed").touch()
        yield room


def with_ports(text: str, ui: int, exchange: int, pages: int) -> str:
    for written, own in ((3000, ui), (8650, exchange), (8004, pages)):
        text = text.replace(f"127.0.0.1:{written}", f"127.0.0.1:{own}")
    return text.replace("exchange serve", f"exchange serve --port {exchange}")


def run(page: list[Block], folder: Path) -> str:
    """Run a page; return what its last blocks said."""
    clear_of_midnight(timedelta(minutes=5))
    ui, exchange, pages = free_ports(3)
    options = f"--port={ui} --exchange-port={exchange} --api-port={pages} --accounts=3"
    settings = environment(ARGS=options)
    for name in _MADE:
        settings.pop(name, None)
    (folder / "page.sh").write_text(with_ports(script(page), ui, exchange, pages))
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(
            ["bash", "page.sh"], cwd=folder, env=settings, stdout=said, stderr=said,
            stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            code: int | None = process.wait(_SECONDS)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(_SECONDS)
    text = (folder / "said").read_text()
    assert code == 0, f"{text}\n{_outputs(folder)}"
    return text


def _outputs(folder: Path) -> str:
    return "\n".join(f"{one.name}: {one.read_text()[-3000:]}" for one in folder.glob("*.out"))


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_do_what_it_says(page: str, folder: Path) -> None:
    run(PAGES[page], folder)


def test_few_commands_are_left_out_and_each_for_want_of_a_broker() -> None:
    left_out = [one for page in PAGES.values() for one in page if one.how is How.NOT_RUN]
    assert {one.words for one in left_out} == {"needs a real broker"}
    assert len(left_out) <= 7, "run it against the simulated exchange instead"
    brokers = {page for page in PAGES if page.startswith("connect-")}
    assert {one.page for one in left_out} <= brokers
    for page in brokers:
        assert any(one.how is How.RUNS_ON for one in PAGES[page]), f"{page} tries nothing"


def test_a_page_that_does_not_say_what_it_promises_fails(folder: Path) -> None:
    with pytest.raises(AssertionError, match="did not say: yes"):
        run([Block("page", "echo no\n", How.SHOWS, "yes")], folder)
    with pytest.raises(AssertionError, match="first"):
        run([Block("page", "echo first; false\necho second\n", How.SHOWS, "second")], folder)
