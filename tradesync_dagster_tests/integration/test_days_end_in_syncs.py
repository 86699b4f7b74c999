"""Syncs alone, without the order monitor, end the orders whose day is over."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tradesync_dagster.domain.market_calendar import IST
from tradesync_dagster.domain.money import parse_price
from tradesync_dagster_tests.support.desk import Desk, ask, open_desk
from tradesync_dagster_tests.support.month_people import change
from tradesync_dagster_tests.support.trading_days import ACCOUNT, table


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    """A desk on an exchange that keeps the week's trading days; it is Thursday."""
    with open_desk(database_url, tmp_path, always_open=False) as opened:
        yield opened


def at(desk: Desk, day: int, hour: int, minute: int) -> None:
    """Move on to a time of November in Asia/Kolkata, and sync."""
    wanted = datetime(2026, 11, day, hour, minute, tzinfo=IST)
    desk.clock.move(max(wanted - desk.clock.moment, timedelta()))
    assert desk.one(ACCOUNT).status == "success"


def shown(desk: Desk, order_id: str) -> str:
    [status] = [r["status"] for r in table(desk, "orders") if r["broker_order_id"] == order_id]
    return str(status)


def breaks(desk: Desk) -> list[tuple[str, str, str]]:
    return [
        (row["kind"], row["evidence"]["broker_order_id"], row["state"])
        for row in table(desk, "breaks")
    ]


def test_an_order_for_the_next_day_that_was_withdrawn_unseen_ends_with_that_day(
    desk: Desk,
) -> None:
    at(desk, 19, 15, 50)
    waiting = desk.by_hand("BUY", 7, variety="amo")
    at(desk, 19, 20, 0)
    assert shown(desk, waiting) == "amo"
    assert change(f"{desk.url}/sim/orders/SIM001/{waiting}", "DELETE")
    for hour, minute in ((9, 20), (15, 30), (15, 44)):
        at(desk, 20, hour, minute)
        assert (shown(desk, waiting), breaks(desk)) == ("amo", []), "missing is not cancelled"
    at(desk, 20, 15, 46)
    assert shown(desk, waiting) == "expired"
    assert breaks(desk) == [("expired_without_word", waiting, "open")]
    at(desk, 20, 15, 51)
    assert breaks(desk) == [("expired_without_word", waiting, "open")], "told once"
    at(desk, 23, 9, 10)
    assert breaks(desk) == [("expired_without_word", waiting, "open")], "no session yet"
    at(desk, 23, 9, 20)
    assert breaks(desk) == [("expired_without_word", waiting, "resolved")]


def test_an_order_that_a_quiet_book_still_calls_open_ends_with_its_day(desk: Desk) -> None:
    at(desk, 19, 15, 0)
    low = parse_price(ask(f"{desk.url}/sim/prices")["NSE:INFY"]) * 95 // 100_000_000
    resting = desk.by_hand("BUY", 7, order_type="LIMIT", price=str(low))
    for hour, minute in ((15, 5), (15, 30), (15, 40)):
        at(desk, 19, hour, minute)
        assert (shown(desk, resting), breaks(desk)) == ("open", [])
    desk.fault("html", path="/orders", user_id="SIM001", times=9)
    desk.clock.move(datetime(2026, 11, 19, 15, 46, tzinfo=IST) - desk.clock.moment)
    desk.one(ACCOUNT)
    assert (shown(desk, resting), breaks(desk)) == ("open", []), "no book tells of its end"
    change(f"{desk.url}/sim/faults", "DELETE")
    at(desk, 19, 15, 51)
    assert shown(desk, resting) == "expired"
    assert breaks(desk) == [("expired_without_word", resting, "open")]
