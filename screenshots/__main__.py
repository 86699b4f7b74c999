"""Draw the guide's pictures: ``python -m screenshots``."""

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from screenshots.pictures import draw, listed, sign_in
from screenshots.scene import Ports, play, running_demo
from tradesync_dagster_tests.support.chromium import open_tab

_IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"


def main(
    *,
    folder: Annotated[Path, typer.Option(help="Where the pictures go.")] = _IMAGES,
    only: Annotated[list[str] | None, typer.Option(help="Only these, by name.")] = None,
    port: int = 3000,
    exchange_port: int = 8650,
    api_port: int = 8004,
) -> None:
    """Start a demo in a folder of its own, bring about what there is to see, and draw it.

    The exchange's seed makes the same orders each time; times and ids are those of the moment.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ports = Ports(port, exchange_port, api_port)
    with (
        tempfile.TemporaryDirectory(prefix="shots", ignore_cleanup_errors=True) as room,
        running_demo(Path(room) / "home", ports) as scene,
        open_tab(Path(room)) as tab,
    ):
        ids = play(scene)
        sign_in(tab, scene)
        for picture in listed(scene, ids):
            if not only or picture.name in only:
                typer.echo(draw(tab, picture, folder))


if __name__ == "__main__":
    sys.exit(typer.run(main))
