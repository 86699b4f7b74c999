"""How a simulated exchange is set up.

Belongs here: the settings, and which of them decide what the exchange is.
Does not belong here: reading an environment or a command line (the project's own settings do).
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tradesync_dagster.brokers.exchange.venue import Genesis


@dataclass(frozen=True, slots=True)
class ExchangeConfig:
    """How the simulated exchange is set up.

    `step_seconds` None steps only by /sim/step. `start_at` None follows the wall clock; a time
    starts the exchange there with its clock standing still until /sim/clock moves it.
    `people_rate` is the chance that an account acts by hand on a step. `brokers` are dealt out
    to the accounts in turn: ("ZERODHA", "UPSTOX") puts every second one at Upstox.
    """

    host: str = "127.0.0.1"
    port: int = 8650
    accounts: int = 20
    seed: int = 7
    journal: Path | None = None
    step_seconds: float | None = None
    latency_ms: float = 0
    people_rate: float = 0.05
    tag_prefix: str = ""
    history_days: int = 0
    always_open: bool = True
    start_at: datetime | None = None
    brokers: tuple[str, ...] = ("ZERODHA",)

    def genesis(self) -> Genesis:
        """Give the part that decides what the exchange is, not how it is served."""
        return Genesis(
            self.seed, self.accounts, self.people_rate, self.tag_prefix, self.history_days,
            self.always_open, self.start_at,
        )  # fmt: skip
