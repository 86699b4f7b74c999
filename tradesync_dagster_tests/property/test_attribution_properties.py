"""Attribution over any evidence: the same whatever the order, and never against rule 12."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tradesync_dagster.domain.attribution import (
    AttributionRules,
    Evidence,
    Reason,
    decide,
    decide_again,
    parts_of,
)
from tradesync_dagster.domain.orders import Side

maybe = st.none() | st.integers(0, 500)
evidence = st.builds(
    Evidence,
    st.sampled_from(["a", "b", "c", "d", "e"]),
    named=st.booleans(),
    claimed=st.booleans(),
    held=st.integers(0, 30),
    days_since=maybe,
    product_percent=st.integers(0, 100),
    minutes_off=maybe,
    size_percent=maybe,
)
fields = st.lists(evidence, max_size=5, unique_by=lambda one: one.strategy_id)
points = st.integers(0, 100)
rules = st.builds(
    lambda threshold, margin, weights: replace(
        AttributionRules(threshold=threshold, margin=margin).weighing(weights)
    ),
    st.integers(1, 100),
    st.integers(0, 100),
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("tag", "claim", "position", "product", "time"), points)
    ),
)
orders = st.tuples(st.sampled_from(Side), st.integers(1, 30))


@given(orders, fields, rules, st.randoms(use_true_random=False))
def test_the_order_of_strategies_does_not_matter(
    order: tuple[Side, int], field: list[Evidence], how: AttributionRules, dice: object
) -> None:
    first = decide(*order, field, how)
    dice.shuffle(field)  # type: ignore[attr-defined]
    assert decide(*order, field, how) == first
    assert decide_again(parts_of(*order, first, how), how) == first


@given(orders, fields, rules)
def test_rule_12_holds_whatever_the_evidence(
    order: tuple[Side, int], field: list[Evidence], how: AttributionRules
) -> None:
    side, wanted = order
    found = decide(side, wanted, field, how)
    assert (found.strategy_id != "") == (found.reason is Reason.ASSIGNED)
    assert all(0 <= one.score <= 100 for one in found.ranked)
    if not found.strategy_id:
        return
    owner = next(one for one in found.ranked if one.strategy_id == found.strategy_id)
    assert owner.score == found.score >= how.threshold
    assert side is Side.BUY or owner.evidence.held >= wanted
    assert {"tag", "claim", "position", "activity"} & set(owner.points)
    rivals = [
        one.score
        for one in found.ranked
        if one is not owner and (side is Side.BUY or one.evidence.held >= wanted) and one.score
    ]
    assert all(owner.score - rival > how.margin for rival in rivals)
