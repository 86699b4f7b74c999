"""A month of a trading desk: people, our own orders, faults and days of downtime, on one clock.

What belongs here: the days and what happens when. What does not: who trades what (``month_people``,
``month_desk``), whether the books are right in the end (``month_truth``).
"""

import time as wall
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any

from tradesync_dagster.brokers.exchange.faults import KINDS
from tradesync_dagster.domain.market_calendar import IST
from tradesync_dagster.domain.trading_hours import TradingHours
from tradesync_dagster_tests.support.desk import OPENING, Desk, ask, open_desk
from tradesync_dagster_tests.support.month_desk import OwnOrders
from tradesync_dagster_tests.support.month_people import (
    CLAIMED,
    STRATEGIES,
    People,
    change,
    tradebook,
)

BROKERS = ("ZERODHA", "UPSTOX", "KOTAK", "AUTOTRADER")
SLOTS = tuple(time(9 + m // 60, m % 60) for m in range(21, 21 + 45 * 8, 45))
"""When people and programs trade, and the books are synced, in Asia/Kolkata."""
SQUARE_OFF, CLOSE = time(15, 18), time(15, 41)
_MORE: dict[str, dict[str, Any]] = {
    "error": {"status": 503, "error_type": "NetworkException"},
    "status": {"status": 429},
    "html": {"status": 200},
    "slow": {"seconds": 0.01},
    "skew": {"seconds": 600},
    "unknown_status": {"message": "QUEUED"},
}
_RARE = {"hang": 0.02}
"""Parts of the others' probability: each takes the whole timeout, by the wall's clock."""
_ON_WRITES = ("lost", "reset", "html", "cut", "empty", "null", "undone")


@dataclass(frozen=True)
class Plan:
    """How large a month is, and where it goes wrong; all of it follows from the seed.

    Attributes:
        faults: Of each request, in reads; writes suffer as many again of those that lose answers.
        down: Days on which tradesync did not run at all; so is the first one, before its books.
        rough: Days on which the faults last until the evening, so that no clean book closes them.
    """

    seed: int
    accounts: int = 50
    days: int = 21
    busy: float = 0.25
    own: float = 0.08
    faults: float = 0.04
    down: frozenset[date] = frozenset()
    rough: frozenset[date] = frozenset()

    @property
    def trading(self) -> list[date]:
        return TradingHours().trading_days(OPENING.date(), OPENING.date() + timedelta(days=60))[
            : self.days
        ]

    @property
    def after(self) -> date:
        """The first trading day after the month."""
        return TradingHours().trading_days(OPENING.date(), OPENING.date() + timedelta(days=60))[
            self.days
        ]

    @property
    def lost(self) -> frozenset[date]:
        """Days that the brokers' books alone do not bring back."""
        return self.down | self.rough


def plan(seed: int, **size: Any) -> Plan:
    """Choose the bad days of a month; its books begin on a good day, and end on one."""
    blank = Plan(seed, **size)
    inner = blank.trading[2:-1]
    each = 2 if len(inner) > 6 else 1
    bad = Random(f"{seed} days").sample(inner, 2 * each)
    return Plan(seed, down=frozenset(bad[:each]), rough=frozenset(bad[each:]), **size)


@dataclass
class Month:
    """A month under way, then over.

    Attributes:
        closes: What the exchange knew of everybody at each day's close.
        breaks: What the books held to be wrong after each good day's close.
    """

    plan: Plan
    desk: Desk
    home: Path
    people: People
    own: OwnOrders
    brokers: dict[str, str]
    dice: Random
    closes: dict[date, dict[str, Any]] = field(default_factory=dict)
    breaks: dict[date, list[dict[str, Any]]] = field(default_factory=dict)
    statuses: Counter[str] = field(default_factory=Counter)
    syncs: int = 0
    seconds: float = 0.0

    def live(self) -> None:
        """Live through it, and import what can be downloaded in the end."""
        began = wall.monotonic()
        day = OPENING.date()
        while day <= self.plan.trading[-1]:
            if day in self.plan.trading:
                self._day(day)
            else:
                self._idle(day)
            day += timedelta(days=1)
        self._morning_after(self.plan.after)
        self.seconds = wall.monotonic() - began

    def _morning_after(self, day: date) -> None:
        self._to(day, time(8, 30))
        self._import(day)
        for minute in (20, 26):
            self._to(day, time(9, minute))
            self.sync()
        self.closes[day] = {user: self.people.truth(user) for user in self.people.users}

    def sync(self) -> None:
        summary = self.desk.sync()
        self.syncs += 1
        self.statuses.update(result.status for result in summary.results)

    def _to(self, day: date, at: time) -> None:
        """Move both clocks on to a time in Asia/Kolkata; syncs took some of it."""
        wanted = datetime.combine(day, at, IST)
        self.desk.clock.move(max(wanted - self.desk.clock.moment, timedelta(seconds=1)))

    def _day(self, day: date) -> None:
        plan, desk = self.plan, self.desk
        down = day in plan.down or day == plan.trading[0]
        desk = self.desk = desk.with_settings()  # a process of today
        if not down and plan.trading[plan.trading.index(day) - 1] in plan.lost:
            self._to(day, time(8, 30))
            self._import(day)
        self.people.morning()
        trades_contracts = {
            user
            for user, broker in self.brokers.items()
            if broker != "UPSTOX" or day not in {plan.trading[0], *plan.lost}
        }
        for number, slot in enumerate(SLOTS):
            self._to(day, slot)
            calm = day == plan.trading[1] and not number  # the opening balances are what is told
            if number == int(day == plan.trading[1]) and not down:
                self._arm(f"{plan.seed} {day}")
            desk.step(self.dice.randint(1, 6))
            self.people.act(plan.busy, trades_contracts)
            if not down:
                if not calm:
                    self.own.act(desk.services.trading(), plan.own)
                self.sync()
        self._evening(day)

    def _evening(self, day: date) -> None:
        first = self.plan.trading[0]
        down, rough = day in {first, *self.plan.down}, day in self.plan.rough
        self._to(day, SQUARE_OFF)
        self.people.square_off()
        self.desk.step(6)
        if not rough:
            change(f"{self.desk.url}/sim/faults", "DELETE")
        self._to(day, CLOSE)
        self.people.evening(self.plan.busy / 2, late=False)
        if not down:
            self.sync()
            self._to(day, (datetime.combine(day, CLOSE) + timedelta(minutes=6)).time())
            self.sync()
            change(f"{self.desk.url}/sim/faults", "DELETE")
        if day not in {first, *self.plan.lost}:
            self.breaks[day] = self.desk.services.breaks()
        if day > first:
            self.closes[day] = {user: self.people.truth(user) for user in self.people.users}
        self._to(day, time(20, 0))
        self.people.evening(self.plan.busy / 4, late=True)

    def _idle(self, day: date) -> None:
        """Look once at a day without trading, by which nothing changes."""
        self._to(day, time(11, 0))
        self.sync()

    def _arm(self, salt: str) -> None:
        """Arm every kind of fault anew, each with its own dice."""
        change(f"{self.desk.url}/sim/faults", "DELETE")
        seeds = Random(salt)
        kinds = [kind for kind in KINDS if kind != "undone"]
        for kind in kinds:
            chance = self.plan.faults / len(kinds) * _RARE.get(kind, 1.0)
            self._fault(kind, seeds, chance)
        for kind in _ON_WRITES:
            for method in ("POST", "PUT", "DELETE"):
                self._fault(kind, seeds, self.plan.faults / 2, method=method)

    def _fault(self, kind: str, seeds: Random, chance: float, **more: Any) -> None:
        body = {"times": 0, "probability": chance, "seed": seeds.getrandbits(31), **more}
        self.desk.fault(kind, **body, **_MORE.get(kind, {}))

    def _import(self, day: date) -> None:
        for user, broker in self.brokers.items():
            text = tradebook(self.desk.url, user, broker, day)
            if text is None:
                continue
            path = self.home / f"{user}.{'csv' if broker == 'ZERODHA' else 'json'}"
            path.write_text(text)
            services = self.desk.services
            result = services.import_tradebook(
                path, f"desk/{user}", strict=True, progress=lambda _: None
            )
            assert (result.rejected, result.differing) == (0, 0), result


@contextmanager
def open_month(database_url: str, home: Path, plan: Plan) -> Iterator[Month]:
    """Open a desk at four brokers whose exchange keeps the hours of the cash market."""
    exchange = {"accounts": plan.accounts, "brokers": BROKERS, "seed": plan.seed,
                "always_open": False}  # fmt: skip
    with open_desk(database_url, home, **exchange) as opened:
        desk = opened.with_settings(live_orders_enabled=True, broker_api_timeout_seconds=10.0)
        rows = ask(f"{desk.url}/sim/accounts")
        brokers = {row["user_id"]: row["broker"] for row in rows}
        dice = {name: Random(f"{plan.seed} {name}") for name in ("people", "own", "days")}
        people = People(desk.url, list(brokers), dice["people"])
        for user in brokers:
            desk.services.store.set_live(f"desk/{user}", live=True)
            most = dict.fromkeys(("order_value", "day_value", "position_value"), 10**15)
            desk.services.trading().set_limits(f"desk/{user}", most, "asha")
        for strategy in STRATEGIES:
            desk.services.add_strategy("desk", strategy)
        for symbol, strategy in CLAIMED.items():
            desk.services.add_claim("desk", strategy, f"NSE:{symbol}", "asha")
        own = OwnOrders(people, dice["own"])
        yield Month(plan, desk, home, people, own, brokers, dice["days"])
