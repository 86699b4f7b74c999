"""Orders are split, given back and given again by hand; books and metrics follow."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from tradesync_dagster.domain.errors import (
    AssignmentRefusedError,
    OrderNotFoundError,
    StrategyNotFoundError,
    ValueRefusedError,
)
from tradesync_dagster.domain.money import parse_price
from tradesync_dagster.domain.order_parts import Part, parts_from
from tradesync_dagster.sync.assigning import Assigned, Assignment, Undo
from tradesync_dagster_tests.support.desk import Desk

ACCOUNT = "desk/SIM001"
FIGURES = ("realised_pnl", "unrealised_pnl", "win_rate", "exposure", "drawdown")


@pytest.fixture(autouse=True)
def strategies(desk: Desk) -> None:
    for name in ("alpha", "beta"):
        desk.services.add_strategy("desk", name)


def row(desk: Desk, broker_id: str) -> dict[str, Any]:
    rows = desk.services.orders(ACCOUNT, days=30)
    [found] = [one for one in rows if one["broker_order_id"] == broker_id]
    return found


def ids(desk: Desk, *broker_ids: str) -> list[UUID]:
    return [UUID(row(desk, one)["order_id"]) for one in broker_ids]


def give(
    desk: Desk, strategy: str, *broker_ids: str, parts: str = "", allow_short: bool = False
) -> Assigned:
    split = parts_from(parts)
    wanted = Assignment(ids(desk, *broker_ids), strategy, "asha", "hers", split, allow_short)
    return desk.services.assign(ACCOUNT, wanted)


def undo(desk: Desk, *broker_ids: str, of: UUID | None = None, **more: Any) -> Assigned:
    wanted = Undo(ids(desk, *broker_ids), "ravi", "by mistake", of, **more)
    return desk.services.undo(ACCOUNT, wanted)


def history(desk: Desk, broker_id: str) -> list[dict[str, Any]]:
    [order_id] = ids(desk, broker_id)
    return desk.services.assignments(order_id, ACCOUNT)


def metrics(desk: Desk) -> dict[str | None, dict[str, Any]]:
    return {one["strategy_id"]: one for one in desk.services.metrics(ACCOUNT)}


def units(desk: Desk) -> dict[str, int]:
    (account,) = desk.services.chosen(ACCOUNT)
    with desk.services.store.look() as work:
        return {key[1]: n for key, n in work.open_units([account.account_id]).items() if n}


def proven(desk: Desk) -> bool:
    found = desk.services.replay()[ACCOUNT]
    return found.differences == () and not found.stale


def bought(desk: Desk, quantity: int, side: str = "BUY", **more: Any) -> str:
    broker_id = desk.by_hand(side, quantity, **more)
    desk.sync("desk/SIM001")
    return broker_id


def test_a_split_and_its_undoing_move_every_figure_there_and_back(desk: Desk) -> None:
    first = bought(desk, 10)
    desk.clock.move(timedelta(days=1))
    sold = bought(desk, 4, "SELL")
    give(desk, "alpha", first, sold)
    before = metrics(desk)
    assert {name: before["alpha"][name] for name in FIGURES} == {
        name: before[None][name] for name in FIGURES
    }

    done = give(desk, "", first, parts="alpha=6,beta=3")
    assert (len(done.order_ids), row(desk, first)["strategy_id"]) == (1, "")
    assert row(desk, first)["parts"] == [
        {"strategy_id": "alpha", "quantity": 6}, {"strategy_id": "beta", "quantity": 3},
    ]  # fmt: skip
    split = metrics(desk)
    assert units(desk) == {"alpha": 2, "beta": 3}
    assert split[None] == before[None], "the account's own books stay"
    price = parse_price(desk.services.positions(ACCOUNT)[0]["last_price"] or "0")
    assert [parse_price(split[name]["exposure"]) for name in ("alpha", "beta")] == [
        2 * price, 3 * price,
    ]  # fmt: skip
    assert split["alpha"]["realised_pnl"] == before["alpha"]["realised_pnl"], "the first units"
    assert split["beta"]["realised_pnl"] == "0.00"
    assert split["beta"]["win_rate"] is None
    whole, parts = (
        sum(parse_price(one[name]["unrealised_pnl"]) for name in names)
        for one, names in ((split, (None,)), (split, ("alpha", "beta")))
    )
    assert 5 * whole == 6 * parts, "5 of the 6 open units are somebody's"
    assert proven(desk)

    assert undo(desk, first).order_ids == done.order_ids
    assert metrics(desk) == before
    assert undo(desk, first).order_ids == done.order_ids, "undoing the undoing does it again"
    assert metrics(desk) == split
    assert proven(desk)


def test_an_order_that_still_fills_is_shared_unit_by_unit(desk: Desk) -> None:
    many = {"tradingsymbol": "IDEA"}  # the market offers at most 800 at once
    order = bought(desk, 1000, **many)
    filled = row(desk, order)["filled_quantity"]
    assert 0 < filled < 1000
    give(desk, "", order, parts=f"alpha={filled + 10},beta=100")
    assert units(desk) == {"alpha": filled}
    desk.step(20)
    desk.clock.move(timedelta(seconds=90))
    desk.sync("desk/SIM001")
    assert row(desk, order)["filled_quantity"] == 1000
    assert units(desk) == {"alpha": filled + 10, "beta": 100}
    assert proven(desk)
    [left] = desk.services.unassigned_orders(ACCOUNT)
    assert left["broker_order_id"] == order, "some of it is nobody's yet"
    give(desk, "alpha", order, parts="beta=100")
    assert units(desk) == {"alpha": 900, "beta": 100}
    assert desk.services.unassigned_orders(ACCOUNT) == []
    assert proven(desk)


def test_every_change_says_who_when_why_and_what_it_replaced(desk: Desk) -> None:
    order = bought(desk, 10, tag="alpha1")
    assert row(desk, order)["strategy_id"] == "alpha", "by its tag"
    confidence = row(desk, order)["confidence"]
    done = give(desk, "", order, parts="alpha=6,beta=4")
    undo(desk, order, of=done.assignment_id)
    assert (row(desk, order)["strategy_id"], row(desk, order)["confidence"]) == (
        "alpha", confidence,
    )  # fmt: skip
    undone, split, attributed = history(desk, order)
    assert (attributed["kind"], attributed["owner"], attributed["score"]) == (
        "attributed", "alpha", 100,
    )  # fmt: skip
    assert attributed["who"] == "attribution by rules 1"
    assert (split["who"], split["why"], split["owner_before"], split["parts"]) == (
        "asha", "hers", "alpha", "alpha=6,beta=4",
    )  # fmt: skip
    assert (undone["who"], undone["owner"], undone["parts_before"], undone["undoes"]) == (
        "ravi", "alpha", "alpha=6,beta=4", str(done.assignment_id),
    )  # fmt: skip
    assert undone["at"] > split["at"] > attributed["at"]
    with pytest.raises(OrderNotFoundError, match="there is no order"):
        desk.services.assignments(ids(desk, order)[0], "desk/SIM002")


def test_asking_again_changes_nothing(desk: Desk) -> None:
    order = bought(desk, 10)
    done = give(desk, "", order, parts="alpha=6")
    assert give(desk, "", order, parts="alpha=6") == Assigned((), None)
    assert done.assignment_id is not None
    assert undo(desk, order, of=done.assignment_id).order_ids == done.order_ids
    assert undo(desk, order, of=done.assignment_id) == Assigned((), None)
    assert len(history(desk, order)) == 3, "attributed to nobody, assigned, undone"


def test_what_changed_since_is_not_undone(desk: Desk) -> None:
    order = bought(desk, 10)
    with pytest.raises(AssignmentRefusedError, match="nobody has assigned"):
        undo(desk, order)
    first = give(desk, "alpha", order)
    give(desk, "beta", order)
    with pytest.raises(AssignmentRefusedError, match="undo that one first"):
        undo(desk, order, of=first.assignment_id)
    assert row(desk, order)["strategy_id"] == "beta"
    (account,) = desk.services.chosen(ACCOUNT)
    with desk.services.store.writing() as connection:
        connection.exec_driver_sql("UPDATE orders SET strategy_id = 'alpha'")
    with pytest.raises(AssignmentRefusedError, match="changed its owner since asha"):
        undo(desk, order)
    with pytest.raises(OrderNotFoundError):
        desk.services.undo(ACCOUNT, Undo([uuid4()], "ravi", "?"))
    assert account.key == ACCOUNT


def test_a_clock_that_was_set_back_keeps_events_in_order(desk: Desk) -> None:
    order = bought(desk, 10)
    give(desk, "alpha", order)
    desk.clock.moment -= timedelta(hours=1)
    give(desk, "beta", order)
    assert [one["owner"] for one in history(desk, order)] == ["beta", "alpha", ""]
    undo(desk, order)
    assert row(desk, order)["strategy_id"] == "alpha"


def test_a_sell_never_goes_to_a_strategy_that_lacks_the_quantity(desk: Desk) -> None:
    first, others = bought(desk, 10), bought(desk, 10)
    desk.clock.move(timedelta(days=1))
    sold = bought(desk, 8, "SELL")
    with pytest.raises(AssignmentRefusedError, match=r"beta lacks 8 of NSE:INFY \(CNC\)"):
        give(desk, "beta", sold)
    assert (row(desk, sold)["strategy_id"], units(desk)) == ("", {})
    give(desk, "", first, parts="beta=5,alpha=5")
    with pytest.raises(AssignmentRefusedError, match="beta lacks 3"):
        give(desk, "beta", sold)
    with pytest.raises(AssignmentRefusedError, match="alpha lacks 1"):
        give(desk, "", sold, parts="alpha=6,beta=2")
    give(desk, "", sold, parts="alpha=5,beta=3")
    assert units(desk) == {"beta": 2}
    undo(desk, sold)
    give(desk, "beta", sold, allow_short=True)
    assert units(desk) == {"alpha": 5, "beta": -3}
    assert history(desk, sold)[0]["short_allowed"]
    undo(desk, sold)
    with pytest.raises(AssignmentRefusedError, match="lacks 3"):
        undo(desk, sold)
    undo(desk, sold, allow_short=True)
    give(desk, "beta", others, sold)
    assert units(desk) == {"alpha": 5, "beta": 7}
    assert proven(desk)


def test_what_was_sold_later_counts_and_so_does_what_may_yet_trade(desk: Desk) -> None:
    mine, theirs = bought(desk, 10), bought(desk, 10)
    desk.clock.move(timedelta(days=1))
    early = bought(desk, 6, "SELL")
    desk.clock.move(timedelta(days=1))
    late = bought(desk, 6, "SELL")
    give(desk, "alpha", mine, late)
    with pytest.raises(AssignmentRefusedError, match="alpha lacks 2"):
        give(desk, "alpha", early)
    give(desk, "beta", theirs, early)
    waiting = bought(desk, 6, "SELL", order_type="LIMIT", price="99999")
    assert row(desk, waiting)["filled_quantity"] == 0
    if row(desk, waiting)["status"] == "open":
        with pytest.raises(AssignmentRefusedError, match="beta lacks 2"):
            give(desk, "beta", waiting)
        give(desk, "", waiting, parts="alpha=3,beta=3")


def test_a_buy_is_not_taken_from_a_strategy_that_has_sold_what_it_brought(desk: Desk) -> None:
    first, sold = bought(desk, 10), bought(desk, 8, "SELL")
    give(desk, "alpha", first, sold)
    for owner, parts in (("beta", ""), ("", ""), ("alpha", "beta=3")):
        with pytest.raises(
            AssignmentRefusedError, match=r"alpha is short of \d+ of NSE:INFY \(CNC\)"
        ):
            give(desk, owner, first, parts=parts)
    with pytest.raises(AssignmentRefusedError, match="alpha is short of 8"):
        undo(desk, first)
    assert units(desk) == {"alpha": 2}
    give(desk, "alpha", first, parts="beta=2")
    give(desk, "beta", first, sold)
    give(desk, "", first, allow_short=True)
    assert (units(desk), proven(desk)) == ({"beta": -8}, True)


def test_what_cannot_be_given_is_refused_and_nothing_changes(desk: Desk) -> None:
    order = bought(desk, 10)
    with pytest.raises(StrategyNotFoundError, match="tradesync strategies add desk gamma"):
        give(desk, "gamma", order)
    with pytest.raises(StrategyNotFoundError, match="tradesync strategies add desk gamma"):
        give(desk, "", order, parts="alpha=1,gamma=1")
    with pytest.raises(AssignmentRefusedError, match="11 together, and the order"):
        give(desk, "", order, parts="alpha=6,beta=5")
    with pytest.raises(AssignmentRefusedError, match="named twice"):
        give(desk, "alpha", order, parts="alpha=6")
    wanted = Assignment(ids(desk, order), "", "asha", "hers", (Part("alpha", -1),))
    with pytest.raises(ValueRefusedError, match="1 or more"):
        desk.services.assign(ACCOUNT, wanted)
    found = row(desk, order)
    assert (found["strategy_id"], found["parts"], len(history(desk, order))) == ("", [], 1)


def test_a_candidate_that_somebody_shared_out_is_not_attributed(desk: Desk) -> None:
    blind = desk.with_settings(external_order_detection_enabled=False)
    order = blind.by_hand("BUY", 10, tag="beta7")
    blind.sync("desk/SIM001")
    give(desk, "", order, parts="alpha=4")
    desk.clock.move(timedelta(seconds=90))
    desk.sync("desk/SIM001")
    found = row(desk, order)
    assert (found["origin"], found["strategy_id"]) == ("external", "")
    assert found["parts"] == [{"strategy_id": "alpha", "quantity": 4}]


def test_a_part_of_an_order_is_evidence_for_the_next_one(desk: Desk) -> None:
    bought(desk, 20)
    give(desk, "", bought(desk, 10), parts="alpha=6,beta=4")
    desk.clock.move(timedelta(days=1))
    sold = bought(desk, 5, "SELL")
    assert row(desk, sold)["strategy_id"] == "alpha", "beta has 4 only"
