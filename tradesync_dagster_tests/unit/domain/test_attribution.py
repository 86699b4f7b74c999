"""Rule 12 for external orders: attribution, one test a part of the rule."""

from dataclasses import asdict, replace
from random import Random

import orjson
import pytest

from tradesync_dagster.domain.attribution import (
    RULES_VERSION,
    VERSIONS,
    AttributionRules,
    Decision,
    Evidence,
    Reason,
    Weights,
    decide,
    decide_again,
    parts_of,
    weigh,
)
from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.domain.orders import Side

RULES = AttributionRules()
HOLDS = Evidence("holds", held=10)
CLAIMS = Evidence("claims", claimed=True, held=10)
NAMED = Evidence("named", named=True, held=10)
USUAL = {"product_percent": 100, "minutes_off": 0}
ACTIVE = Evidence("active", held=0, days_since=1, size_percent=100, **USUAL)  # type: ignore[arg-type]


def sell(*evidence: Evidence, wanted: int = 10, rules: AttributionRules = RULES) -> Decision:
    return decide(Side.SELL, wanted, evidence, rules)


def buy(*evidence: Evidence, wanted: int = 10, rules: AttributionRules = RULES) -> Decision:
    return decide(Side.BUY, wanted, evidence, rules)


# Rule 12: deterministic.


def test_the_order_of_the_strategies_does_not_matter() -> None:
    dice = Random(7)
    for _ in range(300):
        field = [
            Evidence(
                f"s{number}",
                named=dice.random() < 0.2,
                claimed=dice.random() < 0.2,
                held=dice.choice([0, 5, 10]),
                days_since=dice.choice([None, 1, 60]),
                product_percent=dice.choice([0, 100]),
                minutes_off=dice.choice([None, 5, 300]),
                size_percent=dice.choice([None, 20, 100]),
            )
            for number in range(dice.randint(0, 5))
        ]
        side, wanted = dice.choice(list(Side)), dice.choice([1, 8, 20])
        first = decide(side, wanted, field, RULES)
        for _ in range(3):
            dice.shuffle(field)
            assert decide(side, wanted, field, RULES) == first


def test_scores_are_whole_numbers_of_at_most_a_hundred() -> None:
    everything = replace(ACTIVE, named=True, claimed=True, held=10)
    scored = weigh(everything, Side.SELL, 10, RULES)
    assert (type(scored.score), scored.score) == (int, 100)
    assert scored.points == asdict(Weights())


# Rule 12: versioned, and stores its evidence.


def test_a_stored_decision_can_be_made_again_and_by_other_rules() -> None:
    decision = sell(HOLDS, replace(ACTIVE, held=3))
    parts = orjson.loads(orjson.dumps(parts_of(Side.SELL, 10, decision, RULES)))
    assert decide_again(parts, RULES) == decision
    assert parts["candidates"][0]["points"] == {"position": 70}
    assert parts["candidates"][1]["lacks_quantity"] is True
    assert decision.strategy_id == "holds"
    assert decide_again(parts, replace(RULES, threshold=71)).strategy_id == ""
    assert decide_again(parts, VERSIONS["words"]).strategy_id == ""
    assert VERSIONS[RULES_VERSION] == RULES


def test_other_weights_are_checked() -> None:
    assert RULES.weighing({"position": 60}).weights == Weights(position=60)
    for wrong in ({"moon": 3}, {"tag": 101}, {"tag": -1}):
        with pytest.raises(ConfigurationError, match="is no weight"):
            RULES.weighing(wrong)


# Rule 12: a lone active strategy without evidence for the symbol scores below 70.


def test_a_lone_strategy_is_no_evidence() -> None:
    lone = Evidence("lone", product_percent=100, minutes_off=0)
    assert weigh(lone, Side.BUY, 10, RULES).score < 70
    heavy = RULES.weighing({"product": 90, "time": 90})
    assert weigh(lone, Side.BUY, 10, heavy).score == 69
    for threshold in (1, 20, 70, 100):
        rules = replace(heavy, threshold=threshold)
        assert buy(lone, rules=rules).strategy_id == ""
    assert buy(lone).reason is Reason.BELOW_THRESHOLD
    assert buy(Evidence("lone")).reason is Reason.NO_EVIDENCE


# Rule 12: below the threshold an order stays unassigned.


def test_the_threshold_decides() -> None:
    assert sell(HOLDS).strategy_id == "holds"
    below = sell(HOLDS, rules=replace(RULES, threshold=71))
    assert (below.strategy_id, below.score, below.reason) == ("", 70, Reason.BELOW_THRESHOLD)


def test_a_whole_pattern_of_habits_in_the_instrument_makes_an_owner() -> None:
    assert buy(ACTIVE).strategy_id == "active"
    for missing in ({"days_since": 31}, {"product_percent": 49}, {"minutes_off": 31},
                    {"size_percent": 49}, {"size_percent": 201}):  # fmt: skip
        changed = replace(ACTIVE, **missing)  # type: ignore[arg-type]
        assert buy(changed).reason is Reason.BELOW_THRESHOLD


# Rule 12: the top two within 10 points stay unassigned.


def test_two_owners_within_ten_points_are_none() -> None:
    twin = replace(HOLDS, strategy_id="twin")
    both = sell(HOLDS, twin)
    assert (both.strategy_id, both.reason, both.runner_up) == ("", Reason.TOO_CLOSE, "twin")
    near = replace(twin, minutes_off=0)
    assert sell(HOLDS, near).reason is Reason.TOO_CLOSE, "10 points are within 10"
    far = replace(near, product_percent=100)
    assert (sell(HOLDS, far).strategy_id, sell(HOLDS, far).score) == ("twin", 85)
    assert sell(HOLDS, near, rules=replace(RULES, margin=9)).strategy_id == "twin"


# Rule 12: a sell never goes to a strategy that lacks the quantity.


@pytest.mark.parametrize("evidence", [HOLDS, CLAIMS, NAMED, replace(NAMED, claimed=True)])
def test_a_sell_never_goes_to_a_strategy_that_lacks_the_quantity(evidence: Evidence) -> None:
    assert sell(evidence).strategy_id == evidence.strategy_id
    lacking = sell(replace(evidence, held=9))
    assert lacking.strategy_id == ""
    assert sell(replace(NAMED, held=9)).reason is Reason.LACKS_QUANTITY


def test_a_strategy_that_lacks_the_quantity_makes_nothing_ambiguous() -> None:
    found = sell(HOLDS, replace(CLAIMS, held=9))
    assert (found.strategy_id, found.runner_up) == ("holds", "")


def test_a_buy_needs_no_quantity() -> None:
    assert buy(replace(CLAIMS, held=0)).strategy_id == "claims"


# Rule 12: the evidence, by strength.


def test_a_tag_is_stronger_than_a_claim_and_a_claim_than_circumstances() -> None:
    everything_else = replace(ACTIVE, held=10)
    assert sell(NAMED, replace(CLAIMS, held=0)).strategy_id == "named"
    assert buy(replace(NAMED, held=0), replace(CLAIMS, held=0)).strategy_id == "named"
    assert sell(NAMED, everything_else).strategy_id == "named"
    assert sell(CLAIMS, everything_else).strategy_id == "claims"
    assert buy(replace(CLAIMS, held=0), ACTIVE).strategy_id == "claims"


def test_a_position_counts_only_if_the_order_does_no_more_than_reduce_it() -> None:
    short = Evidence("short", held=10)
    assert buy(short).strategy_id == "short"
    assert buy(short, wanted=11).strategy_id == ""
