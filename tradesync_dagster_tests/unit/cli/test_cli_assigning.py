"""``tradesync assign``, ``undo-assignment`` and ``attribution history`` over real SQLite books."""

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.orders import Order, OrderStatus, Origin, Side
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.support.commands import done, refused
from tradesync_dagster_tests.support.commands_clock import set_clock
from tradesync_dagster_tests.support.orders import sample_order

KEY = "acme/main"
AT = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
BUY, SELL = UUID(int=7), UUID(int=8)
SAID = ("--who", "asha", "--why", "placed by her")


@pytest.fixture(autouse=True)
def orders(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """An open buy and an open sell of 10, and two strategies."""
    set_clock(monkeypatch, AT)
    row = replace(sample_order(AT), trade_date=trade_date_of(AT))
    buy = Order(BUY, 1, row, Origin.EXTERNAL, OrderStatus.OPEN, AT, AT)
    sold = replace(row, broker_order_id="B2", side=Side.SELL)
    with store.begin([1]) as work:
        work.put_orders([buy, replace(buy, order_id=SELL, broker=sold)], [])
    for name in ("alpha", "beta"):
        done("strategies", "add", "acme", name)


def owner(order_id: UUID = BUY) -> tuple[str, dict[str, int]]:
    rows: list[dict[str, Any]] = json.loads(done("orders", KEY, "--json"))
    [row] = [one for one in rows if one["order_id"] == str(order_id)]
    return row["strategy_id"], {one["strategy_id"]: one["quantity"] for one in row["parts"]}


def test_an_order_is_given_whole_or_in_parts_and_taken_back() -> None:
    assert "1 of 1" in done("assign", KEY, str(BUY), "--strategy", "alpha", *SAID)
    assert owner() == ("alpha", {})
    assert "0 of 1" in done("assign", KEY, str(BUY), "--strategy", "alpha", *SAID)
    done("assign", KEY, str(BUY), "--split", "alpha=6,beta=4", *SAID)
    assert owner() == ("", {"alpha": 6, "beta": 4})
    done("assign", KEY, str(BUY), "--split", "beta=4", "--strategy", "alpha", *SAID)
    assert owner() == ("alpha", {"beta": 4})
    done("assign", KEY, str(BUY), "--strategy", "", *SAID)
    assert owner() == ("", {})


def test_an_order_may_be_named_as_the_table_shows_it() -> None:
    shown = done("external", KEY)
    assert "B2" in shown
    assert "1 of 1" in done("assign", KEY, "B2", "--strategy", "alpha", "--allow-short", *SAID)
    assert owner(SELL) == ("alpha", {})
    assert owner() == ("", {})
    assert "alpha" in done("external", KEY)
    done("assign", KEY, str(BUY), "--split", "alpha=6", "--strategy", "beta", *SAID)
    assert "alpha=6, beta" in " ".join(done("external", KEY).split())
    assert "1 of 1" in done("undo-assignment", KEY, "B2", *SAID)
    assert owner(SELL) == ("", {})
    assert "no order 'B9'; see: tradesync external acme/main --days 30" in refused(
        "assign", KEY, "B9", "--strategy", "alpha", *SAID
    )


def test_a_brokers_id_that_came_back_on_another_day_is_not_guessed(store: SqlStore) -> None:
    with store.begin([1]) as work:
        [today] = [one for one in work.orders([1], date.min) if one.order_id == SELL]
        earlier = today.broker.trade_date - timedelta(days=1)
        row = replace(today.broker, trade_date=earlier)
        work.put_orders([replace(today, order_id=UUID(int=9), broker=row)], [])
    said = refused("assign", KEY, "B2", "--strategy", "alpha", *SAID)
    assert "more than one" in said
    for name in (f"{SELL} of {today.broker.trade_date}", f"{UUID(int=9)} of {earlier}"):
        assert name in said
    done("assign", KEY, str(UUID(int=9)), "--strategy", "alpha", "--allow-short", *SAID)
    assert owner(SELL) == ("", {})
    assert "more than one" in refused("attribution", "history", "B2")
    for when, owners in ((today.broker.trade_date, []), (earlier, ["alpha"])):
        named = ("B2", "--account", KEY, "--date", str(when))
        told = json.loads(done("attribution", "history", *named, "--json"))
        assert [one["owner"] for one in told] == owners
    assert "nothing was decided" in refused("attribution", "show", *named)
    long_ago = ("B2", "--date", "2001-01-01")
    assert "any account has no order 'B2' of 2001-01-01" in refused(
        "attribution", "history", *long_ago
    )


def test_undoing_goes_back_and_the_history_tells() -> None:
    told = done("assign", KEY, str(BUY), "--split", "alpha=6,beta=4", *SAID)
    found = re.search(r"assignment ([0-9a-f-]{36})", told)
    assert found is not None
    undo = ("undo-assignment", KEY, str(BUY), "--who", "ravi", "--why", "wrong day")
    assert "1 of 1" in done(*undo, "--assignment", found[1])
    assert "0 of 1" in done(*undo, "--assignment", found[1])
    assert owner() == ("", {})
    assert "1 of 1" in done(*undo)
    assert owner() == ("", {"alpha": 6, "beta": 4})
    rows = json.loads(done("attribution", "history", str(BUY), "--json"))
    assert [(one["kind"], one["who"]) for one in rows] == [
        ("assignment_undone", "ravi"), ("assignment_undone", "ravi"), ("assigned", "asha"),
    ]  # fmt: skip
    assert "wrong day" in done("attribution", "history", str(BUY))
    assert "undo that one first" in refused(*undo, "--assignment", str(UUID(int=1)))
    assert "there is no order" in refused("attribution", "history", str(UUID(int=1)))


def test_a_sell_of_what_a_strategy_has_not_is_refused_unless_it_may_be_short() -> None:
    sell = ("assign", KEY, str(SELL), "--strategy", "beta", *SAID)
    assert "beta lacks 10 of NSE:INFY" in refused(*sell)
    assert owner(SELL) == ("", {})
    done(*sell, "--allow-short")
    assert owner(SELL) == ("beta", {})
    undo = ("undo-assignment", KEY, str(SELL), *SAID)
    done(*undo)
    assert "--allow-short" in refused(*undo)
    done(*undo, "--allow-short")


def test_what_is_typed_wrongly_is_told() -> None:
    for arguments, said in (
        ((), "--strategy NAME, --split"),
        (("--split", ""), "--strategy NAME, --split"),
        (("--split", "alpha:6"), "alpha=60,beta=40"),
        (("--split", "alpha=6,alpha=4"), "named twice"),
        (("--split", "alpha=6,beta=5"), "11 together"),
        (("--strategy", "gamma"), "tradesync strategies add acme gamma"),
    ):
        assert said in refused("assign", KEY, str(BUY), *arguments, *SAID)
    assert owner() == ("", {})
    assert "up to 64 letters" in refused("strategies", "add", "acme", "two words")
