"""Which pages are drawn, how wide, and into which file.

What belongs here: the list of pictures, and finding the page of each. What does not: the scene
(``scene``).
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from screenshots.scene import Scene
from tradesync_dagster_tests.support.chromium import Tab

_MOST_BYTES = 300_000
_LOOKS = 10
"""How often a page is looked at, a second apart, until two looks in a row are the same."""
_LATEST_RUN = """{ runsOrError(limit: 1, filter: {pipelineName: "sync_job", statuses: [SUCCESS]}) {
    ... on Runs { results { runId } } } }"""

_GROUP = "locations/tradesync_dagster.definitions/asset-groups/books/lineage"


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture.

    Attributes:
        name: Of its file, without the ending.
        url: The page; empty for the one that is open.
        ready: A script that is true once everything is drawn.
        width: Of the window, in pixels.
        most: The greatest height, in pixels; a shorter page is cut at its end.
        least: The least height.
        dark: In dark colours.
    """

    name: str
    url: str
    ready: str = "true"
    width: int = 1280
    most: int = 1000
    least: int = 300
    dark: bool = False


def listed(scene: Scene, ids: Mapping[str, str]) -> list[Picture]:
    """List the pictures of a scene; ``ids`` as ``scene.play`` gives them."""
    desk = scene.pages
    return [
        Picture("overview", f"{desk}/"),
        Picture("overview-dark", f"{desk}/", dark=True),
        Picture("account", f"{desk}/accounts/demo/SIM001"),
        Picture("account-narrow", f"{desk}/accounts/demo/SIM001", width=390, most=844),
        Picture("external-orders", f"{desk}/external"),
        Picture("external-order", f"{desk}/orders/{ids['owned']}", most=1300),
        Picture("assigning", f"{desk}/assign?order={ids['unowned']}"),
        Picture("breaks", f"{desk}/breaks"),
        Picture("failed-orders", f"{desk}/retries"),
        Picture("schedules", f"{desk}/schedules"),
        Picture("fake-orders", f"{desk}/fake-orders"),
        Picture("notifications", f"{desk}/notifications?state=sent"),
        Picture("demo-assets", f"{scene.ui}/assets", _drawn("order_book"), most=800, least=800),
        Picture("lineage", f"{scene.ui}/{_GROUP}", _drawn("order_book"), most=800, least=800),
        Picture(
            "run", f"{scene.ui}/runs/{_run(scene)}", _drawn("RUN_SUCCESS"), most=800, least=800
        ),
    ]


def _drawn(word: str) -> str:
    """Compose a script that is true once Dagster's page has a word and has loaded all."""
    return (
        "(() => { const text = document.body.innerText;"
        f" return text.includes('{word}') && !text.includes('Loading')"
        " && !text.includes('- partitions') })()"
    )


def _run(scene: Scene) -> str:
    asked = httpx.post(f"{scene.ui}/graphql", json={"query": _LATEST_RUN}, timeout=60)
    return str(asked.raise_for_status().json()["data"]["runsOrError"]["results"][0]["runId"])


def sign_in(tab: Tab, scene: Scene) -> None:
    """Sign in as the demo says."""
    tab.open(f"{scene.pages}/")
    tab.type("demo")
    tab.key("Tab")
    tab.type(scene.password)
    tab.follow(lambda: tab.key("Enter"))


def draw(tab: Tab, picture: Picture, folder: Path) -> str:
    """Draw one picture.

    Returns:
        What was drawn, in words.

    Raises:
        ValueError: It is too large for a guide.
    """
    tab.call("Emulation.setScrollbarsHidden", hidden=True)
    tab.look(dark=picture.dark, width=picture.width, height=picture.most)
    tab.open(picture.url)
    tab.wait(picture.ready)
    tall = int(tab.run("Math.ceil(document.body.getBoundingClientRect().bottom)"))
    height = max(picture.least, min(picture.most, tall))
    tab.look(dark=picture.dark, width=picture.width, height=height)
    file = folder / f"{picture.name}.png"
    size = len(_still(tab, file))
    if size > _MOST_BYTES:
        raise ValueError(f"{file} has {size} bytes, more than {_MOST_BYTES}: draw less of the page")
    return f"{file}: {picture.width} x {height}, {size // 1000} kB"


def _still(tab: Tab, file: Path) -> bytes:
    """Draw a page once nothing on it moves any more: lines of graphs and colours come late."""
    before, now = b"", tab.draw(file)
    for _ in range(_LOOKS):
        if now == before:
            break
        time.sleep(1)
        before, now = now, tab.draw(file)
    return now
