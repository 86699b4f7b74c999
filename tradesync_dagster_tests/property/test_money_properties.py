"""Exact numbers against fractions and Python's own rounding."""

from contextlib import suppress
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradesync_dagster.domain.errors import ValueRefusedError
from tradesync_dagster.domain.money import (
    INT64_MAX,
    PRICE_UNIT,
    divide_rounded,
    format_price,
    parse_average,
    parse_price,
    parse_quantity,
)

units = st.integers(-INT64_MAX, INT64_MAX)


@given(units)
def test_written_price_is_read_back_the_same(price: int) -> None:
    text = format_price(price)
    assert parse_price(text) == price
    assert parse_average(text) == price
    assert Fraction(text) == Fraction(price, PRICE_UNIT)


@given(st.integers())
def test_text_is_plain_decimal_with_two_to_six_decimals(price: int) -> None:
    whole, point, decimals = format_price(price).partition(".")
    assert point == "."
    assert 2 <= len(decimals) <= 6
    assert decimals.isdigit()
    assert whole.removeprefix("-").isdigit()


@given(st.decimals(allow_nan=False, allow_infinity=False, places=9, min_value=-(10**9)))
def test_price_is_exact_or_refused(value: Decimal) -> None:
    exact = Fraction(value) * PRICE_UNIT
    if exact.denominator == 1 and abs(exact) <= INT64_MAX:
        assert parse_price(value) == exact
    else:
        with pytest.raises(ValueRefusedError):
            parse_price(value)


@given(st.decimals(-(10**12), 10**12, places=3))
def test_quantity_is_whole_or_refused(value: Decimal) -> None:
    if Fraction(value).denominator == 1:
        assert parse_quantity(str(value)) == int(value)
    else:
        with pytest.raises(ValueRefusedError, match="whole numbers only"):
            parse_quantity(str(value))


@given(st.floats() | st.booleans() | st.none() | st.binary())
def test_nothing_but_text_ints_and_decimals_is_a_number(value: object) -> None:
    for parse in (parse_price, parse_quantity, parse_average):
        with pytest.raises(ValueRefusedError):
            parse(value)


@given(st.text())
def test_any_text_is_read_or_refused_never_a_crash(text: str) -> None:
    for parse in (parse_price, parse_quantity, parse_average):
        with suppress(ValueRefusedError):
            assert abs(parse(text)) <= INT64_MAX


@given(st.decimals(-(10**12), 10**12, places=12))
def test_average_is_pythons_own_half_even(value: Decimal) -> None:
    expected = value.quantize(Decimal("0.000001"), ROUND_HALF_EVEN)
    assert parse_average(value) == Fraction(expected) * PRICE_UNIT


@given(st.integers(), st.integers(min_value=1))
def test_division_is_pythons_own_rounding_of_a_fraction(numerator: int, denominator: int) -> None:
    assert divide_rounded(numerator, denominator) == round(Fraction(numerator, denominator))
