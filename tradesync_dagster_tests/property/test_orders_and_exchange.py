"""Ledger and exchange under everything that happens to orders, in any order.

Orders are placed, filled, refused, changed and cancelled, by us and by hand; answers are lost,
brokers are silent, processes end in the middle. Whatever happened, no order leaves the table of
states, nothing is sent twice, and once the broker answers again the ledger is the exchange's truth.
"""

import asyncio
import shutil
import tempfile
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, MultiFernet
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import event

from tradesync_dagster.brokers.exchange import orders as sim
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import OrderRequest
from tradesync_dagster.domain.errors import PlacementRefusedError
from tradesync_dagster.domain.external import DetectionRules
from tradesync_dagster.domain.manual_changes import BY_HAND
from tradesync_dagster.domain.money import format_price
from tradesync_dagster.domain.order_limits import Limits
from tradesync_dagster.domain.order_states import Cause, permits
from tradesync_dagster.domain.orders import Order, OrderEvent, OrderStatus, Origin
from tradesync_dagster.store.engine import migrate, open_engine
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster.sync.changing import Changing
from tradesync_dagster.sync.fetching import Fetching
from tradesync_dagster.sync.monitoring import Monitor, MonitorRules
from tradesync_dagster.sync.placing import RETRIED, Placing, PlacingRules
from tradesync_dagster_tests.support.clocks import MovingClock
from tradesync_dagster_tests.support.crashing_store import CrashingStore
from tradesync_dagster_tests.support.market_client import (
    BROKER,
    USER,
    KilledError,
    MarketBroker,
)

OPENS = datetime(2026, 11, 19, 4, 0, tzinfo=UTC)
"""09:30 IST; the longest story ends before the close."""
FATES = st.sampled_from(["answered", "answered", "answered", "lost", "never", "killed"])
SIDES = st.sampled_from(["BUY", "SELL"])
LIMITS = st.sampled_from([90, 97, 100, 103, 150])
"""Of the last price: rests, fills, or is refused by the exchange."""
PLACING = PlacingRules(deadline=timedelta(seconds=5))


def _is_move(one: OrderEvent) -> bool:
    says = {"from", "to"} <= set(one.detail)
    return says and one.kind not in {"status_refused", *BY_HAND}


def _carelessly(connection: Any, _record: Any) -> None:
    """No story loses power: its books need not reach the disk."""
    connection.execute("PRAGMA synchronous=OFF")


