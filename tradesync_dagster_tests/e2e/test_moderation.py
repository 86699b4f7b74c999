"""Fake orders under ``tradesync run``: each at its hour, by one run, and switched over HTTP."""

import statistics
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

import httpx

from tradesync_dagster.bootstrap.dagster_graphql import Dagster
from tradesync_dagster.bootstrap.moderation_control import ModerationControl
from tradesync_dagster.domain.fake_orders import FakeOrder
from tradesync_dagster_tests.support.api import Api, running_api
from tradesync_dagster_tests.support.fake_orders import check_decided_once, fake_orders, put
from tradesync_dagster_tests.support.moderated_house import House, soon
from tradesync_dagster_tests.support.stacks import START_SECONDS

PROMPT = timedelta(seconds=20)
"""On a busy machine; a run that did not wait inside would come by the next look's, or later."""


def lateness(decided: Sequence[FakeOrder]) -> str:
    late = sorted((one.decided_at - one.hour_start_utc).total_seconds() for one in decided)  # type: ignore[operator]
    p99 = late[len(late) * 99 // 100]
    return f"p50 {statistics.median(late):.3f} s, p99 {p99:.3f} s, worst {late[-1]:.3f} s"


def test_each_is_moderated_once_at_its_hour_by_a_run_that_waits(house: House) -> None:
    """How late they are is shown with ``-s``; ``integration/test_moderating`` proves it exactly."""
    store = house.services.store
    hours = [soon(40), soon(47.5), soon(62)]  # a busy machine takes long to start a process
    orders = [order for hour in hours for order in fake_orders(120, hour)]
    put(store, orders)
    house.wait_until_decided(left=240)
    late_created = fake_orders(30, hours[0], "created late")
    put(store, late_created)
    house.wait_until_decided()
    decided = check_decided_once(store, [*orders, *late_created])
    # A second one is asked for where a busy machine lets the first show no sign of life in time.
    assert len(house.runs()) <= 2, "one serves whatever is due, created late or not"
    ours = {order.order_id for order in orders}
    at_their_hours = [one for one in decided if one.order_id in ours]
    began = min(one.decided_at for one in decided if one.decided_at)
    awaited = [one for one in at_their_hours if one.hour_start_utc > began]
    assert all(one.decided_at - one.hour_start_utc < PROMPT for one in awaited if one.decided_at)
    print(f"{len(orders)} orders: {lateness(at_their_hours)}")  # noqa: T201 - with -s


def test_the_scheduler_is_stopped_started_and_forced_over_http(house: House) -> None:
    _, token = house.services.keys().add("acme", "e2e")
    with running_api(house.services, house.url) as url:
        api = Api(url, token, "acme")

        def scheduler(method: str, what: str) -> httpx.Response:
            return api.send(method, f"/api/v1/scheduler/{what}")

        def looked_at() -> datetime:
            return datetime.fromisoformat(
                scheduler("GET", "status").json()["scheduler"]["last_check"]
            )

        state = scheduler("GET", "status").json()["scheduler"]
        assert (state["running"], state["thread_alive"]) == (True, True)
        assert (state["pending_due_now"], state["next_due_order"]) == (0, None)
        first = fake_orders(10, soon(-3))
        put(house.services.store, first)
        house.wait_until_decided()
        house.wait_until_waiting()
        stopped = scheduler("POST", "stop").json()
        assert (stopped["status"], stopped["scheduler"]["running"]) == ("success", False)
        assert scheduler("POST", "stop").status_code == 200
        house.wait_until_ended()
        orders = fake_orders(10, soon(-1))
        put(house.services.store, orders)
        time.sleep(8)
        assert house.left() == 10, "stopped"
        state = scheduler("GET", "status").json()["scheduler"]
        assert state["pending_due_now"] == 10
        assert state["next_due_order"] == orders[0].hour_start_utc.isoformat(
            timespec="milliseconds"
        ).replace("+00:00", "Z")
        forced = scheduler("POST", "force-run")
        assert (forced.status_code, forced.json()["pending_due_now"]) == (202, 10)
        house.wait_until_decided()
        started = scheduler("POST", "start").json()["scheduler"]
        assert started["running"]
        began = soon(0)
        more = fake_orders(10, soon(-2))
        put(house.services.store, more)
        house.wait_until_decided()
        deadline = time.monotonic() + START_SECONDS
        while looked_at() <= began:  # a run that waits may decide before the sensor looks again
            assert time.monotonic() < deadline, "the sensor looks no more"
            time.sleep(0.5)
        assert looked_at() <= soon(0)
    check_decided_once(house.services.store, [*first, *orders, *more])
    control = ModerationControl(house.services, Dagster(house.url))
    assert control.status()["running"]
