"""``tradesync strategies``, ``claims`` and ``attribution`` over real SQLite books."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from tradesync_dagster.domain.attribution import AttributionRules, Evidence, decide, parts_of
from tradesync_dagster.domain.attribution_rows import Attribution
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.orders import Order, OrderStatus, Origin, Side
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.support.commands import refused, told, tradesync
from tradesync_dagster_tests.support.commands_clock import set_clock
from tradesync_dagster_tests.support.orders import sample_order

KEY = "acme/main"
ORDER_ID = UUID(int=7)
AT = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def given(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """One external order that a strategy was given."""
    set_clock(monkeypatch, AT)
    row = replace(sample_order(AT, side=Side.SELL, product="CNC"), trade_date=trade_date_of(AT))
    order = Order(ORDER_ID, 1, row, Origin.EXTERNAL, OrderStatus.OPEN, AT, AT)
    rules = AttributionRules()
    found = decide(Side.SELL, 10, [Evidence("trend", held=10), Evidence("hedge", held=9)], rules)
    with store.begin([1]) as work:
        work.put_orders([replace(order, strategy_id="trend", confidence=found.score)], [])
        parts = parts_of(Side.SELL, 10, found, rules) | {"automatic": False}
        work.put_attributions(
            [Attribution(ORDER_ID, "1", AT, "trend", found.score, found.runner_up, parts)]
        )


def test_strategies_are_added_once_and_listed() -> None:
    for name in ("Trend following", "again"):
        assert tradesync("strategies", "add", "acme", "trend", "--name", name).exit_code == 0
    [row] = told("strategies", "list")
    assert (row["strategy_id"], row["name"], row["automatic"]) == (
        "trend", "Trend following", False,
    )  # fmt: skip
    assert told("strategies", "list", "another") == []
    assert "no account is of the organization 'another'" in refused(
        "strategies", "add", "another", "trend"
    )


def test_claims_are_added_listed_and_removed() -> None:
    assert "tradesync strategies add acme trend" in refused(
        "claims", "add", KEY, "trend", "NSE:INFY", "--who", "asha"
    )
    tradesync("strategies", "add", "acme", "trend")
    for where in (KEY, "acme", "acme"):
        done = tradesync("claims", "add", where, "trend", "NSE:INFY", "--who", "asha")
        assert done.exit_code == 0, done.output
    rows = told("claims", "list")
    assert sorted(row["account"] for row in rows) == ["", KEY]
    assert {row["who"] for row in rows} == {"asha"}
    assert tradesync("claims", "remove", rows[0]["claim_id"]).exit_code == 0
    assert told("claims", "list") == rows[1:]
    assert "tradesync claims list" in refused("claims", "remove", rows[0]["claim_id"])
    assert "EXCHANGE:SYMBOL" in refused("claims", "add", KEY, "trend", "INFY", "--who", "asha")


def test_a_decision_is_shown_with_every_part() -> None:
    [decision] = told("attribution", "show", str(ORDER_ID))
    assert [one["strategy_id"] for one in decision["candidates"]] == ["trend", "hedge"]
    assert [one["lacks_quantity"] for one in decision["candidates"]] == [False, True]
    assert decision["candidates"][0]["position"] == decision["score"] == 70
    broker_order_id = decision["broker_order_id"]
    assert told("attribution", "show", broker_order_id, "--account", KEY) == [decision]
    assert told("attribution", "show", broker_order_id) == [decision]
    drawn = tradesync("attribution", "show", str(ORDER_ID)).stdout
    assert "SELL 10 NSE:INFY: trend (assigned, 70 of 70 points) by rules 1" in drawn
    assert "nothing was decided" in refused("attribution", "show", str(UUID(int=8)))


def test_a_decision_for_which_nothing_spoke_says_so(store: SqlStore) -> None:
    nothing = decide(Side.SELL, 10, [], AttributionRules())
    parts = parts_of(Side.SELL, 10, nothing, AttributionRules()) | {"automatic": False}
    with store.begin([1]) as work:
        work.put_attributions([Attribution(ORDER_ID, "1", AT, "", 0, "", parts)])
    drawn = tradesync("attribution", "show", str(ORDER_ID)).stdout
    assert "no_evidence, 0 of 70 points" in drawn
    assert "Nothing spoke for any strategy." in drawn


def test_other_rules_are_tried() -> None:
    assert told("attribution", "try") == []
    for changed in (
        ("--threshold", "71"),
        ("--version", "words"),
        ("--weight", "position=69", "--weight", "size=5"),
    ):
        [row] = told("attribution", "try", KEY, *changed, "--days", "1")
        assert (row["decided"], row["would_be"], row["owner"]) == ("trend", "", "trend")
    drawn = tradesync("attribution", "try", "--threshold", "71").stdout
    assert "1 of 1 order(s) would have another owner" in drawn
    assert "there are no rules 'x'" in refused("attribution", "try", "--version", "x")
    assert "is no weight" in refused("attribution", "try", "--weight", "moon=1")
    assert "is no PART=POINTS" in refused("attribution", "try", "--weight", "tag")


def test_the_threshold_that_is_tried_is_the_one_that_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EXTERNAL_ORDER_CONFIDENCE_THRESHOLD", "71")
    assert [row["would_be"] for row in told("attribution", "try")] == [""]


def test_the_rules_that_are_tried_are_those_that_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADESYNC_ATTRIBUTION_RULES", "words")
    assert [row["would_be"] for row in told("attribution", "try")] == [""]
    assert told("attribution", "try", "--version", "1") == []
    monkeypatch.setenv("TRADESYNC_ATTRIBUTION_RULES", "2")
    said = refused("attribution", "try")
    assert "TRADESYNC_ATTRIBUTION_RULES" in said
    assert "there are: 1, words" in said