class OrdersAndExchange(RuleBasedStateMachine):
    """The desk, its people and the market."""

    _template: Path | None = None

    @classmethod
    def template(cls) -> Path:
        """Migrated books to copy: laying them takes longer than a story."""
        if cls._template is None:
            path = Path(tempfile.mkdtemp()) / "template.sqlite3"
            engine = open_engine(f"sqlite:///{path}")
            migrate(engine)
            engine.dispose()  # the last connection takes the log into the file
            cls._template = path
        return cls._template

    @initialize()
    def open(self) -> None:
        self.home = tempfile.mkdtemp()
        books = Path(self.home) / "books.sqlite3"
        shutil.copy(self.template(), books)
        self.engine = open_engine(f"sqlite:///{books}")
        event.listen(self.engine, "connect", _carelessly)
        real = SqlStore(self.engine, MultiFernet([Fernet(Fernet.generate_key())]))
        real.put_accounts([Account(0, "desk", USER, BROKER, live=True)])
        real.set_live(f"desk/{USER}", live=True)
        (self.account,) = real.accounts()
        most = 10**17
        with real.begin([1]) as work:
            work.put_limits(1, Limits(most, most, 1000, most), "test", OPENS)
        self.store = CrashingStore(real)
        self.clock = MovingClock(OPENS, look=timedelta(microseconds=1))
        self.broker = MarketBroker(self.clock)
        self.touched: set[str] = set()
        self.withdrawn: set[str] = set()

    def teardown(self) -> None:
        if hasattr(self, "engine"):
            self.engine.dispose()
            shutil.rmtree(self.home)

    def placing(self) -> Placing:
        rules = PlacingRules(live_enabled=True, deadline=PLACING.deadline)
        return Placing(self.store, self.broker, self.clock, rules)  # type: ignore[arg-type]

    def do(self, act: Any) -> Any:
        """Act as a process does that may end; the next one starts anew."""
        with suppress(KilledError, PlacementRefusedError):
            return asyncio.run(act)
        self.store.crashes = False
        return None

    def price(self, per_cent: int) -> int:
        last = self.broker.market.tape.last["NSE:INFY"]
        return last * per_cent // 100 // 50_000 * 50_000

    def ledger(self) -> list[Order]:
        with self.store.look() as work:
            found: list[Order] = work.orders([1], OPENS.date())
        return found

    def events(self) -> dict[Any, list[OrderEvent]]:
        with self.store.look() as work:
            listed = work.events_of([order.order_id for order in self.ledger()])
        found: dict[Any, list[OrderEvent]] = {}
        for each in listed:
            found.setdefault(each.order_id, []).append(each)
        return found

    @rule(side=SIDES, quantity=st.integers(1, 60), per_cent=LIMITS, fate=FATES)
    def we_place(self, side: str, quantity: int, per_cent: int, fate: str) -> None:
        self.broker.fate = fate
        request = OrderRequest(
            "NSE", "INFY", "MIS", side, "LIMIT", quantity, price=self.price(per_cent)
        )
        self.do(self.placing().place(self.account, request, strategy_id="s", who="asha"))
        self.broker.fate = "answered"

    @rule(fate=FATES, per_cent=LIMITS, which=st.integers(0, 50))
    def we_modify(self, fate: str, per_cent: int, which: int) -> None:
        self.change(fate, which, {"price": format_price(self.price(per_cent))})

    @rule(fate=FATES, which=st.integers(0, 50))
    def we_cancel(self, fate: str, which: int) -> None:
        self.change(fate, which, None)

    def change(self, fate: str, which: int, changes: dict[str, str] | None) -> None:
        ours = [o for o in self.ledger() if o.client_order_id and o.broker.broker_order_id]
        if not ours:
            return
        self.broker.fate = fate
        order_id, changing = ours[which % len(ours)].order_id, Changing(self.placing())
        if changes is None:
            self.do(changing.cancel(self.account, order_id, "asha", "done"))
        else:
            self.do(changing.modify(self.account, order_id, changes, "asha"))
        self.broker.fate = "answered"

    @rule(which=st.integers(0, 50), fate=FATES)
    def we_retry(self, which: int, fate: str) -> None:
        failed = [o for o in self.ledger() if o.status in RETRIED and o.client_order_id]
        if failed:
            self.broker.fate = fate
            order_id = failed[which % len(failed)].order_id
            self.do(self.placing().retry(self.account, order_id, "asha"))
            self.broker.fate = "answered"

    @rule(side=SIDES, quantity=st.integers(1, 60), per_cent=LIMITS)
    def somebody_places(self, side: str, quantity: int, per_cent: int) -> None:
        wanted = sim.OrderRequest(
            "INFY", "NSE", side, quantity, "MIS", "LIMIT", self.price(per_cent)
        )
        with suppress(sim.RefusedError):
            self.broker.market.place(USER, wanted, self.broker.at, by_hand=True)

    @rule(which=st.integers(0, 50), per_cent=LIMITS, more=st.integers(0, 3))
    def somebody_modifies(self, which: int, per_cent: int, more: int) -> None:
        working = [order for order in self.broker.all if order.is_open]
        if working:
            order = working[which % len(working)]
            change = sim.OrderChange(quantity=order.quantity + more, price=self.price(per_cent))
            self.touched.add(order.order_id)
            with suppress(sim.RefusedError):
                self.broker.market.modify(USER, order.order_id, change, self.broker.at)

    @rule(which=st.integers(0, 50))
    def somebody_cancels(self, which: int) -> None:
        working = [order for order in self.broker.all if order.is_open]
        if working:
            order = working[which % len(working)]
            self.touched.add(order.order_id)
            self.withdrawn.add(order.order_id)
            self.broker.market.cancel(USER, order.order_id, self.broker.at)

    @rule(steps=st.integers(1, 5))
    def prices_move(self, steps: int) -> None:
        for _ in range(steps):
            self.broker.market.step(self.broker.at)

    @rule(seconds=st.sampled_from([1, 31, 80, 200]))
    def time_passes(self, seconds: int) -> None:
        self.clock.moment += timedelta(seconds=seconds)

    def poll(self) -> Any:
        fetching = Fetching(self.broker, self.clock, 4, 30)  # type: ignore[arg-type]
        detection = DetectionRules(lost_after=PLACING.lost_after)
        monitor = Monitor(
            self.store, fetching, None, None, self.clock, MonitorRules(detection)  # type: ignore[arg-type]
        )  # fmt: skip
        return self.do(monitor.cycle([self.account], asked=True))

    @rule(how=st.sampled_from(["silent", "crashes", "watched"]))
    def a_poll_that_may_fail(self, how: str) -> None:
        self.broker.silent = how == "silent"
        self.store.crashes = how == "crashes"
        self.poll()
        self.broker.silent = self.store.crashes = False

    @rule(which=st.integers(0, 50), more=st.integers(1, 3), cancels=st.booleans())
    def one_order_changes_between_polls(self, which: int, more: int, *, cancels: bool) -> None:
        """What a cycle may read in part, where it left nothing open before."""
        for seconds in (301, 31):
            self.clock.moment += timedelta(seconds=seconds)
            self.poll()
        if cancels:
            self.somebody_cancels(which)
        else:
            self.somebody_modifies(which, 97, more)
        self.time_passes(1)
        self.poll()

    @precondition(lambda self: self.broker.all)
    @rule()
    def all_is_told_at_last(self) -> None:
        """Poll until nothing can be under way any more; then ledger and exchange are one."""
        for seconds in (1, 90, 31, 31):
            self.clock.moment += timedelta(seconds=seconds)
            found = self.poll()
            assert found is not None
            assert found.errors == {}
        self.same_as_the_exchange()
        self.told_what_was_by_hand()

    def same_as_the_exchange(self) -> None:
        ledger = {o.broker.broker_order_id: o for o in self.ledger() if o.broker.broker_order_id}
        theirs = {order.order_id: order for order in self.broker.all}
        assert set(ledger) == set(theirs)
        with self.store.look() as work:
            fills = work.fills([1], OPENS.date())
        filled: Counter[str] = Counter()
        for order_id, units in zip(fills["broker_order_id"], fills["quantity"], strict=True):
            filled[order_id] += abs(units)
        for order_id, order in theirs.items():
            row = ledger[order_id]
            assert row.status is row.broker.status
            seen = (row.broker.status_word, row.broker.filled_quantity, row.broker.quantity)
            assert seen == (order.status, order.filled, order.quantity)
            assert (row.broker.price, row.broker.average_price) == (
                order.price, order.average_price,
            )  # fmt: skip
            assert filled[order_id] == order.filled
            assert (row.origin is Origin.INTERNAL) == bool(order.tag)
        silent = [o for o in self.ledger() if not o.broker.broker_order_id]
        assert {o.status for o in silent} <= {OrderStatus.FAILED}

    def told_what_was_by_hand(self) -> None:
        events = self.events()
        for order in self.ledger():
            broker_id = order.broker.broker_order_id
            kinds = {one.kind for one in events.get(order.order_id, ())} & BY_HAND
            if broker_id not in self.touched:
                assert not kinds, "what we did ourselves is not by hand"
            ours = order.origin is Origin.INTERNAL
            happened = {e.kind for e in events.get(order.order_id, ())}
            known = ours and {"intended", "acknowledged"} <= happened
            if known and broker_id in self.withdrawn and "cancel_requested" not in happened:
                assert "cancelled_by_hand" in kinds

    @invariant()
    def nothing_is_sent_twice(self) -> None:
        if hasattr(self, "broker"):
            tags = Counter(order.tag for order in self.broker.all if order.tag)
            assert all(count == 1 for count in tags.values()), tags

    @invariant()
    def no_path_leaves_the_table(self) -> None:
        if not hasattr(self, "broker"):
            return
        events = self.events()
        for order in self.ledger():
            told = [e for e in events.get(order.order_id, ()) if _is_move(e)]
            for one in told:
                old, new = (OrderStatus(str(one.detail[name])) for name in ("from", "to"))
                assert any(permits(old, new, cause) for cause in Cause), one
            # What happened at one instant is in no order.
            at_once = [list(group) for _, group in groupby(told, key=lambda one: one.at)]
            for earlier, later in pairwise(at_once):
                ends = {one.detail["to"] for one in earlier}
                assert ends & {one.detail["from"] for one in later}, (earlier, later)
            if told:
                assert order.status.value in {one.detail["to"] for one in at_once[-1]}, told


TestOrdersAndExchange = OrdersAndExchange.TestCase
TestOrdersAndExchange.settings = settings(
    max_examples=20,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


class OursAndExchange(OrdersAndExchange):
    """The same where nobody else places orders: books are settled, and then read in part."""

    somebody_places = None  # type: ignore[assignment]


TestOursAndExchange = OursAndExchange.TestCase
TestOursAndExchange.settings = settings(TestOrdersAndExchange.settings, max_examples=10)
