"""A real browser for tests, driven over the DevTools protocol.

What belongs here: starting Chromium, and asking it to open, fill, click and draw. What does not:
what the pages should show.
"""

import base64
import itertools
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--remote-debugging-port=0", "--window-size=1400,1000",
)  # fmt: skip
_SECONDS = 120.0


class Tab:
    """One open page."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._ids = itertools.count(1)
        self.complaints: list[str] = []
        """What the browser would have written to its console: errors, blocked scripts."""
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        answer = self._answer(method, **parameters)
        assert "error" not in answer, answer
        return dict(answer["result"])

    def _answer(self, method: str, **parameters: Any) -> dict[str, Any]:
        sent = next(self._ids)
        self._connection.send(json.dumps({"id": sent, "method": method, "params": parameters}))
        while True:
            message: dict[str, Any] = json.loads(self._connection.recv(timeout=_SECONDS))
            self._note(message)
            if message.get("id") == sent:
                return message

    def _note(self, message: dict[str, Any]) -> None:
        method, given = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.complaints.append(str(given["exceptionDetails"]))
        elif method == "Log.entryAdded" and given["entry"]["level"] in {"error", "warning"}:
            self.complaints.append(str(given["entry"]))
        elif method == "Page.javascriptDialogOpening":
            self.complaints.append(f"a dialog opened: {given}")

    def run(self, script: str) -> Any:
        found = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, script: str) -> Any:
        """Wait until a script finds something, also over the opening of another page.

        Whoever asks while one page goes and the next comes is told of an error, and asks again.
        """
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            answer = self._answer("Runtime.evaluate", expression=script, returnByValue=True)
            found = answer.get("result", {})
            value = found.get("result", {}).get("value")
            if value and "exceptionDetails" not in found:
                return value
            time.sleep(0.05)
        raise AssertionError(f"never true: {script}; the page is: {self.text()[:2000]}")

    def open(self, url: str) -> None:
        self.run("window.left = true")
        self.call("Page.navigate", url=url)
        self.loaded()

    def loaded(self) -> None:
        """Wait for the page that comes in place of the one that was marked as left."""
        self.wait("!window.left && document.readyState === 'complete'")

    def follow(self, act: Callable[[], object]) -> None:
        """Do something that opens another page, and wait for it."""
        self.run("window.left = true")
        act()
        self.loaded()

    def press(self, words: str) -> None:
        """Click the link or button that has these words."""
        script = (
            "(() => { const found = [...document.querySelectorAll('a, button')]"
            f".filter(e => e.textContent.trim().startsWith({json.dumps(words)}));"
            " if (found.length) found[0].click(); return found.length })()"
        )
        assert self.run(script), f"no {words!r} on the page: {self.text()[:2000]}"

    def type(self, text: str) -> None:
        """Type into whatever has the focus."""
        self.call("Input.insertText", text=text)

    def key(self, name: str) -> None:
        """Press one key, such as ``Tab`` or ``Enter``."""
        code = {"Tab": 9, "Enter": 13, " ": 32}[name]
        text = {"text": "\r"} if name == "Enter" else {"text": " "} if name == " " else {}
        common = {"key": name, "code": name, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", **common, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def text(self) -> str:
        return str(self.run("document.body.innerText"))

    def look(self, *, dark: bool = False, width: int = 1400, height: int = 1000) -> None:
        """Choose colours and the window's size."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip

    def fits(self, width: int) -> None:
        """Wait until the page is no wider: a phone's first width is another."""
        self.wait(f"document.documentElement.scrollWidth <= {width}")

    def draw(self, file: Path) -> bytes:
        drawn = self.call("Page.captureScreenshot", captureBeyondViewport=False)["data"]
        content = base64.b64decode(drawn)
        file.write_bytes(content)
        return content


@contextmanager
def open_tab(home: Path) -> Iterator[Tab]:
    """Start a browser with a profile of its own; skip the test where none is installed."""
    program = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if program is None:
        if os.environ.get("TRADESYNC_REQUIRE_SERVICES") == "1":  # noqa: TID251
            pytest.fail("Chromium is not installed", pytrace=False)
        pytest.skip("Chromium is not installed")
    profile = home / "browser"
    process = subprocess.Popen(
        [program, *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )
    try:
        address = _page(_port(profile / "DevToolsActivePort", process))
        with connect(address, max_size=2**27, open_timeout=_SECONDS) as connection:
            yield Tab(connection)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _port(file: Path, process: "subprocess.Popen[bytes]") -> int:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, "the browser ended"
        if file.exists() and file.read_text().strip():
            return int(file.read_text().split()[0])
        time.sleep(0.05)
    raise AssertionError("the browser never listened")


def _page(port: int) -> str:
    """Give the address of the first page, which may come after the door to it."""
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        pages = httpx.get(f"http://127.0.0.1:{port}/json/list", timeout=_SECONDS).json()
        found = [str(one["webSocketDebuggerUrl"]) for one in pages if one["type"] == "page"]
        if found:
            return found[0]
        time.sleep(0.05)
    raise AssertionError("the browser opened no page")
