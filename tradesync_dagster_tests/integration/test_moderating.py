"""Moderating over both databases: at the hour, once, in batches, through crashes, in pairs."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest

from tradesync_dagster.bootstrap import Services, SystemClock
from tradesync_dagster.domain.errors import OrderNotFoundError
from tradesync_dagster.domain.marks import Mark, profit
from tradesync_dagster.domain.moderation import ModerationRules, priced_at
from tradesync_dagster.settings import Settings
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster.sync.moderating import BATCH, LOOK_SECONDS, Moderated, Moderating
from tradesync_dagster_tests.support.fake_orders import (
    HOUR,
    ORDER,
    PRICES,
    RULES,
    by_id,
    check_decided_once,
    fake_orders,
    put,
)
from tradesync_dagster_tests.support.laid_books import lay
from tradesync_dagster_tests.support.store_frames import stored

SECOND = timedelta(seconds=1)


@dataclass
class Clock:
    """Time that passes by sleeping, with something to do on the way."""

    moment: datetime = HOUR - timedelta(minutes=1)
    errands: dict[datetime, Any] = field(default_factory=dict)
    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return self.moment

    async def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.slept.append(seconds)
        self.moment += timedelta(seconds=seconds)
        for at in [at for at in self.errands if at <= self.moment]:
            self.errands.pop(at)()


@pytest.fixture
def store(database_url: str) -> Iterator[SqlStore]:
    engine = lay(database_url)
    yield SqlStore(engine, Settings(_env_file=None).cipher())
    engine.dispose()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def moderating(store: SqlStore, clock: Any = None, rules: ModerationRules = RULES) -> Moderating:
    return Moderating(store, PRICES, clock or Clock(HOUR), rules)


def serve(store: SqlStore, clock: Any, until: datetime) -> Moderated:
    return asyncio.run(moderating(store, clock).serve(until))


def test_each_hour_is_one_batch_at_its_own_time(store: SqlStore) -> None:
    hours = [HOUR, HOUR + 7.3 * SECOND, HOUR + 60 * SECOND]
    orders = [order for hour in hours for order in fake_orders(30, hour)]
    beyond = fake_orders(5, HOUR + 61 * SECOND)
    put(store, orders + beyond)
    clock = Clock()
    done = serve(store, clock, HOUR + 60 * SECOND)
    decided = check_decided_once(store, orders)
    assert {one.decided_at - one.hour_start_utc for one in decided if one.decided_at} == {
        timedelta(0)
    }, "the clock stands still while it works"
    assert done.hours == dict.fromkeys(hours, 30)
    assert (done.total, set(done.late)) == (90, {0.0})
    assert Counter(one.status for one in decided) == done.counts
    assert {by_id(store)[one.order_id].status for one in beyond} == {"PENDING"}
    assert max(clock.slept) <= LOOK_SECONDS, "late ones wait no longer"


def test_orders_created_late_or_past_their_hour_are_seen_at_the_next_look(store: SqlStore) -> None:
    late = fake_orders(3, HOUR, "late")
    ahead = fake_orders(3, HOUR + 30.5 * SECOND, "ahead")
    made = HOUR + 30.2 * SECOND
    clock = Clock(errands={made: lambda: put(store, late + ahead)})
    serve(store, clock, HOUR + 60 * SECOND)
    for one in check_decided_once(store, late):
        assert one.decided_at is not None
        assert one.decided_at - made <= LOOK_SECONDS * SECOND
    hour = HOUR + 30.5 * SECOND
    assert [one.decided_at for one in check_decided_once(store, ahead)] == [hour] * 3


def test_a_run_ends_as_soon_as_it_is_not_wanted_any_more(store: SqlStore) -> None:
    put(store, fake_orders(3, HOUR) + fake_orders(3, HOUR + 30 * SECOND))
    clock = Clock()
    work = moderating(store, clock)
    done = asyncio.run(work.serve(HOUR + 60 * SECOND, lambda: clock.moment < HOUR + 10 * SECOND))
    assert done.total == 3
    assert clock.moment <= HOUR + 10 * SECOND + LOOK_SECONDS * SECOND


def test_one_bad_order_stops_no_other(store: SqlStore) -> None:
    good = fake_orders(20)
    bad = replace(ORDER, order_id=UUID(int=5), side="HOLD")
    put(store, [*good[:10], bad, *good[10:]])
    done = moderating(store).decide_due()
    check_decided_once(store, good)
    found = by_id(store)[bad.order_id]
    assert (found.status, found.reason) == ("QUARANTINED", "side: write BUY or SELL")
    assert done.counts["QUARANTINED"] == 1
    assert done.total == 21
    assert moderating(store).decide_due().total == 0, "it is not met again"


def test_a_batch_larger_than_a_transaction_is_decided_whole(store: SqlStore) -> None:
    orders = fake_orders(2 * BATCH + 1)
    put(store, orders)
    done = moderating(store).decide_due()
    assert done.total == len(orders)
    check_decided_once(store, orders)
    sizes = [len(orjson.loads(row["body"])["orders"]) for row in stored(store, "outbox")]
    assert max(sizes) == 500
    assert sum(sizes) == len(orders)


def test_only_one_organizations_orders_are_forced(store: SqlStore) -> None:
    ours, theirs = fake_orders(3), fake_orders(3, HOUR, "theirs", organization_id="rival")
    put(store, ours + theirs)
    assert moderating(store).decide_due("acme").total == 3
    assert {by_id(store)[one.order_id].status for one in theirs} == {"PENDING"}
    moderating(store).decide_due()
    messages = [(row["account_id"], row["routing_key"]) for row in stored(store, "outbox")]
    assert sorted(messages) == [
        (None, "organization.acme.fake_orders_moderated"),
        (None, "organization.rival.fake_orders_moderated"),
    ]


def test_a_crash_before_the_commit_leaves_nothing_and_a_rerun_decides_the_same(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = fake_orders(10)
    put(store, orders)

    class CrashError(Exception):
        pass

    def crash(*_: Any) -> Any:
        raise CrashError

    with monkeypatch.context() as patched:
        patched.setattr("tradesync_dagster.sync.moderating.fake_orders_moderated", crash)
        with pytest.raises(CrashError):
            moderating(store).decide_due()
    assert {one.status for one in by_id(store).values()} == {"PENDING"}
    assert stored(store, "fake_order_events") == stored(store, "fake_order_marks") == []
    moderating(store).decide_due()
    check_decided_once(store, orders)


def test_two_runs_at_once_decide_each_order_once(store: SqlStore) -> None:
    due = SystemClock().now() + timedelta(seconds=0.7)
    orders = fake_orders(3_000, due)
    put(store, orders)
    done: list[Moderated] = []

    def run() -> None:
        done.append(serve(store, SystemClock(), due + timedelta(seconds=0.5)))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one.total for one in done) == len(orders)
    check_decided_once(store, orders)


def test_approved_orders_are_marked_through_their_hour_and_no_longer(store: SqlStore) -> None:
    put(store, fake_orders(20))
    clock = Clock(HOUR)
    work = moderating(store, clock)
    work.decide_due()
    approved = [one for one in by_id(store).values() if one.status == "APPROVED"]
    count = len(approved)
    assert 5 < count < 20
    assert len(stored(store, "fake_order_marks")) == count, "the price of the approval"
    clock.moment = HOUR + timedelta(minutes=4, seconds=59)
    assert work.mark().orders == 0
    for minutes, marks in ((5, 2), (17, 4), (30, 7), (300, 12), (400, 12)):
        clock.moment = HOUR + timedelta(minutes=minutes)
        work.mark()
        assert len(stored(store, "fake_order_marks")) == marks * count
    series = [Mark(**row) for row in stored(store, "fake_order_marks")]
    for order in by_id(store).values():
        own = [mark for mark in series if mark.order_id == order.order_id]
        assert [mark.pnl for mark in own] == [profit(order, mark.lmp) for mark in own]
        if own:
            assert (order.pnl, order.next_mark_at) == (own[-1].pnl, None)
            assert len({mark.lmp for mark in own}) > 3, "the price moves"


def test_people_read_an_order_its_marks_and_what_came_of_it(
    store: SqlStore, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path, moderation_approval_percent=100, _env_file=None)  # type: ignore[arg-type]
    moderation = Services(settings, store, Clock(HOUR)).moderation()
    put(store, [ORDER])
    assert moderation.decide_due().counts == {"APPROVED": 1}
    shown = moderation.shown(ORDER.order_id, "acme")
    assert [mark["lmp"] for mark in shown["marks"]] == [shown["rt_lmp"]] == ["36.08"]
    assert shown["pnl"] == "1002.915", "(36.08 + 3.25) x 25.5 MWh"
    [event] = shown["events"]
    assert (event["kind"], event["detail"]["lmp_source"]) == ("approved", "simulated")
    [position] = moderation.positions("acme")
    assert (position["pnl"], position["state"]) == ("1002.915", "live")
    assert moderation.positions("rival") == []
    assert moderation.totals() == (1, 1_002_915_000)
    for order_id, organization in ((ORDER.order_id, "rival"), (UUID(int=4), "acme")):
        with pytest.raises(OrderNotFoundError, match=str(order_id)):
            moderation.shown(order_id, organization)


def test_real_prices_that_are_away_are_simulated_and_the_order_says_why(
    store: SqlStore, tmp_path: Path
) -> None:
    """The library is not installed here; the child process is a real one."""
    settings = Settings(home=tmp_path, moderation_real_prices=["MISO"], _env_file=None)
    moderation = Services(settings, store, Clock(HOUR)).moderation()
    real = replace(ORDER, market="MISO")
    put(store, [real])
    assert moderation.decide_due().total == 1
    shown = moderation.shown(real.order_id, "acme")
    price = PRICES.at([priced_at(real)])[priced_at(real)]
    assert by_id(store)[real.order_id].rt_lmp == price
    source = shown["events"][0]["detail"]["lmp_source"]
    assert source.startswith("simulated: gridstatus has no prices of MISO: ModuleNotFoundError")
    elsewhere = settings.model_copy(update={"moderation_real_prices_python": tmp_path / "python"})
    other = replace(real, order_id=UUID(int=7))
    put(store, [other])
    there = Services(elsewhere, store, Clock(HOUR)).moderation()
    assert there.decide_due().total == 1
    source = there.shown(other.order_id, "acme")["events"][0]["detail"]["lmp_source"]
    assert source == f"simulated: {tmp_path}/python does not start: No such file or directory"


def test_messages_can_be_switched_off(store: SqlStore, tmp_path: Path) -> None:
    put(store, [ORDER])
    settings = Settings(home=tmp_path, rabbitmq_notifications_enabled=False, _env_file=None)
    Services(settings, store, Clock(HOUR)).moderation().decide_due()
    assert stored(store, "outbox") == []
