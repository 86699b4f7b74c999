"""Orders of our own at all four brokers, over HTTP, from intent to end."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tradesync_dagster.domain.errors import PlacementRefusedError
from tradesync_dagster.domain.money import parse_price
from tradesync_dagster.domain.orders import OrderStatus, Origin
from tradesync_dagster_tests.support.broker_desk import BROKERS
from tradesync_dagster_tests.support.store_frames import refuse_rows
from tradesync_dagster_tests.support.trading import KEY, TradingDesk, open_trading_desk


@pytest.fixture(params=sorted(BROKERS))
def at(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TradingDesk]:
    """The desk at each broker in turn, over SQLite."""
    url = f"sqlite:///{tmp_path}/books.sqlite3"
    with open_trading_desk(url, tmp_path, request.param) as opened:
        yield opened


@pytest.fixture
def trading(database_url: str, tmp_path: Path) -> Iterator[TradingDesk]:
    """The desk at Zerodha, over each database."""
    with open_trading_desk(database_url, tmp_path) as opened:
        yield opened


def test_a_placed_order_is_seen_in_the_book_after_the_wait(at: TradingDesk) -> None:
    at.desk.clock.slept.clear()
    found = at.place(strategy="momentum")
    assert found.error == ""
    assert at.desk.clock.slept == [15.0]
    order = found.order
    assert (order.status, order.origin) == (OrderStatus.EXECUTED, Origin.INTERNAL)
    (theirs,) = at.ours()
    assert (order.broker.broker_order_id, order.client_order_id) == (
        theirs["order_id"], theirs["tag"],
    )  # fmt: skip
    shown = at.trading.show(KEY, order.order_id)
    assert at.kinds(found)[:2] == ["intended", "acknowledged"]
    (sending,) = shown["sendings"]
    assert (sending["state"], sending["who"]) == ("acknowledged", "asha")


def test_its_fills_are_its_strategys_and_syncs_change_nothing_more(at: TradingDesk) -> None:
    found = at.place(strategy="momentum")
    for _ in range(2):
        at.desk.clock.move(timedelta(minutes=5))
        assert at.desk.one(KEY).status == "success"
    rows = [r for r in at.desk.services.orders(KEY) if r["origin"] == "internal"]
    assert [r["order_id"] for r in rows] == [str(found.order.order_id)]
    (row,) = rows
    assert (row["status"], row["execution_qty"], row["strategy_id"]) == ("executed", 3, "momentum")
    assert parse_price(row["execution_price"]) > 0
    assert row["execution_time"] is not None
    with at.desk.services.store.look() as work:
        owners = work.assignments([1])
    assert list(owners["strategy_id"]) == ["momentum"]
    assert at.breaks() == []


def test_a_rejection_is_seen_at_once_with_the_brokers_words(at: TradingDesk) -> None:
    found = at.place(price=at.price(200))
    order = found.order
    assert order.status is OrderStatus.REJECTED
    assert "circuit" in order.failure_reason.lower() or "range" in order.failure_reason.lower()
    assert order.first_failed_at is not None
    (row,) = [r for r in at.desk.services.orders(KEY) if r["origin"] == "internal"]
    assert row["rejection_reason"] == row["failure_reason"] == order.failure_reason


def test_lack_of_money_is_told_with_what_is_missing(at: TradingDesk) -> None:
    at.trading.set_limits(
        KEY, dict.fromkeys(("order_value", "day_value", "position_value"), 10**17), "asha"
    )
    found = at.place(40_000, price=at.price())
    order = found.order
    assert order.status in (OrderStatus.REJECTED, OrderStatus.FAILED)
    assert order.shortfall is not None, order.failure_reason
    assert order.shortfall > 0
    (row,) = [r for r in at.desk.services.orders(KEY) if r["origin"] == "internal"]
    assert parse_price(row["shortfall"]) == order.shortfall


def test_an_order_that_is_open_is_changed_and_cancelled(at: TradingDesk) -> None:
    found = at.resting()
    assert found.order.status is OrderStatus.OPEN, at.ours()
    price = at.price(95)
    changed = at.trading.modify(KEY, found.order.order_id, {"price": price}, who="asha")
    assert changed.told == ("modify_confirmed",)
    assert changed.order.broker.price == parse_price(price)
    gone = at.trading.cancel(KEY, found.order.order_id, who="ravi", why="no longer")
    assert (gone.told, gone.order.status) == (("cancel_confirmed",), OrderStatus.CANCELLED)
    assert at.ours()[0]["status"] == "CANCELLED"
    (row,) = [r for r in at.desk.services.orders(KEY) if r["origin"] == "internal"]
    assert row["cancelled_reason"] == "ravi: no longer"
    told = [kind for kind in at.kinds(found) if kind.startswith("cancel_")]
    assert told == ["cancel_requested", "cancel_acknowledged", "cancel_confirmed"]
    with pytest.raises(PlacementRefusedError, match="has ended"):
        at.trading.cancel(KEY, found.order.order_id, who="ravi", why="again")


def test_what_was_acknowledged_and_not_done_is_told(at: TradingDesk) -> None:
    found = at.resting()
    at.desk.fault("undone", times=0)
    changed = at.trading.modify(KEY, found.order.order_id, {"price": at.price(95)}, who="asha")
    assert changed.told == ("modify_not_done",)
    assert changed.order.broker.price == found.order.broker.price


def test_rule_4_a_lost_answer_is_unknown_until_the_book_tells_and_is_not_sent_twice(
    at: TradingDesk,
) -> None:
    at.desk.fault("lost", method="POST")
    lost = at.place(verify=False)
    assert lost.order.status is OrderStatus.UNKNOWN
    assert len(at.ours()) == 1
    at.desk.clock.move(timedelta(seconds=30))
    assert at.desk.one(KEY).status == "success"
    (row,) = [r for r in at.desk.services.orders(KEY) if r["origin"] == "internal"]
    assert (row["order_id"], row["status"]) == (str(lost.order.order_id), "executed")
    assert row["broker_order_id"] == at.ours()[0]["order_id"]
    assert len(at.ours()) == 1
    assert "acknowledged" in at.kinds(lost)


def test_the_look_afterwards_settles_a_lost_answer_too(at: TradingDesk) -> None:
    at.desk.fault("lost", method="POST")
    found = at.place()
    assert (found.error, found.order.status) == ("", OrderStatus.EXECUTED)


def test_a_look_afterwards_that_the_books_refuse_leaves_the_order_as_it_was_answered(
    trading: TradingDesk,
) -> None:
    refuse_rows(trading.desk.services.store.engine, "raw_payloads", 1)
    found = trading.resting()
    assert found.error.startswith("the books refused what was written")
    assert found.order.status is OrderStatus.PENDING_EXECUTION
    (theirs,) = trading.ours()
    assert found.order.broker.broker_order_id == theirs["order_id"]


@pytest.mark.parametrize("broker", ["PAPER", "UPSTOX", "ZERODHA"])
def test_an_order_by_hand_like_one_that_never_arrived_is_not_ours_where_tags_are_kept(
    broker: str, tmp_path: Path
) -> None:
    with open_trading_desk(f"sqlite:///{tmp_path}/books.sqlite3", tmp_path, broker) as at:
        at.desk.fault("reset", method="POST")
        lost = at.place(verify=False)
        theirs = at.desk.by_hand("BUY", 3)
        for _ in range(4):
            at.desk.clock.move(timedelta(seconds=100))
            assert at.desk.one(KEY).status == "success"
        found = {row["broker_order_id"]: row for row in at.desk.services.orders(KEY)}
        assert (found[theirs]["origin"], found[theirs]["client_order_id"]) == ("external", "")
        assert at.trading.show(KEY, lost.order.order_id)["status"] == "failed"


def test_what_never_reached_the_broker_fails_only_after_two_books_of_its_day(
    at: TradingDesk,
) -> None:
    at.desk.fault("reset", method="POST")
    lost = at.place(verify=False)
    assert (lost.order.status, at.ours()) == (OrderStatus.UNKNOWN, [])

    def status() -> str:
        at.desk.one(KEY)
        return at.trading.show(KEY, lost.order.order_id)["status"]  # type: ignore[no-any-return]

    at.desk.clock.move(timedelta(seconds=100))
    assert status() == "unknown"  # somebody might still be sending it
    at.desk.clock.move(timedelta(seconds=100))
    assert status() == "unknown"  # one book does not have it
    at.desk.clock.move(timedelta(seconds=31))
    assert status() == "failed"
    shown = at.trading.show(KEY, lost.order.order_id)
    assert "never reached the broker" in shown["failure_reason"]
    assert shown["sendings"][0]["state"] == "refused"

    again = at.trading.retry(KEY, lost.order.order_id, who="asha")
    assert (again.order.order_id, again.order.status) == (lost.order.order_id, OrderStatus.EXECUTED)
    assert (again.order.retry_count, len(at.ours())) == (1, 1)
    assert again.order.last_retry_attempt is not None


def test_a_broker_that_does_not_answer_in_time_leaves_the_order_unknown(at: TradingDesk) -> None:
    slow = at.with_settings(broker_api_timeout_seconds=5)
    at.desk.fault("hang", method="POST")
    found = slow.place(verify=False)
    assert found.order.status is OrderStatus.UNKNOWN
    assert "answer" in at.trading.show(KEY, found.order.order_id)["sendings"][0]["reason"]


def test_one_key_is_one_order(trading: TradingDesk) -> None:
    first, second = (trading.place(key="rebalance-7", verify=False) for _ in range(2))
    assert first.order.order_id == second.order.order_id
    assert len(trading.ours()) == 1
    with pytest.raises(PlacementRefusedError, match="'rebalance-7' was used for another order"):
        trading.place(4, side="SELL", key="rebalance-7")
    assert trading.place(key="rebalance-8", verify=False).order.order_id != first.order.order_id


def test_a_rejected_order_is_tried_again_as_another_one(trading: TradingDesk) -> None:
    found = trading.place(price=trading.price(200))
    assert found.order.status is OrderStatus.REJECTED
    again = trading.trading.retry(KEY, found.order.order_id, who="asha")
    assert again.order.order_id != found.order.order_id
    assert (again.order.retry_of, again.order.retry_count) == (found.order.order_id, 1)
    assert again.order.first_failed_at == found.order.first_failed_at
    assert again.order.client_order_id != found.order.client_order_id
    with pytest.raises(PlacementRefusedError, match="tried again already"):
        trading.trading.retry(KEY, found.order.order_id, who="asha")
    assert trading.desk.services.orders(KEY) != []


def test_what_is_filled_is_not_tried_again(trading: TradingDesk) -> None:
    found = trading.place()
    with pytest.raises(PlacementRefusedError, match="is executed; only orders of ours that failed"):
        trading.trading.retry(KEY, found.order.order_id, who="asha")


def test_a_halt_stops_placing_and_changing_and_lets_cancelling_through(
    trading: TradingDesk,
) -> None:
    resting = trading.resting()
    assert trading.trading.halt("desk", "ravi", "a wild strategy")
    assert not trading.trading.halt("desk", "asha", "again")
    for act in (
        trading.place,
        lambda: trading.trading.modify(KEY, resting.order.order_id, {"quantity": "8"}, who="asha"),
    ):
        with pytest.raises(PlacementRefusedError, match="ravi halted orders of desk"):
            act()
    gone = trading.trading.cancel(KEY, resting.order.order_id, who="ravi", why="halted")
    assert gone.order.status is OrderStatus.CANCELLED
    assert trading.trading.resume("desk", "ravi", "looked at")
    assert not trading.trading.resume("desk", "ravi", "again")
    assert trading.place().order.status is OrderStatus.EXECUTED
    assert len(trading.ours()) == 2


def test_nothing_is_sent_or_kept_where_switches_or_limits_say_no(trading: TradingDesk) -> None:
    off = trading.with_settings(live_orders_enabled=False)
    with pytest.raises(PlacementRefusedError, match="TRADESYNC_LIVE_ORDERS_ENABLED"):
        off.place()
    trading.trading.set_limits(KEY, {"order_value": 1}, "asha")
    with pytest.raises(PlacementRefusedError, match="--order-value"):
        trading.place()
    trading.desk.services.store.set_live(KEY, live=False)
    with pytest.raises(PlacementRefusedError, match="not marked live"):
        trading.place()
    assert trading.ours() == []
    assert [r for r in trading.desk.services.orders(KEY) if r["origin"] == "internal"] == []


def test_selling_what_is_held_is_within_the_position_limit(trading: TradingDesk) -> None:
    trading.desk.clock.move(timedelta(days=1))  # the ten shares are a holding now
    trading.desk.one(KEY)
    trading.trading.set_limits(KEY, {"position_value": 1}, "asha")
    text_price = trading.desk.services.holdings(KEY)[0]["last_price"]
    sold = trading.place(4, side="SELL", price=text_price, verify=False)
    assert sold.order.status is OrderStatus.PENDING_EXECUTION
    with pytest.raises(PlacementRefusedError, match="position"):
        trading.place(30, side="SELL", price=text_price)


def test_an_open_orders_last_check_is_the_last_book_that_showed_it(trading: TradingDesk) -> None:
    found = trading.resting()
    before = trading.desk.services.orders(KEY)
    trading.desk.clock.move(timedelta(minutes=5))
    trading.desk.one(KEY)
    old, new = (
        next(r for r in rows if r["order_id"] == str(found.order.order_id))["last_status_check"]
        for rows in (before, trading.desk.services.orders(KEY))
    )
    assert str(new) > str(old)
