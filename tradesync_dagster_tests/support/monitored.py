"""A desk whose orders are watched: cycles, what people do in the app, what was told."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select

from tradesync_dagster.store import tables
from tradesync_dagster.sync.monitoring import Cycle
from tradesync_dagster.sync.verifying import Verified
from tradesync_dagster_tests.support.desk import ask
from tradesync_dagster_tests.support.trading import KEY, TradingDesk, open_trading_desk

USER = "SIM001"


@dataclass
class WatchedDesk:
    """A trading desk, and its monitor."""

    at: TradingDesk

    def cycle(self, *accounts: str, later: float = 60) -> Cycle:
        """Look, some seconds later."""
        self.at.desk.clock.move(timedelta(seconds=later))
        return self.at.desk.services.monitoring().cycle(list(accounts) or None)

    def at_time(self, moment: datetime) -> None:
        self.at.desk.clock.move(moment - self.at.desk.clock.moment)

    def row(self, found: Verified) -> dict[str, Any]:
        return self.at.trading.show(KEY, found.order.order_id)

    def kinds(self, found: Verified) -> list[str]:
        return self.at.kinds(found)

    def by_hand(self, found: Verified, **changes: Any) -> None:
        """Change an order in the app, through the broker's own route."""
        account = next(a for a in ask(f"{self.at.desk.url}/sim/accounts"))
        token = f"token {account['api_key']}:{account['access_token']}"
        order_id = self.row(found)["broker_order_id"]
        answer = httpx.put(
            f"{self.at.desk.url}/orders/regular/{order_id}",
            headers={"Authorization": token, "X-Kite-Version": "3"},
            data=changes,
            timeout=60,
        )
        assert answer.status_code == 200, answer.text

    def cancel_by_hand(self, found: Verified) -> None:
        order_id = self.row(found)["broker_order_id"]
        answer = httpx.delete(f"{self.at.desk.url}/sim/orders/{USER}/{order_id}", timeout=60)
        assert answer.status_code == 200, answer.text

    def told(self, kind: str) -> list[dict[str, Any]]:
        """What was put into the outbox of one kind."""
        table = tables.outbox
        query = select(table.c.body).where(
            table.c.routing_key == f"account.{USER}.{kind}",
            table.c.exchange == "sync_notifications",
        )
        with self.at.desk.services.store.reading() as connection:
            return [json.loads(body) for body in connection.scalars(query)]

    def snapshot(self) -> dict[str, Any]:
        with self.at.desk.services.store.reading() as connection:
            body = connection.scalar(select(tables.snapshots.c.body))
        found: dict[str, Any] = json.loads(body)
        return found

    def in_snapshot(self, found: Verified) -> dict[str, Any]:
        wanted = str(found.order.order_id)
        return next(o for o in self.snapshot()["orders"] if o["order_id"] == wanted)


@contextmanager
def open_watched_desk(
    database_url: str, home: Path, broker: str = "ZERODHA", **exchange: Any
) -> Iterator[WatchedDesk]:
    """Open a trading desk; ``exchange`` is of ``ExchangeConfig``."""
    with open_trading_desk(database_url, home, broker, **exchange) as trading:
        yield WatchedDesk(trading)
