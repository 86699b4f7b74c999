"""The retry queue at a simulated broker: what goes again by itself, by hand, or not at all."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from tradesync_dagster.definitions import build_definitions
from tradesync_dagster.defs.retries import retries_every_minute
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.errors import PlacementRefusedError
from tradesync_dagster.domain.order_requests import OrderText
from tradesync_dagster.domain.orders import Order, OrderStatus
from tradesync_dagster_tests.support.store_frames import refuse_rows
from tradesync_dagster_tests.support.trading import KEY, TradingDesk, open_trading_desk


@pytest.fixture
def trading(database_url: str, tmp_path: Path) -> Iterator[TradingDesk]:
    with open_trading_desk(database_url, tmp_path) as opened:
        yield opened


def unreached(trading: TradingDesk, **more: Any) -> Order:
    """An order that the broker answered for with a refusal that may pass."""
    trading.desk.fault("status", status=429, method="POST", times=1)
    found = trading.place(verify=False, **more).order
    assert found.status is OrderStatus.FAILED, found
    return found


def queue(trading: TradingDesk) -> list[dict[str, Any]]:
    return trading.desk.services.retries().listed("desk")


def events(trading: TradingDesk, order: Order) -> list[str]:
    shown = trading.trading.show(KEY, order.order_id)
    return [event["kind"] for event in shown["events"]]


def test_what_may_pass_goes_again_by_itself_after_growing_pauses(trading: TradingDesk) -> None:
    order = unreached(trading)
    retries = trading.desk.services.retries()
    (row,) = queue(trading)
    assert (row["kind"], row["retry_count"], row["account"]) == ("busy", 0, KEY)
    assert row["expires_at"] == "2026-11-19T10:00:00+00:00"
    assert retries.tend().sent == ()
    shown = trading.trading.show(KEY, order.order_id)
    assert shown["status"] == "retry_pending"
    trading.desk.clock.move(timedelta(seconds=61))
    trading.desk.fault("status", status=429, method="POST", times=1)
    (sent,) = retries.tend().sent
    assert (sent.order_id, sent.status, sent.retry_count) == (order.order_id, OrderStatus.FAILED, 1)
    trading.desk.clock.move(timedelta(seconds=61))
    assert retries.tend().sent == ()
    assert retries.due() == []
    trading.desk.clock.move(timedelta(seconds=60))
    assert retries.due() == [KEY]
    (sent,) = retries.tend().sent
    assert (sent.status, sent.retry_count) == (OrderStatus.PENDING_EXECUTION, 2)
    assert len(trading.ours()) == 1
    assert queue(trading) == []
    assert retries.tend().sent == ()
    kinds = events(trading, order)
    assert (kinds.count("retry_queued"), kinds.count("retry"), kinds.count("failed")) == (2, 2, 2)


def test_what_cannot_pass_waits_for_a_person(trading: TradingDesk) -> None:
    found = trading.place(price=trading.price(200)).order
    assert found.status is OrderStatus.REJECTED
    trading.desk.clock.move(timedelta(hours=1))
    done = trading.desk.services.retries().tend()
    assert (done.sent, done.waiting) == ((), 0)
    (row,) = queue(trading)
    assert (row["kind"], row["next_retry_at"]) == ("refused", None)
    again = trading.trading.retry(KEY, found.order_id, who="asha", verify=False).order
    assert again.retry_of == found.order_id


def test_lack_of_money_waits_for_the_money(trading: TradingDesk) -> None:
    trading.trading.set_limits(
        KEY, dict.fromkeys(("order_value", "day_value", "position_value"), 10**17), "asha"
    )
    found = trading.place(40_000, price=trading.price()).order
    assert found.shortfall
    retries = trading.desk.services.retries()
    (row,) = queue(trading)
    assert (row["kind"], row["shortfall"] is not None) == ("margin", True)
    retries.tend()
    before = len(trading.ours())
    trading.desk.clock.move(timedelta(minutes=5))
    done = retries.tend()
    assert done.sent == ()
    (sentence,) = done.held
    assert "are available" in sentence
    assert len(trading.ours()) == before, "the broker was not asked"
    assert queue(trading)[0]["held_by"] in sentence
    assert "retry_held" in events(trading, found)


def test_halts_and_limits_hold_the_queue(trading: TradingDesk) -> None:
    order = unreached(trading)
    retries = trading.desk.services.retries()
    retries.tend()
    trading.desk.clock.move(timedelta(minutes=2))
    trading.trading.halt("desk", "ravi", "a wild strategy")
    done = retries.tend()
    assert done.sent == ()
    assert "ravi halted" in done.held[0]
    with pytest.raises(PlacementRefusedError, match="ravi halted"):
        trading.trading.retry(KEY, order.order_id, who="asha")
    trading.trading.resume("desk", "ravi", "looked at")
    trading.desk.clock.move(timedelta(minutes=2))
    assert len(retries.tend().sent) == 1
    assert len(trading.ours()) == 1


def failed_at_two(trading: TradingDesk) -> tuple[Account, Order, Order]:
    """An account that comes before the other, and an order of each that may go again."""
    store = trading.desk.services.store
    (known,) = store.accounts()
    store.put_accounts([replace(known, account_id=0, pseudo_account="FIRST")])
    first, second = store.accounts()
    assert (first.key, second.key) == ("desk/FIRST", KEY)
    store.set_live(first.key, live=True)
    trading.desk.fault("status", status=429, method="POST", times=2)
    text = OrderText("BUY", "3", "NSE:INFY", product="CNC")
    theirs, ours = (
        trading.trading.place(one.key, text, who="asha", verify=False).order
        for one in (first, second)
    )
    return first, theirs, ours


def test_an_account_that_cannot_be_used_holds_up_no_other(trading: TradingDesk) -> None:
    first, theirs, ours = failed_at_two(trading)
    retries = trading.desk.services.retries()
    retries.tend()
    trading.desk.services.store.put_accounts([replace(first, credentials={"api_key": "k"})])
    trading.desk.clock.move(timedelta(seconds=61))
    done = retries.tend()
    assert [one.order_id for one in done.sent] == [ours.order_id]
    (sentence,) = done.held
    assert sentence.startswith(f"{first.key}: order {theirs.order_id}: ")
    assert "access_token is missing" in sentence
    (row,) = queue(trading)
    assert (row["order_id"], row["held_by"] in sentence) == (str(theirs.order_id), True)
    assert retries.due() == [], "it waits for its pause"


def test_what_the_books_refuse_of_one_account_holds_up_no_other(trading: TradingDesk) -> None:
    first, _, ours = failed_at_two(trading)
    refuse_rows(trading.desk.services.store.engine, "retries", first.account_id)
    done = trading.desk.services.retries().tend()
    (sentence,) = done.held
    assert sentence.startswith(f"{first.key}: the books refused")
    assert done.waiting == 1
    assert events(trading, ours)[-1] == "retry_queued"


def test_it_expires_with_its_session_and_is_not_sent_the_next_day(trading: TradingDesk) -> None:
    order = unreached(trading)
    retries = trading.desk.services.retries()
    retries.tend()
    trading.desk.clock.move(timedelta(hours=6))  # 15:30 in Asia/Kolkata
    assert retries.due() == [KEY]
    assert retries.tend().expired == (order.order_id,)
    assert retries.due() == []
    trading.desk.clock.move(timedelta(hours=19))
    assert retries.tend().sent == ()
    assert queue(trading) == []
    assert trading.trading.show(KEY, order.order_id)["status"] == "failed"
    assert events(trading, order)[-1] == "retry_expired"
    with pytest.raises(PlacementRefusedError, match="expired at 2026-11-19 10:00:00 UTC"):
        trading.trading.retry(KEY, order.order_id, who="asha")
    assert trading.ours() == []


def test_what_is_dropped_is_not_tried_again_by_anybody(trading: TradingDesk) -> None:
    retries = trading.desk.services.retries()
    failed = unreached(trading)
    rejected = trading.place(price=trading.price(200)).order
    retries.tend()
    for order, status in ((failed, "cancelled"), (rejected, "rejected")):
        retries.drop(KEY, order.order_id, who="asha", why="the idea is gone")
        shown = trading.trading.show(KEY, order.order_id)
        assert shown["status"] == status
        told = next(e for e in shown["events"] if e["kind"] == "retry_dropped")
        assert (told["who"], told["why"]) == ("asha", "the idea is gone")
        with pytest.raises(PlacementRefusedError, match=r"is cancelled|was dropped by asha"):
            trading.trading.retry(KEY, order.order_id, who="ravi")
        with pytest.raises(PlacementRefusedError):
            retries.drop(KEY, order.order_id, who="ravi")
    trading.desk.clock.move(timedelta(hours=1))
    assert (queue(trading), retries.tend().sent) == ([], ())


def test_who_pressed_for_another_attempt_is_told_so(trading: TradingDesk) -> None:
    order = unreached(trading)
    trading.desk.fault("status", status=429, method="POST", times=1)
    first = trading.trading.retry(KEY, order.order_id, who="asha", tried=0, verify=False).order
    assert (first.status, first.retry_count) == (OrderStatus.FAILED, 1)
    with pytest.raises(PlacementRefusedError, match="tried again meanwhile, 1 times"):
        trading.trading.retry(KEY, order.order_id, who="ravi", tried=0)
    assert trading.ours() == []


def test_the_oldest_failure_goes_first(trading: TradingDesk) -> None:
    orders = []
    for quantity in (3, 4, 5):
        orders.append(unreached(trading, quantity=quantity))
        trading.desk.clock.move(timedelta(seconds=1))
    retries = trading.desk.services.retries()
    retries.tend()
    trading.desk.clock.move(timedelta(minutes=2))
    sent = retries.tend().sent
    assert [one.order_id for one in sent] == [one.order_id for one in orders]


def test_the_schedule_starts_a_run_where_something_is_due_and_the_run_sends_it(
    trading: TradingDesk,
) -> None:
    services = trading.desk.services
    job = build_definitions({"services": services}).resolve_job_def("retry_orders")

    def asked(instance: dg.DagsterInstance) -> dg.RunRequest | dg.SkipReason:
        with dg.build_schedule_context(
            instance=instance,
            resources={"services": services},
            scheduled_execution_time=trading.desk.clock.moment,
        ) as context:
            found = retries_every_minute(context)
        assert isinstance(found, dg.RunRequest | dg.SkipReason)
        return found

    def run(instance: dg.DagsterInstance) -> dict[str, Any]:
        request = asked(instance)
        assert isinstance(request, dg.RunRequest), request
        done = job.execute_in_process(run_config=request.run_config, instance=instance)
        assert done.success
        (event,) = [e for e in done.all_events if e.event_type_value == "STEP_OUTPUT"]
        metadata = event.step_output_data.metadata
        return {name: value.value for name, value in metadata.items()}

    with dg.instance_for_test() as instance:
        assert isinstance(asked(instance), dg.SkipReason)
        order = unreached(trading)
        assert run(instance) == {"sent": 0, "expired": 0, "held": 0}, "it is put into the queue"
        assert isinstance(asked(instance), dg.SkipReason), "its pause is not over"
        trading.desk.clock.move(timedelta(seconds=61))
        assert run(instance) == {"sent": 1, "expired": 0, "held": 0}
        shown = trading.trading.show(KEY, order.order_id)
        assert (shown["status"], shown["retry_count"]) == ("pending_execution", 1)
        assert len(trading.ours()) == 1
        unreached(trading)
        running = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
        held = asked(instance)
        assert isinstance(held, dg.SkipReason)
        assert running.run_id in str(held.skip_message), "one run at a time"
