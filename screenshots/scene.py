"""A desk worth a picture: the demo on a seeded exchange, and what people did in it.

What belongs here: starting the demo, and bringing about one of everything that the pages show, by
the commands that the guide tells of. What does not: which pages are drawn (``pictures``).
"""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson

from tradesync_dagster.settings import child_environment

_TRADESYNC = (sys.executable, "-m", "tradesync_dagster.cli")
_SECONDS = 600.0
"""A machine that is busy with other work takes its time."""
_END_SECONDS = 60.0
_LONG_STEP = 86_400.0
"""Seconds between two moves of the market: it stands while pictures are drawn."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the demo listens, on 127.0.0.1."""

    ui: int = 3000
    exchange: int = 8650
    pages: int = 8004


@dataclass(frozen=True, slots=True)
class Scene:
    """A running demo.

    Attributes:
        home: Its data.
        ports: Where it listens.
        password: Of the person ``demo``.
    """

    home: Path
    ports: Ports
    password: str

    @property
    def ui(self) -> str:
        """The Dagster UI."""
        return f"http://127.0.0.1:{self.ports.ui}"

    @property
    def pages(self) -> str:
        """The desk's pages."""
        return f"http://127.0.0.1:{self.ports.pages}/desk"

    def tell(self, *arguments: str, refused: bool = False) -> str:
        """Run a command on the demo's books; ``refused`` ones may end with exit code 1."""
        done = subprocess.run(  # noqa: S603 - our own command
            [*_TRADESYNC, *arguments], cwd=self.home, env=_environment(self.home),
            capture_output=True, check=False, text=True, timeout=_SECONDS,
        )  # fmt: skip
        if done.returncode not in ({0, 1} if refused else {0}):
            raise RuntimeError(f"tradesync {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        """Ask the books."""
        return list(orjson.loads(self.tell(*arguments, "--json")))

    def place(self, user: str, side: str, quantity: int, symbol: str, **more: object) -> str:
        """Place an order by hand, as in the broker's app; return the broker's id."""
        order = {
            "user_id": user, "exchange": "NSE", "tradingsymbol": symbol, "transaction_type": side,
            "quantity": quantity, **more,
        }  # fmt: skip
        url = f"http://127.0.0.1:{self.ports.exchange}/sim/orders"
        placed = httpx.post(url, json=order, timeout=_SECONDS).raise_for_status()
        return str(placed.json()["data"]["order_id"])

    def wait(self, what: str, found: Callable[[], bool]) -> None:
        """Wait until the next syncs and runs have brought something about.

        Raises:
            TimeoutError: It did not come.
        """
        deadline = time.monotonic() + _SECONDS
        while not found():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what} within {_SECONDS:g} s; see {self.home}/logs")
            time.sleep(1)

    def external(self, account: str, broker_order_id: str) -> dict[str, Any]:
        """Return a confirmed external order; empty before it is one."""
        rows = self.rows("external", account)
        found = [r for r in rows if r["broker_order_id"] == broker_order_id]
        return found[0] if found and found[0]["origin"] == "external" else {}


def _environment(home: Path) -> dict[str, str]:
    """Keep to the demo's own books, whatever the environment names."""
    books = f"sqlite:///{home / 'books.sqlite3'}"
    return child_environment({"TRADESYNC_HOME": str(home), "TRADESYNC_DATABASE_URL": books})


@contextmanager
def running_demo(home: Path, ports: Ports) -> Iterator[Scene]:
    """Start ``tradesync demo`` on a seeded exchange that stands still, and end it after.

    Args:
        home: An empty folder with a short path: sockets below it have little room for their names.
        ports: Free ones.
    """
    said = home.parent / f"{home.name}.out"
    home.mkdir(parents=True)
    options = {
        "home": home, "port": ports.ui, "exchange-port": ports.exchange, "api-port": ports.pages,
        "accounts": 6, "seed": 7, "people-rate": 0.02, "step-seconds": _LONG_STEP,
    }  # fmt: skip
    with said.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [*_TRADESYNC, "demo", *(f"--{name}={value}" for name, value in options.items())],
            cwd=home, env=_environment(home), stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        yield Scene(home, ports, _password(process, said))
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(_END_SECONDS)


def _password(process: "subprocess.Popen[bytes]", said: Path) -> str:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        text = said.read_text()
        found = re.search(r"Sign in as: +\S+ password (\S+)", text)
        if found and "Ctrl-C ends all of it." in text:
            return found[1]
        time.sleep(0.2)
    raise RuntimeError(f"the demo did not start:\n{said.read_text()}")


def play(scene: Scene) -> dict[str, str]:
    """Bring about what the pictures show.

    Returns:
        ``owned``, an external order with an owner by evidence, and ``unowned``, one of nobody: ids.
    """
    scene.tell("strategies", "add", "demo", "momentum", "--name", "Momentum")
    scene.tell("strategies", "add", "demo", "swing", "--name", "Swing")
    scene.tell("claims", "add", "demo", "momentum", "NSE:INFY", "--who", "asha")
    owned = scene.place("SIM001", "BUY", 3, "INFY")
    unowned = scene.place("SIM001", "BUY", 50, "TCS", source="auto_slice", slice_quantity=20)
    _fake_orders(scene)
    _own_orders(scene)
    found = {
        name: _confirmed(scene, one) for name, one in {"owned": owned, "unowned": unowned}.items()
    }
    _break(scene)
    scene.wait("no failed order", lambda: bool(scene.rows("orders", "queue")))
    scene.wait("no fake position", lambda: bool(scene.rows("fake-orders", "positions", "demo")))
    scene.wait("no break", lambda: bool(scene.rows("breaks", "list")))
    return found


def _confirmed(scene: Scene, broker_order_id: str) -> str:
    """Wait until an order of SIM001 is confirmed as external; return its id."""
    scene.wait("no external order", lambda: bool(scene.external("demo/SIM001", broker_order_id)))
    return str(scene.external("demo/SIM001", broker_order_id)["order_id"])


def _own_orders(scene: Scene) -> None:
    """Place one order that rests, and one that its account has not the money for."""
    money = [f"--{what}-value=200000000" for what in ("order", "day", "position")]
    scene.tell("orders", "limits", "demo/SIM004", *money, "--who", "asha")
    place = ("orders", "place", "demo/SIM004", "BUY")
    more = ("--who", "asha", "--no-verify")
    scene.tell(*place, "10", "NSE:INFY", "--price", "1500", *more, refused=True)
    scene.tell(*place, "20000", "NSE:RELIANCE", "--price", "2840", *more, refused=True)


def _fake_orders(scene: Scene) -> None:
    """Let four be decided at once, and one wait for its hour."""
    now = datetime.now(UTC).replace(microsecond=0)  # noqa: TID251 - a scene of today
    later = now.replace(minute=0, second=0) + timedelta(hours=2)
    wanted = (
        ("WESTERN HUB", "BUY", now), ("AEP", "SELL", now), ("DOMINION", "BUY", now),
        ("COMED", "BUY", now), ("AEP", "SELL", later),
    )  # fmt: skip
    for node, side, hour in wanted:
        scene.tell(
            "fake-orders", "add", "demo", "--market=PJM", f"--node={node}", f"--side={side}",
            "--mwh=25.5", "--price=38.20", f"--hour={hour.isoformat()}",
        )  # fmt: skip


def _break(scene: Scene) -> None:
    """Let the broker's book of an account lose orders, from now on."""
    fault = {"kind": "missing", "path": "/orders", "user_id": "SIM001", "times": 0}
    url = f"http://127.0.0.1:{scene.ports.exchange}/sim/faults"
    httpx.post(url, json=fault, timeout=_SECONDS).raise_for_status()
