"""The demo's side of the simulated exchange: how it is started and asked for its accounts.

What belongs here: calls to the exchange's own control routes. What does not: a broker's API.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import orjson

from tradesync_dagster.brokers.exchange.server import FACES
from tradesync_dagster.brokers.factory import ADAPTERS
from tradesync_dagster.cli.processes import ProcessError
from tradesync_dagster.domain.accounts import Account

ORGANIZATION = "demo"
_FIRST = "ZERODHA"
_LIVED_STEPS = 120


def brokers() -> list[str]:
    """Name the brokers that the exchange speaks as and that there are adapters for."""
    names = {face.broker for face in FACES} & set(ADAPTERS)
    return sorted(names, key=lambda name: (name != _FIRST, name))


@dataclass(frozen=True, slots=True)
class Simulated:
    """A simulated exchange on this machine.

    Attributes:
        journal: Where it keeps everything; the demo goes on from it.
        step_seconds: How often its market moves.
        people_rate: Chance that an account trades by hand in a step.
    """

    port: int
    accounts: int
    seed: int
    journal: Path
    step_seconds: float
    people_rate: float

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        """Compose the command that serves it."""
        options = {
            "port": self.port, "accounts": self.accounts, "seed": self.seed,
            "journal": self.journal, "step-seconds": self.step_seconds,
            "people-rate": self.people_rate, "brokers": ",".join(brokers()),
        }  # fmt: skip
        serve = [sys.executable, "-m", "tradesync_dagster.cli", "exchange", "serve"]
        return serve + [f"--{name}={value}" for name, value in options.items()]

    def live(self) -> None:
        """Let people trade for a while, so that there is something to find."""
        self._ask("POST", "/sim/step", {"steps": _LIVED_STEPS})

    def desk(self, kept: Mapping[str, str]) -> list[Account]:
        """Return its accounts as accounts of the organization ``demo``.

        Args:
            kept: Brokers of accounts that the books know, by key: an account stays where it is,
                whatever brokers have come since.
        """
        found = []
        for row in self._ask("GET", "/sim/accounts"):
            if row["opened"]:
                continue  # somebody's paper account, which is in that desk's own books
            broker = kept.get(f"{ORGANIZATION}/{row['user_id']}", row["broker"])
            account = Account(
                account_id=0,
                organization_id=ORGANIZATION,
                pseudo_account=row["user_id"],
                broker=broker,
                base_url=self.url,
                credentials=row["credentials"][broker],
            )
            found.append(account)
        return found

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, orjson.dumps(body) if body is not None else None)
            response = connection.getresponse()
            text = response.read()
            if response.status == 200:
                return orjson.loads(text)
        except (OSError, HTTPException, orjson.JSONDecodeError) as error:
            raise ProcessError(f"the exchange did not answer {path}: {error}") from None
        finally:
            connection.close()
        raise ProcessError(f"the exchange answered {path} with status {response.status}")
