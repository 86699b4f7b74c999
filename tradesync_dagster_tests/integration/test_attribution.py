"""External orders find their owners in the sync that confirms them, on both databases."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event

from tradesync_dagster.domain.attribution import VERSIONS
from tradesync_dagster.domain.errors import ConfigurationError, OrderNotFoundError
from tradesync_dagster.sync.assigning import Assignment
from tradesync_dagster_tests.support.desk import Desk

ACCOUNT = "desk/SIM001"


def row(desk: Desk, broker_id: str) -> dict[str, Any]:
    rows = desk.services.orders(ACCOUNT, days=10)
    [found] = [one for one in rows if one["broker_order_id"] == broker_id]
    return found


def give(desk: Desk, strategy: str, broker_id: str) -> None:
    desk.services.add_strategy("desk", strategy)
    order_id = UUID(row(desk, broker_id)["order_id"])
    wanted = Assignment([order_id], strategy, "asha", "hers", allow_short=True)
    assert desk.services.assign(ACCOUNT, wanted).order_ids == (order_id,)


def owner(desk: Desk, broker_id: str) -> tuple[str, int]:
    found = row(desk, broker_id)
    return found["strategy_id"], found["confidence"]


def why(desk: Desk, broker_id: str) -> dict[str, Any]:
    [decision] = desk.services.attribution(UUID(row(desk, broker_id)["order_id"]))
    return decision


def traded(desk: Desk, side: str, quantity: int, **more: Any) -> str:
    """Trade by hand, and let the sync confirm it."""
    broker_id = desk.by_hand(side, quantity, **more)
    desk.sync()
    assert row(desk, broker_id)["origin"] == "external"
    return broker_id


def held_by(desk: Desk, *strategies: str, quantity: int = 10, **more: Any) -> None:
    """Let strategies buy, a day ago."""
    for strategy in strategies:
        give(desk, strategy, traded(desk, "BUY", quantity, **more))
    desk.clock.move(timedelta(days=1))


def counted(desk: Desk) -> dict[str, Any]:
    with desk.services.store.reading() as connection:
        return {
            table: connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar()  # noqa: S608
            for table in ("orders", "order_events", "attributions", "strategies", "lots")
        } | {"versions": connection.exec_driver_sql("SELECT sum(version) FROM snapshots").scalar()}


def test_an_external_sell_of_a_strategys_holding_goes_to_it(desk: Desk) -> None:
    held_by(desk, "momentum")
    sold = traded(desk, "SELL", 4)
    strategy_id, confidence = owner(desk, sold)
    assert (strategy_id, confidence) == ("momentum", 85)
    decision = why(desk, sold)
    [candidate] = decision["candidates"]
    assert (decision["reason"], decision["version"], decision["wanted"]) == ("assigned", "1", 4)
    assert (candidate["position"], candidate["activity"], candidate["claim"]) == (70, 40, 0)
    assert candidate["evidence"]["held"] == 10
    metrics = {one["strategy_id"]: one for one in desk.services.metrics(ACCOUNT)}
    assert metrics["momentum"]["exposure"] == metrics[None]["exposure"]
    assert metrics["momentum"]["realised_pnl"] == metrics[None]["realised_pnl"]
    assert desk.services.replay()[ACCOUNT].differences == ()
    with desk.services.store.reading() as connection:
        query = "SELECT detail FROM order_events WHERE kind = 'attributed'"
        details = [str(detail) for detail in connection.exec_driver_sql(query).scalars()]
    assert len(details) == 2
    assert any('"position"' in d or "'position'" in d for d in details), details


def test_a_claim_decides_between_two_holders(desk: Desk) -> None:
    for name in ("momentum", "hedge"):
        desk.services.add_strategy("desk", name)
    held_by(desk, "momentum", "hedge")
    assert owner(desk, traded(desk, "SELL", 3))[0] == "", "ambiguous"
    desk.services.add_claim(ACCOUNT, "hedge", "BSE:INFY", "asha")
    assert owner(desk, traded(desk, "SELL", 3)) == ("hedge", 100)
    assert owner(desk, traded(desk, "BUY", 3))[0] == "hedge"
    [claim] = desk.services.claims("desk")
    desk.services.remove_claim(claim["claim_id"])
    assert owner(desk, traded(desk, "SELL", 3))[0] == ""


def test_an_ambiguous_order_stays_unassigned_and_says_between_whom(desk: Desk) -> None:
    held_by(desk, "momentum", "hedge")
    sold = traded(desk, "SELL", 3)
    assert owner(desk, sold) == ("", 85)
    decision = why(desk, sold)
    assert (decision["reason"], decision["runner_up"]) == ("too_close", "momentum")
    assert [one["score"] for one in decision["candidates"]] == [85, 85]
    [unowned] = desk.services.unassigned_orders(ACCOUNT)
    assert unowned["broker_order_id"] == sold


def test_a_lone_strategy_without_evidence_for_the_symbol_gets_nothing(desk: Desk) -> None:
    desk.services.add_strategy("desk", "momentum")
    held_by(desk, "momentum", tradingsymbol="TCS")
    bought = traded(desk, "BUY", 10)
    strategy_id, confidence = owner(desk, bought)
    assert strategy_id == ""
    assert 0 < confidence < 70
    assert why(desk, bought)["reason"] == "below_threshold"
    keen = desk.with_settings(auto_create_strategy=True)
    assert owner(keen, traded(keen, "BUY", 10, tradingsymbol="ITC")) == ("external", 0)


def test_a_tag_names_the_owner_but_not_of_what_it_has_not(desk: Desk) -> None:
    desk.services.add_strategy("desk", "mean-reversion")
    bought = traded(desk, "BUY", 5, tag="meanreversion7")
    assert owner(desk, bought) == ("mean-reversion", 100)
    desk.clock.move(timedelta(days=1))
    traded(desk, "BUY", 5)  # the account's, not the strategy's
    sold = traded(desk, "SELL", 6, tag="meanreversion8")
    assert owner(desk, sold) == ("", 0)
    assert why(desk, sold)["reason"] == "lacks_quantity"


def test_two_sells_of_one_look_cannot_both_take_the_same_shares(desk: Desk) -> None:
    assert owner(desk, traded(desk, "BUY", 10))[0] == "", "the account's, no strategy's"
    held_by(desk, "momentum")
    first = desk.by_hand("SELL", 6)
    desk.clock.move(timedelta(seconds=1))
    second = desk.by_hand("SELL", 6)
    desk.sync()
    assert (owner(desk, first)[0], owner(desk, second)[0]) == ("momentum", "")


def test_what_a_strategy_sold_between_two_looks_is_no_longer_its_own(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = {"tradingsymbol": "IDEA"}  # the market offers at most 800 at once
    traded(desk, "BUY", 1000, **many)
    bought = desk.by_hand("BUY", 1000, **many)
    desk.step(20)
    desk.sync()
    give(desk, "momentum", bought)
    desk.clock.move(timedelta(days=1))
    ours = desk.by_hand("SELL", 1000, tag="ts0001", **many)
    desk.sync()
    give(desk, "momentum", ours)
    left = row(desk, ours)["pending_quantity"]
    assert left > 0
    sold = desk.by_hand("SELL", left, **many)
    move = desk.clock.move

    def trade_and_move(by: timedelta) -> None:
        desk.step(20)
        move(by)

    monkeypatch.setattr(desk.clock, "move", trade_and_move)
    desk.sync()
    assert row(desk, ours)["status"] == "executed"
    assert owner(desk, sold)[0] == ""


def test_a_buy_and_a_sell_of_one_look_follow_one_another(desk: Desk) -> None:
    desk.services.add_strategy("desk", "momentum")
    bought = desk.by_hand("BUY", 6, tag="momentum1")
    desk.clock.move(timedelta(seconds=1))
    sold = desk.by_hand("SELL", 6)
    desk.sync()
    assert (owner(desk, bought)[0], owner(desk, sold)[0]) == ("momentum", "momentum")
    assert desk.services.replay()[ACCOUNT].differences == ()


def test_the_automatic_strategy_takes_what_nobody_owns_and_sells_only_what_it_has(
    desk: Desk,
) -> None:
    desk.services.add_strategy("desk", "momentum")
    keen = desk.with_settings(auto_create_strategy=True)
    assert [one["strategy_id"] for one in keen.services.strategies("desk")] == ["momentum"]
    bought = traded(keen, "BUY", 10)
    assert owner(keen, bought) == ("external", 0)
    made = {one["strategy_id"]: one["automatic"] for one in keen.services.strategies("desk")}
    assert made == {"external": True, "momentum": False}
    keen.clock.move(timedelta(days=1))
    assert owner(keen, traded(keen, "SELL", 4)) == ("external", 0)
    assert owner(keen, traded(keen, "BUY", 4, tag="momentum1"))[0] == "momentum"
    assert owner(keen, traded(keen, "SELL", 7))[0] == ""
    metrics = {one["strategy_id"] for one in keen.services.metrics(ACCOUNT)}
    assert metrics == {None, "external", "momentum"}
    assert keen.services.replay()[ACCOUNT].differences == ()


def test_the_threshold_is_a_setting(desk: Desk) -> None:
    held_by(desk, "momentum")
    strict = desk.with_settings(confidence_threshold=86)
    assert owner(strict, traded(strict, "SELL", 4)) == ("", 85)


def test_a_version_of_the_rules_is_tried_over_history_and_then_switched_on(desk: Desk) -> None:
    held_by(desk, "momentum")
    assert owner(desk, traded(desk, "SELL", 3))[0] == "momentum"
    words = desk.with_settings(attribution_rules="words")
    _, [changed] = desk.services.try_attribution(words.services.attribution_rules())
    assert (changed["decided"], changed["would_be"]) == ("momentum", "")
    sold = traded(words, "SELL", 4)
    assert (owner(words, sold)[0], why(words, sold)["version"]) == ("", "words")


def test_a_sync_again_changes_nothing(desk: Desk) -> None:
    held_by(desk, "momentum", "hedge")
    traded(desk, "SELL", 4)
    traded(desk, "BUY", 4, tradingsymbol="TCS")
    desk.sync()
    before = (counted(desk), desk.services.orders(ACCOUNT, days=10))
    for _ in range(2):
        desk.clock.move(timedelta(seconds=90))
        assert "external_orders" not in desk.one().changed
    after = (counted(desk), desk.services.orders(ACCOUNT, days=10))
    moved = {"last_seen_at", "last_status_check"}
    plain = [
        [{k: v for k, v in o.items() if k not in moved} for o in one[1]] for one in (before, after)
    ]
    assert plain[0] == plain[1]
    assert before[0] == after[0]


def test_a_candidate_that_somebody_gave_away_keeps_its_owner(desk: Desk) -> None:
    held_by(desk, "momentum")
    blind = desk.with_settings(external_order_detection_enabled=False)
    sold = blind.by_hand("SELL", 4)
    blind.sync()
    give(desk, "hedge", sold)
    desk.clock.move(timedelta(seconds=90))
    desk.sync()
    found = row(desk, sold)
    assert (found["origin"], found["strategy_id"]) == ("external", "hedge")
    assert found["confidence"] is None
    with pytest.raises(OrderNotFoundError, match="nothing was decided"):
        why(desk, sold)


def test_nothing_is_asked_of_the_books_when_nothing_was_confirmed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    traded(desk, "BUY", 4)
    asked: list[str] = []
    engine = desk.services.store.engine

    def note(*arguments: Any) -> None:
        asked.append(arguments[2])

    event.listen(engine, "before_cursor_execute", note)
    desk.clock.move(timedelta(seconds=90))
    desk.sync()
    assert asked
    assert not [text for text in asked if "claims" in text or "attributions" in text]
    traded(desk, "BUY", 4)
    assert len([text for text in asked if "FROM claims" in text]) == 1


def test_other_rules_are_tried_over_history_and_nothing_is_written(desk: Desk) -> None:
    desk.services.add_strategy("desk", "momentum")
    held_by(desk, "momentum")
    traded(desk, "BUY", 3, tag="momentum1")
    sold = traded(desk, "SELL", 3)
    assert owner(desk, sold) == ("momentum", 85)
    before = counted(desk)
    services, rules = desk.services, desk.services.attribution_rules()
    assert services.try_attribution(rules, ACCOUNT) == (3, [])
    for other in (replace(rules, threshold=86), VERSIONS["words"]):
        count, [change] = services.try_attribution(other)
        assert count == 3
        assert (change["account"], change["broker_order_id"]) == (ACCOUNT, sold)
        assert (change["decided"], change["would_be"]) == ("momentum", "")
    assert services.try_attribution(rules, "desk/SIM002") == (0, [])
    assert services.try_attribution(replace(rules, threshold=86), ACCOUNT, days=1)[0] == 2
    assert counted(desk) == before


def test_what_does_not_exist_is_refused_in_words(desk: Desk) -> None:
    services = desk.services
    for refused in (
        lambda: services.add_strategy("nobody", "x"),
        lambda: services.add_strategy("desk", " "),
        lambda: services.add_claim("desk", "unknown", "NSE:INFY", "asha"),
        lambda: services.add_claim("desk/SIM999", "unknown", "NSE:INFY", "asha"),
        lambda: services.add_claim("desk", "unknown", "INFY", "asha"),
        lambda: services.remove_claim(UUID(int=1)),
        lambda: services.attribution(UUID(int=1)),
    ):
        with pytest.raises(ConfigurationError):
            refused()
