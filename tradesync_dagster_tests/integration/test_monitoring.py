"""The order monitor over real books and the simulated exchange."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tradesync_dagster.domain.money import parse_price
from tradesync_dagster_tests.support.monitored import WatchedDesk, open_watched_desk
from tradesync_dagster_tests.support.store_frames import refuse_rows, stored
from tradesync_dagster_tests.support.trading import KEY

CLOSE = datetime(2026, 11, 19, 10, 0, tzinfo=UTC)


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[WatchedDesk]:
    with open_watched_desk(database_url, tmp_path) as opened:
        yield opened


def fills(desk: WatchedDesk) -> int:
    with desk.at.desk.services.store.look() as work:
        return len(work.fills([1], desk.at.desk.clock.moment.date()))


def test_nothing_is_asked_where_no_order_is_open(desk: WatchedDesk) -> None:
    desk.at.place()
    desk.cycle()
    assert desk.cycle().asked == []


def test_buys_and_sells_fill_in_the_ledger_the_books_and_the_snapshot(desk: WatchedDesk) -> None:
    before = fills(desk)
    buy = desk.at.place(verify=False)
    sell = desk.at.place(2, side="SELL", verify=False)
    found = desk.cycle()
    assert (found.asked, found.changed, found.errors) == ([KEY], [KEY], {})
    assert [desk.row(one)["status"] for one in (buy, sell)] == ["executed", "executed"]
    assert fills(desk) == before + 2
    assert found.moves == {"executed": 2}
    assert desk.in_snapshot(buy)["status"] == "executed"
    held = {row["symbol"]: row["quantity"] for row in desk.at.desk.services.positions(KEY)}
    assert held == {"INFY": 11}
    assert desk.at.breaks() == []


def test_trades_are_asked_for_only_where_fills_moved(desk: WatchedDesk) -> None:
    desk.at.resting()
    desk.at.desk.fault("status", times=0, path="/trades", status=500)
    assert desk.cycle().errors == {}
    desk.at.place(verify=False)
    found = desk.cycle()
    assert list(found.errors) == [KEY]
    assert "trades" in found.errors[KEY][0]


def test_a_book_that_says_the_same_is_noted_and_changes_nothing(desk: WatchedDesk) -> None:
    resting = desk.at.resting()
    assert desk.at.desk.one(KEY).status == "success"
    checked = desk.row(resting)["last_seen_at"]
    found = desk.cycle()
    assert (found.asked, found.changed) == ([KEY], [])
    assert desk.row(resting)["last_seen_at"] > checked


def looked(desk: WatchedDesk) -> list[tuple[bool, dict[str, str]]]:
    """The records of looks at order books alone, oldest first."""
    return [
        (look["complete"], {one["kind"]: one["decision"] for one in look["answers"]})
        for look in reversed(desk.at.desk.services.looks(KEY))
        if len(look["answers"]) < 4
    ]


def rows(desk: WatchedDesk, name: str) -> int:
    return len(stored(desk.at.desk.services.store, name))


def test_each_cycle_leaves_its_record_and_plain_ones_share_a_row(desk: WatchedDesk) -> None:
    desk.at.resting()
    whole = (True, {"orders": "applied"})
    assert looked(desk) == [whole], "the look after the placement"
    own, shared = rows(desk, "looks"), rows(desk, "quiet_looks")
    desk.cycle()
    desk.at.place(verify=False)
    desk.cycle()
    assert looked(desk)[1:] == [
        (True, {"orders": "nothing_new"}), (True, {"orders": "applied", "trades": "applied"}),
    ]  # fmt: skip
    assert (rows(desk, "looks"), rows(desk, "quiet_looks")) == (own, shared + 2)
    desk.at.desk.fault("status", times=9, path="/orders", status=500)
    found = desk.cycle()
    assert looked(desk)[3:] == [(False, {"orders": "not_complete"})]
    failed, before = desk.at.desk.services.looks(KEY)[:2]
    assert failed["answers"][0]["error"] == "BrokerUnavailableError"
    assert failed["tick_id"] == found.started_at.isoformat() != before["tick_id"]
    assert "payload_hash" in before["answers"][0]


def test_a_cycle_that_the_books_refuse_leaves_its_record(desk: WatchedDesk) -> None:
    desk.at.resting()
    desk.at.place(verify=False)
    refuse_rows(desk.at.desk.services.store.engine, "fills", 1)
    found = desk.cycle()
    assert list(found.errors) == [KEY]
    assert looked(desk)[1:] == [(False, {"orders": "refused", "trades": "refused"})]


def test_a_change_by_hand_is_told_with_before_and_after(desk: WatchedDesk) -> None:
    resting = desk.at.resting()
    old, new = desk.at.price(96), desk.at.price(95)
    desk.by_hand(resting, price=new, quantity=9)
    assert desk.cycle().by_hand == 1
    events = [e for e in desk.row(resting)["events"] if e["kind"] == "modified_by_hand"]
    assert len(events) == 1
    assert (events[0]["price_before"], events[0]["price"]) == (parse_price(old), parse_price(new))
    assert (events[0]["quantity_before"], events[0]["quantity"]) == (7, 9)
    (told,) = desk.told("order_modified_by_hand")
    assert f"price {old} to {new}" in told["message"]
    assert "quantity 7 to 9" in told["message"]
    assert desk.cycle().by_hand == 0
    assert desk.at.desk.one(KEY).status == "success"
    assert len(desk.told("order_modified_by_hand")) == 1


def test_a_cancellation_by_hand_is_told_and_ours_is_not(desk: WatchedDesk) -> None:
    mine, theirs = desk.at.resting(), desk.at.resting()
    desk.at.trading.cancel(KEY, mine.order.order_id, who="asha", why="done", verify=False)
    desk.cancel_by_hand(theirs)
    assert desk.cycle().by_hand == 1
    assert [desk.row(one)["status"] for one in (mine, theirs)] == ["cancelled", "cancelled"]
    assert "cancelled_by_hand" not in desk.kinds(mine)
    assert "cancelled_by_hand" in desk.kinds(theirs)
    (told,) = desk.told("order_cancelled_by_hand")
    assert told["order"]["order_id"] == str(theirs.order.order_id)


def test_our_own_changes_are_not_by_hand_whoever_sees_them_first(desk: WatchedDesk) -> None:
    resting = desk.at.resting()
    changes = {"price": desk.at.price(95), "quantity": "8"}
    desk.at.trading.modify(KEY, resting.order.order_id, changes, who="asha", verify=False)
    assert desk.cycle().by_hand == 0
    assert desk.row(resting)["quantity"] == 8
    desk.at.desk.fault("lost", method="PUT")
    changes = {"price": desk.at.price(94)}
    desk.at.trading.modify(KEY, resting.order.order_id, changes, who="asha", verify=False)
    assert desk.cycle().by_hand == 0
    desk.by_hand(resting, price=desk.at.price(95))
    assert desk.cycle().by_hand == 1


def test_the_sync_tells_what_it_sees_first_and_the_monitor_not_again(desk: WatchedDesk) -> None:
    resting = desk.at.resting()
    desk.by_hand(resting, price=desk.at.price(95))
    desk.at.desk.clock.move(timedelta(minutes=5))
    assert desk.at.desk.one(KEY).status == "success"
    assert desk.cycle().by_hand == 0
    assert len(desk.told("order_modified_by_hand")) == 1


def test_a_broker_without_an_answer_changes_nothing_and_the_next_cycle_catches_up(
    desk: WatchedDesk,
) -> None:
    resting = desk.at.resting()
    desk.cancel_by_hand(resting)
    desk.at.desk.fault("status", times=1, path="/orders", status=500)
    failed = desk.cycle()
    assert list(failed.errors) == [KEY]
    assert desk.row(resting)["status"] == "open"
    desk.at.desk.clock.move(timedelta(minutes=17))  # cycles that never were
    assert desk.cycle().changed == [KEY]
    assert desk.row(resting)["status"] == "cancelled"


def test_a_rejection_is_seen_for_sells_too(desk: WatchedDesk) -> None:
    found = desk.at.place(2, side="SELL", price=desk.at.price(200), verify=False)
    desk.cycle()
    shown = desk.row(found)
    assert shown["status"] == "rejected"
    assert shown["failure_reason"]


def test_a_day_order_expires_only_after_its_day_without_a_word(desk: WatchedDesk) -> None:
    resting = desk.at.resting()
    desk.at_time(CLOSE + timedelta(minutes=14))
    desk.cycle(later=0)
    assert desk.row(resting)["status"] == "open"
    desk.at.desk.fault("status", times=1, path="/orders", status=500)
    desk.cycle(later=60)
    assert desk.row(resting)["status"] == "open", "no book, so nobody knows"
    found = desk.cycle(later=60)
    assert found.moves == {"expired": 1}
    assert desk.row(resting)["status"] == "expired"
    assert desk.at.breaks() == ["expired_without_word"]
    assert desk.in_snapshot(resting)["status"] == "expired"
    assert desk.cycle().asked == []


def test_a_late_word_of_the_broker_corrects_what_we_concluded(desk: WatchedDesk) -> None:
    resting = desk.at.resting()
    desk.at_time(CLOSE + timedelta(minutes=15))
    desk.cycle(later=1)
    assert desk.row(resting)["status"] == "expired"
    desk.cancel_by_hand(resting)
    assert desk.at.desk.one(KEY).status == "success"
    assert desk.row(resting)["status"] == "cancelled"
    assert "corrected" in desk.kinds(resting)
    assert "cancelled_by_hand" not in desk.kinds(resting)
    assert desk.at.desk.services.breaks(KEY) == []


def test_where_the_broker_says_what_became_of_it_nothing_is_concluded(desk: WatchedDesk) -> None:
    resting = desk.at.resting()
    desk.cancel_by_hand(resting)
    desk.at_time(CLOSE + timedelta(minutes=16))
    desk.cycle(later=0)
    assert desk.row(resting)["status"] == "cancelled"
    assert desk.at.breaks() == []


def test_an_order_of_a_lost_day_ends_with_the_next_days_first_book(desk: WatchedDesk) -> None:
    resting = desk.at.resting()
    desk.at_time(CLOSE + timedelta(hours=17, minutes=46))  # Friday, 09:16
    found = desk.cycle(later=0)
    assert found.asked == [KEY]
    assert desk.row(resting)["status"] == "expired"
    assert desk.at.breaks() == ["expired_without_word"]


def test_an_order_placed_after_hours_is_followed_on_the_next_trading_day(
    desk: WatchedDesk,
) -> None:
    desk.at_time(CLOSE + timedelta(minutes=30))
    waiting = desk.at.place(2, price=desk.at.price(), amo=True, verify=False)
    desk.cycle()
    assert desk.row(waiting)["status"] == "amo"
    desk.at_time(CLOSE + timedelta(hours=17, minutes=45))
    desk.at.desk.step()
    found = desk.cycle(later=0)
    assert found.errors == {}
    shown = desk.row(waiting)
    assert shown["status"] in {"executed", "open"}
    assert (shown["trade_date"], shown["status"]) == ("2026-11-19", shown["status"])
    assert desk.at.breaks() == []


def test_positions_that_the_sync_could_not_read_stay_marked_stale(desk: WatchedDesk) -> None:
    desk.at.desk.fault("status", times=1, path="/portfolio/holdings", status=500)
    desk.at.desk.clock.move(timedelta(minutes=5))
    assert desk.at.desk.one(KEY).status == "partial_success"
    desk.at.place(verify=False)
    desk.cycle()
    assert desk.snapshot()["stale"] == ["holdings"]


def test_orders_are_counted_by_where_they_stand(desk: WatchedDesk) -> None:
    desk.at.place()
    desk.at.resting()
    found = desk.at.desk.services.monitoring().statistics("desk")
    assert (found["total"], found["statuses"]["executed"], found["statuses"]["open"]) == (3, 2, 1)
    assert found["statuses"]["failed"] == 0
    assert desk.at.desk.services.monitoring().statistics("nobody")["total"] == 0


def test_a_cancelled_order_says_why_also_where_the_answer_was_lost(desk: WatchedDesk) -> None:
    mine, theirs = desk.at.resting(), desk.at.resting()
    cancel = desk.at.trading.cancel
    desk.at.desk.fault("lost", method="DELETE")
    cancel(KEY, mine.order.order_id, who="asha", why="done", verify=False)
    cancel(KEY, mine.order.order_id, who="ravi", why="to be sure", verify=False)
    assert "cancel_refused" in desk.kinds(mine), "it is done already, as nobody knew"
    desk.cancel_by_hand(theirs)
    assert desk.cycle().moves == {"cancelled": 2}
    why = {r["order_id"]: r["cancelled_reason"] for r in desk.at.desk.services.orders(KEY)}
    assert why[str(mine.order.order_id)] == "asha: done"
    assert why[str(theirs.order.order_id)] == "by hand, in the broker's app"
    assert "cancelled_by_hand" not in desk.kinds(mine)
