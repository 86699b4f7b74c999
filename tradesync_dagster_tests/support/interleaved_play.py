"""Two accounts with which anything may happen in any order: what is done, and how a process dies.

What belongs here: the actions, and books that are new for each play. What does not: which actions
come in which order, and whether the books are right (``property/test_interleavings``).
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.errors import PlacementRefusedError
from tradesync_dagster.domain.market_calendar import IST, trade_date_of
from tradesync_dagster.domain.order_requests import OrderText
from tradesync_dagster.domain.trading_hours import TradingHours
from tradesync_dagster.settings import Settings
from tradesync_dagster.store.engine import open_engine
from tradesync_dagster.store.schema import metadata
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.support.desk import ExchangeClock, ask
from tradesync_dagster_tests.support.month_people import change

BROKERS = ("ZERODHA", "UPSTOX", "KOTAK", "AUTOTRADER")
ABOUT_TICKS = frozenset({"heartbeats", "looks", "outbox", "quiet_looks", "sync_results", "ticks"})
LOOKED_AT = frozenset({"last_seen_at", "last_status_check", "requested_at"})
"""When we last looked: all that another look at the same may change."""
Step = tuple[Any, ...]


class CrashError(BaseException):
    """The process is gone: nothing may catch it."""


@dataclass
class FatalClock(ExchangeClock):
    """A clock at which the process dies, once, after being read so often."""

    fatal: int = 0

    def now(self) -> datetime:
        if self.fatal:
            self.fatal -= 1
            if not self.fatal:
                raise CrashError
        return super().now()


@dataclass
class Play:
    """Two accounts at one exchange, and what has been done with them."""

    url: str
    clock: FatalClock
    services: Services
    users: list[str]
    orders: list[tuple[str, str]] = field(default_factory=list)
    ours: list[tuple[str, Any]] = field(default_factory=list)

    def do(self, step: Step) -> None:
        """Do one thing; a crash ends it, and whatever comes next is a new process's."""
        try:
            getattr(self, f"do_{step[0]}")(*step[1:])
        except CrashError:
            self.do_restart()
        except PlacementRefusedError:
            self.clock.fatal = 0  # it has ended, or is not known to be open

    def do_hand(self, who: int, side: str, quantity: int, limit: bool) -> None:
        body = {
            "user_id": self.users[who], "exchange": "NSE", "tradingsymbol": "ITC",
            "transaction_type": side, "quantity": quantity, "product": "MIS",
            "order_type": "LIMIT" if limit else "MARKET", "price": self.price() if limit else None,
        }  # fmt: skip
        self.orders.append((self.users[who], ask(f"{self.url}/sim/orders", body)["order_id"]))

    def do_meddle(self, number: int, cancel: bool) -> None:
        if self.orders:
            user, order_id = self.orders[number % len(self.orders)]
            url = f"{self.url}/sim/orders/{user}/{order_id}"
            change(url, "DELETE" if cancel else "PUT", {} if cancel else {"quantity": 600})

    def do_place(
        self, who: int, quantity: int, limit: bool, verify: bool, fault: str, crash: int
    ) -> None:
        if fault:
            self.do_fault(fault, "POST")
        price = self.price() if limit else ""
        text = OrderText("BUY", str(quantity), "NSE:ITC", "MIS", price)
        account = f"desk/{self.users[who]}"
        self.clock.fatal = crash
        placed = self.services.trading().place(
            account, text, who="asha", strategy="alpha", verify=verify
        )
        self.clock.fatal = 0
        self.ours.append((account, placed.order.order_id))

    def do_change(self, number: int, cancel: bool) -> None:
        if self.ours:
            trading, (account, order) = (
                self.services.trading(), self.ours[number % len(self.ours)],
            )  # fmt: skip
            if cancel:
                trading.cancel(account, order, who="asha", why="no longer")
            else:
                trading.modify(account, order, {"quantity": "500"}, who="asha")

    def do_retry(self, number: int) -> None:
        if self.ours:
            account, order = self.ours[number % len(self.ours)]
            self.services.trading().retry(account, order, who="asha")

    def do_fault(self, kind: str, method: str) -> None:
        body = {"kind": kind, "method": method}
        ask(f"{self.url}/sim/faults", body | ({"seconds": 600} if kind == "skew" else {}))

    def do_step(self, count: int) -> None:
        ask(f"{self.url}/sim/step", {"steps": count})

    def do_wait(self, seconds: int) -> None:
        self.clock.move(timedelta(seconds=seconds))

    def do_sync(self, crash: int) -> None:
        """Sync, and die when the clock is read for the so-manieth time; 0 is not at all."""
        self.clock.fatal = crash
        self.services.sync()
        self.clock.fatal = 0

    def do_restart(self) -> None:
        self.clock.fatal = 0
        self.services = Services(self.services.settings, self.services.store, self.clock)

    def price(self) -> str:
        return str(ask(f"{self.url}/sim/prices")["NSE:ITC"])

    def tick(self) -> None:
        self.do_wait(300)
        assert self.services.sync().status == "success"

    def clean_pass(self) -> None:
        self.do_restart()
        change(f"{self.url}/sim/faults", "DELETE")
        self.tick()
        self.tick()

    def rows(self, name: str) -> list[dict[str, Any]]:
        table = metadata.tables[name]
        with self.services.store.reading() as connection:
            return [dict(row) for row in connection.execute(table.select()).mappings()]

    def export(self) -> bytes:
        """All the books, in an order of their own."""
        names = sorted(set(metadata.tables) - ABOUT_TICKS)
        return json.dumps(
            {
                name: sorted(
                    repr({key: value for key, value in row.items() if key not in LOOKED_AT})
                    for row in self.rows(name)
                )
                for name in names
            }
        ).encode()


@contextmanager
def staged(url: str, template: Path, number: int, clock: FatalClock) -> Iterator[Play]:
    """Open two new accounts, at two brokers, with new books, on a new day."""
    following = TradingHours().trading_days(
        trade_date_of(clock.moment), clock.moment.date() + timedelta(30)
    )[1]
    clock.move(datetime.combine(following, time(9, 30), IST) - clock.moment)
    users = [f"acme-{number}-{each}" for each in range(2)]
    for user in users:
        body = {"user_id": user, "cash": "100000000", "charges": False}
        ask(f"{url}/sim/accounts", body)
    known = {row["user_id"]: row["credentials"] for row in ask(f"{url}/sim/accounts")}
    path = template.with_name(f"books{number}.sqlite3")
    shutil.copyfile(template, path)
    engine = open_engine(f"sqlite:///{path}")
    setup = Settings(
        home=template.parent, database_url=f"sqlite:///{path}", broker_api_retry_attempts=0,
        live_orders_enabled=True, confirm_seconds=30, minimum_age_seconds=60, _env_file=None,
    )  # fmt: skip
    store = SqlStore(engine, setup.cipher())
    brokers = [BROKERS[(number + each) % len(BROKERS)] for each in range(2)]
    store.put_accounts(
        Account(0, "desk", user, broker, base_url=url, credentials=known[user][broker])
        for user, broker in zip(users, brokers, strict=True)
    )
    play = Play(url, clock, Services(setup, store, clock), users)
    for user in users:
        store.set_live(f"desk/{user}", live=True)
        most = dict.fromkeys(("order_value", "day_value", "position_value"), 10**15)
        play.services.trading().set_limits(f"desk/{user}", most, "asha")
    play.services.sync()
    yield play
    change(f"{url}/sim/faults", "DELETE")
    engine.dispose()
    path.unlink()
