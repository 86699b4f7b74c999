"""Fills out of watermarks: totals are the broker's, whatever was read in between and how often."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.money import divide_rounded
from tradesync_dagster.domain.orders import BrokerOrder
from tradesync_dagster.domain.watermarks import derive
from tradesync_dagster_tests.support.known_fills import known_of
from tradesync_dagster_tests.support.orders import sample_order

PLACED = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
State = tuple[int, int, int]
"""Filled, average and the minute, as one read of an order shows them."""

trades = st.lists(
    st.tuples(st.integers(1, 5000), st.integers(1, 10**11), st.integers(0, 3)),
    min_size=1,
    max_size=12,
)
"""What was traded: quantity, price, minutes after the trade before."""
reads = st.lists(st.tuples(st.integers(0, 50), st.integers(-5, 10**6), st.integers(0, 9)))
"""What a broker might show that is out of its mind."""


def order(filled: int, average: int, minute: int) -> BrokerOrder:
    row = sample_order(PLACED, quantity=10**9, filled_quantity=filled, average_price=average)
    return replace(row, updated_at=PLACED + timedelta(minutes=minute))


@st.composite
def growing(draw: st.DrawFn) -> list[State]:
    """Watermarks that grow in quantity and value, at averages that are exact."""
    states: list[State] = []
    filled = value = minute = 0
    for quantity, price, later in draw(trades):
        filled, minute = filled + quantity, minute + later
        value += quantity * price
        average = -(-value // filled)
        value = filled * average  # what such an average tells, exactly
        states.append((filled, average, minute))
    return states


def follow(states: Iterable[State], known: Sequence[Fill] = ()) -> tuple[list[Fill], list[str]]:
    """Read after read, as the sync does: the fills kept, and the kinds of breaks."""
    fills, breaks = list(known), []
    for state in states:
        found = derive(1, [order(*state)], known_of(fills), PLACED)
        fills += found.fills
        breaks += [entry.kind for entry in found.breaks]
    return fills, breaks


def totals(fills: Iterable[Fill]) -> tuple[int, int]:
    listed = list(fills)
    return sum(one.quantity for one in listed), sum(one.quantity * one.price for one in listed)


@given(growing())
def test_growing_watermarks_sum_to_the_last_one(states: list[State]) -> None:
    fills, breaks = follow(states)
    filled, average, minute = states[-1]
    assert breaks == []
    assert totals(fills) == (filled, filled * average)
    assert len({one.fill_id for one in fills}) == len(fills) <= 2 * len(states)
    assert all(one.quantity > 0 and one.price > 0 for one in fills)
    assert max(one.filled_at for one in fills) <= PLACED + timedelta(minutes=minute)


@given(growing(), st.data())
def test_reads_that_are_lost_or_repeated_change_no_total(
    states: list[State], data: st.DataObject
) -> None:
    seen = data.draw(st.lists(st.sampled_from(range(len(states)))).map(sorted))
    fills, breaks = follow([states[n] for n in seen] + [states[-1]])
    assert breaks == []
    assert totals(fills) == (states[-1][0], states[-1][0] * states[-1][1])


@given(growing())
def test_a_read_again_writes_the_same_fills_and_then_none(states: list[State]) -> None:
    before, _ = follow(states[:-1])
    once, _ = follow(states[-1:], before)
    assert follow(states[-1:], before) == (once, [])
    assert follow(states[-1:], once) == (once, [])


@given(growing())
def test_one_read_makes_two_fills_at_most_and_their_prices_are_adjacent(
    states: list[State],
) -> None:
    fills: list[Fill] = []
    for state in states:
        new = follow([state], fills)[0][len(fills) :]
        assert 1 <= len(new) <= 2
        assert [one.price - new[0].price for one in new] == list(range(len(new)))
        assert {one.trade_id for one in new} <= {f"B1@{state[0]}", f"B1@{state[0]}+"}
        fills += new


@given(trades, st.sampled_from([1, 100, 10_000]))
def test_what_rounded_averages_lose_is_bounded(
    traded: list[tuple[int, int, int]], decimals: int
) -> None:
    """A broker rounds its average to some decimals; the bound is that of the module."""
    states, true, filled, value = [], [], 0, 0
    for quantity, price, _ in traded:
        filled, value = filled + quantity, value + quantity * price
        states.append((filled, divide_rounded(value, filled * decimals) * decimals, 0))
        true.append(value)
    half = Fraction(decimals, 2)
    fills: list[Fill] = []
    last = 0
    for number, state in enumerate(states):
        fills, breaks = follow([state], fills)
        if breaks:
            assert breaks[0].startswith("filled_value")
            continue
        quantity, total = totals(fills)
        assert quantity == state[0]
        assert abs(total - true[number]) <= quantity * half
        if last and number:
            before = states[last - 1][0]
            grown = state[0] - before
            spent = Fraction(true[number] - true[last - 1], grown)
            bound = (before + state[0]) * half / grown
            new = [one for one in fills if one.trade_id.rstrip("+") == f"B1@{state[0]}"]
            assert abs(Fraction(totals(new)[1], grown) - spent) <= bound
        last = number + 1


@given(reads)
def test_nothing_a_broker_shows_makes_a_fill_of_nothing(states: list[State]) -> None:
    fills, breaks = follow(states)
    quantity, value = totals(fills)
    highest = max((filled for filled, _, _ in states), default=0)
    assert all(one.quantity > 0 and one.price >= 0 for one in fills)
    assert quantity <= highest
    assert len({one.fill_id for one in fills}) == len(fills)
    assert len(breaks) <= len(states)
    believed = {(filled, filled * average) for filled, average, _ in states}
    assert (quantity, value) in believed | {(0, 0)}
    times = [one.filled_at for one in fills]
    assert times == sorted(times)
