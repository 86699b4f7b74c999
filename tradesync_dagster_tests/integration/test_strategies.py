"""Strategies' books and metrics follow every change of an order's owner."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from tradesync_dagster.domain.errors import OrderNotFoundError
from tradesync_dagster.domain.money import parse_price
from tradesync_dagster.sync.assigning import Assignment
from tradesync_dagster_tests.support.desk import Desk, open_desk

ACCOUNT = "desk/SIM001"


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    with open_desk(database_url, tmp_path) as desk:
        for name in ("momentum", "hedge"):
            desk.services.add_strategy("desk", name)
        yield desk


def give(desk: Desk, strategy: str, *broker_ids: str, allow_short: bool = False) -> int:
    rows = desk.services.orders(ACCOUNT, days=10)
    ids = [UUID(row["order_id"]) for row in rows if row["broker_order_id"] in broker_ids]
    assert len(ids) == len(broker_ids)
    wanted = Assignment(ids, strategy, "asha", "placed by her", allow_short=allow_short)
    return len(desk.services.assign(ACCOUNT, wanted).order_ids)


def metrics(desk: Desk) -> dict[str | None, dict[str, Any]]:
    return {row["strategy_id"]: row for row in desk.services.metrics(ACCOUNT)}


def test_a_change_of_owner_moves_lots_profit_and_metrics(desk: Desk) -> None:
    bought = desk.by_hand("BUY", 10)
    desk.sync()
    desk.clock.move(timedelta(days=1))
    sold = desk.by_hand("SELL", 4)
    desk.sync()
    whole = metrics(desk)
    assert set(whole) == {None}

    assert give(desk, "momentum", bought, sold) == 2
    owned = metrics(desk)
    same = ("realised_pnl", "unrealised_pnl", "exposure", "drawdown", "holdings", "win_rate")
    assert {name: owned["momentum"][name] for name in same} == {
        name: whole[None][name] for name in same
    }
    assert owned[None] == whole[None]

    assert give(desk, "hedge", sold, allow_short=True) == 1
    split = metrics(desk)
    assert [split[name]["realised_pnl"] for name in ("momentum", "hedge")] == ["0.00", "0.00"]
    assert split["momentum"]["holdings"] == split["hedge"]["holdings"] == 1
    price = parse_price(desk.services.positions(ACCOUNT)[0]["average_price"])
    assert parse_price(split["hedge"]["exposure"]) == 4 * price

    assert give(desk, "", bought, sold) == 2
    assert give(desk, "", bought, sold) == 0
    assert metrics(desk) == whole
    assert desk.services.replay()[ACCOUNT].differences == ()


def test_each_change_is_an_event_and_the_next_sync_keeps_it(desk: Desk) -> None:
    bought = desk.by_hand("BUY", 10)
    desk.sync()
    give(desk, "momentum", bought)
    desk.clock.move(timedelta(seconds=90))
    desk.sync()
    [row] = desk.services.orders(ACCOUNT)
    assert row["strategy_id"] == "momentum"
    with desk.services.store.reading() as connection:
        found = connection.exec_driver_sql(
            "SELECT detail FROM order_events WHERE kind = 'assigned'"
        ).scalars()
        details = [str(detail) for detail in found]
    assert len(details) == 1
    assert all(word in details[0] for word in ("asha", "placed by her", "momentum"))


def test_an_unknown_order_is_refused_and_nothing_changes(desk: Desk) -> None:
    bought = desk.by_hand("BUY", 10)
    desk.sync()
    [row] = desk.services.orders(ACCOUNT)
    ids = [UUID(row["order_id"]), uuid4()]
    with pytest.raises(OrderNotFoundError, match="tradesync orders"):
        desk.services.assign(ACCOUNT, Assignment(ids, "momentum", "asha", "by mistake"))
    assert bought == row["broker_order_id"]
    assert desk.services.orders(ACCOUNT)[0]["strategy_id"] == ""
