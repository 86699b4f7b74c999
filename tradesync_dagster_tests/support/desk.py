"""A desk for integration tests: real books, a real simulated exchange, and one clock for both."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.brokers.exchange.server import ExchangeConfig
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.results import AccountResult, TickSummary
from tradesync_dagster.settings import Settings
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.support.exchange_thread import exchange_thread
from tradesync_dagster_tests.support.laid_books import lay

OPENING = datetime(2026, 11, 19, 4, 0, tzinfo=UTC)
"""A Thursday, 09:30 IST."""


@dataclass
class ExchangeClock:
    """Time that stands still until it is moved, on both sides of the wire."""

    url: str
    moment: datetime
    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        self.moment += timedelta(microseconds=1)
        return self.moment

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.move(timedelta(seconds=seconds))

    def move(self, by: timedelta) -> None:
        self.moment += by
        ask(f"{self.url}/sim/clock", {"now": self.moment.isoformat()})


def ask(url: str, body: dict[str, Any] | None = None) -> Any:
    """Call one of the exchange's own routes."""
    request = urllib.request.Request(
        url,
        data=None if body is None else json.dumps(body).encode(),
        headers={"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        answer = json.load(response)
    return answer["data"] if isinstance(answer, dict) and "data" in answer else answer


@dataclass
class Desk:
    """What a test works with."""

    services: Services
    url: str
    clock: ExchangeClock

    def sync(self, *accounts: str, force: bool = False) -> TickSummary:
        return self.services.sync(list(accounts) or None, force=force)

    def one(self, account: str = "desk/SIM001") -> AccountResult:
        return self.sync(account).results[0]

    def step(self, steps: int = 1) -> None:
        ask(f"{self.url}/sim/step", {"steps": steps})

    def truth(self, user: str = "SIM001") -> Any:
        return ask(f"{self.url}/sim/truth/{user}")

    def by_hand(self, side: str, quantity: int, **more: Any) -> str:
        """Place an order in the broker's app; quantities up to 20 fill at once."""
        body = {
            "user_id": "SIM001",
            "exchange": "NSE",
            "tradingsymbol": "INFY",
            "transaction_type": side,
            "quantity": quantity,
            "product": "CNC",
            "order_type": "MARKET",
        } | more
        return str(ask(f"{self.url}/sim/orders", body)["order_id"])

    def fault(self, kind: str, **more: Any) -> None:
        ask(f"{self.url}/sim/faults", {"kind": kind} | more)

    def alone(self, user: str = "SIM001") -> str:
        """Add an account of a user's orders whose name no other test has: servers are shared."""
        (known,) = [one for one in self.services.store.accounts() if one.pseudo_account == user]
        name = f"{user}-{uuid4().hex[:12]}"
        self.services.store.put_accounts([replace(known, account_id=0, pseudo_account=name)])
        return name

    def with_settings(self, **changes: Any) -> "Desk":
        settings = self.services.settings.model_copy(update=changes)
        return Desk(
            Services(settings, self.services.store, self.clock),
            self.url,
            self.clock,
        )


@contextmanager
def open_desk(database_url: str, home: Path, **exchange: Any) -> Iterator[Desk]:
    """Open a desk at Zerodha, or at ``brokers`` in turn; ``exchange`` is of ``ExchangeConfig``."""
    settings = Settings(
        home=home,
        database_url=database_url,
        confirm_seconds=30,
        minimum_age_seconds=60,
        broker_api_retry_attempts=0,
        _env_file=None,
    )
    engine = lay(database_url)
    store = SqlStore(engine, settings.cipher())
    config = ExchangeConfig(start_at=OPENING, **{"accounts": 3, "people_rate": 0.0} | exchange)
    with exchange_thread(config) as url:
        store.put_accounts(
            [
                Account(
                    0,
                    "desk",
                    user["user_id"],
                    user["broker"],
                    base_url=url,
                    credentials=user["credentials"][user["broker"]],
                )
                for user in ask(f"{url}/sim/accounts")
            ]
        )
        clock = ExchangeClock(url, OPENING)
        services = Services(settings, store, clock)
        yield Desk(services, url, clock)
    engine.dispose()
