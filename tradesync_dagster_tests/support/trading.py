"""A desk whose accounts are live, for orders of our own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tradesync_dagster.bootstrap.trading import Trading
from tradesync_dagster.domain.money import format_price, parse_price
from tradesync_dagster.domain.order_requests import OrderText
from tradesync_dagster.sync.verifying import Verified
from tradesync_dagster_tests.support.desk import Desk, open_desk

KEY = "desk/SIM001"


@dataclass
class TradingDesk:
    """One live account at one broker, and what its exchange knows."""

    desk: Desk

    @property
    def trading(self) -> Trading:
        return self.desk.services.trading()

    def price(self, per_cent: int = 100) -> str:
        """A price of INFY on the tick, so far from its last one."""
        row = next(r for r in self.desk.services.positions(KEY) if r["symbol"] == "INFY")
        units = parse_price(row["last_price"]) * per_cent // 100
        return format_price(units // 50_000 * 50_000)

    def place(self, quantity: int = 3, side: str = "BUY", **more: Any) -> Verified:
        options = {"who": "asha", "verify": True} | {
            name: more.pop(name) for name in ("who", "verify", "key", "strategy") if name in more
        }
        text = OrderText(side, str(quantity), "NSE:INFY", **{"product": "CNC", **more})
        return self.trading.place(KEY, text, **options)

    def resting(self, **more: Any) -> Verified:
        """Place an order that is not filled today."""
        return self.place(7, price=self.price(96), **more)

    def ours(self) -> list[dict[str, Any]]:
        """The exchange's orders that bear a tag of ours."""
        return [o for o in self.desk.truth()["orders"] if (o["tag"] or "").startswith("ts")]

    def kinds(self, found: Verified) -> list[str]:
        shown = self.trading.show(KEY, found.order.order_id)
        return [event["kind"] for event in shown["events"]]

    def breaks(self) -> list[str]:
        return [row["kind"] for row in self.desk.services.breaks(KEY, everything=True)]

    def with_settings(self, **changes: Any) -> "TradingDesk":
        return TradingDesk(self.desk.with_settings(**changes))


@contextmanager
def open_trading_desk(
    database_url: str, home: Path, broker: str = "ZERODHA", **exchange: Any
) -> Iterator[TradingDesk]:
    """Open a desk with one live account, which holds INFY, so that its price is known."""
    with open_desk(database_url, home, accounts=1, brokers=(broker,), **exchange) as desk:
        desk.services.store.set_live(KEY, live=True)
        desk.by_hand("BUY", 10)
        assert desk.one(KEY).status == "success"
        yield TradingDesk(desk).with_settings(live_orders_enabled=True)
