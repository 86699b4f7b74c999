"""Exact numbers by example: what is read, what is refused, how it is written."""

from decimal import Decimal

import pytest

from tradesync_dagster.domain.errors import TradesyncError, ValueRefusedError
from tradesync_dagster.domain.money import (
    INT64_MAX,
    divide_rounded,
    format_price,
    parse_average,
    parse_price,
    parse_quantity,
)


@pytest.mark.parametrize(
    ("value", "units"),
    [
        ("0.1", 100_000),
        ("72.755", 72_755_000),
        ("0.000001", 1),
        ("-37.63", -37_630_000),
        ("1e3", 1_000_000_000),
        ("10.000000000", 10_000_000),
        (7, 7_000_000),
        (Decimal("2500.05"), 2_500_050_000),
        ("-0", 0),
        ("9223372036854.775807", INT64_MAX),
        ("-9223372036854.775807", -INT64_MAX),
    ],
)
def test_price_is_read_exactly(value: str | int | Decimal, units: int) -> None:
    got = parse_price(value)
    assert got == units
    assert type(got) is int


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("1.123456789", "at most 6 decimals"),
        ("0.0000001", "at most 6 decimals"),
        (Decimal("1.0000001"), "at most 6 decimals"),
        ("1e-999999", "not a number"),
        ("NaN", "not a number"),
        ("sNaN", "not a number"),
        (Decimal("NaN"), "not a finite number"),
        ("Infinity", "not a number"),
        ("-inf", "not a number"),
        ("", "not a number"),
        ("12,5", "not a number"),
        ("<html>", "not a number"),
        (0.1, "is a float, expected"),
        (2.0, "is a float, expected"),
        (True, "is a bool, expected"),
        (False, "is a bool, expected"),
        (None, "is a NoneType, expected"),
        ([1], "is a list, expected"),
        (b"1", "is a bytes, expected"),
        ("9" * 100_000, "too long"),
        ("9223372036854.775808", "does not fit"),
        ("-9223372036854.775808", "does not fit"),
        ("1e999999", "not a number"),
        (Decimal("1e100"), "more digits than the books hold"),
        (2**63, "does not fit"),
    ],
)
def test_price_refuses_what_the_books_cannot_hold(value: object, words: str) -> None:
    with pytest.raises(ValueRefusedError, match=words) as raised:
        parse_price(value, "last_price")
    assert str(raised.value).startswith("last_price: ")
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize(
    ("value", "shares"),
    [("10.000000", 10), ("-3", -3), (25, 25), ("1E+2", 100), (2**63 - 1, INT64_MAX)],
)
def test_quantity_is_read_exactly(value: str | int, shares: int) -> None:
    assert parse_quantity(value) == shares


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("1.5", "whole numbers only"),
        (Decimal("0.000001"), "whole numbers only"),
        (2**63, "does not fit"),
        (-(2**63), "does not fit"),
        (1.0, "is a float"),
        (True, "is a bool"),
        ("inf", "not a number"),
    ],
)
def test_quantity_refuses_parts_and_giants(value: object, words: str) -> None:
    with pytest.raises(ValueRefusedError, match=words):
        parse_quantity(value)


def test_refusal_is_ours_and_an_ordinary_value_error() -> None:
    assert issubclass(ValueRefusedError, TradesyncError)
    assert issubclass(ValueRefusedError, ValueError)


@pytest.mark.parametrize(
    ("value", "units"),
    [
        ("33.333333333333333333", 33_333_333),
        ("66.666666666666", 66_666_667),
        ("0.0000005", 0),
        ("0.0000015", 2),
        ("0.0000025", 2),
        ("0.00000250000001", 3),
        ("-0.0000015", -2),
        ("-0.0000025", -2),
        (Decimal(100) / Decimal(3), 33_333_333),
    ],
)
def test_average_is_rounded_half_even(value: str | Decimal, units: int) -> None:
    assert parse_average(value) == units


@pytest.mark.parametrize("value", [1.5, True, "nan", "1e30", "9" * 65, "9223372036854.7758075"])
def test_average_still_refuses_what_is_no_number_or_does_not_fit(value: object) -> None:
    with pytest.raises(ValueRefusedError, match="average_price"):
        parse_average(value)


@pytest.mark.parametrize(
    ("units", "text"),
    [
        (0, "0.00"),
        (1, "0.000001"),
        (-1, "-0.000001"),
        (-12_500_000, "-12.50"),
        (72_755_000, "72.755"),
        (100_000_000, "100.00"),
        (-500_000, "-0.50"),
        (INT64_MAX, "9223372036854.775807"),
        (10**30, "1" + "0" * 24 + ".00"),
    ],
)
def test_format_is_plain_text_with_at_least_two_decimals(units: int, text: str) -> None:
    assert format_price(units) == text


@pytest.mark.parametrize(
    ("numerator", "denominator", "quotient"),
    [
        (7, 2, 4),
        (5, 2, 2),
        (-5, 2, -2),
        (-7, 2, -4),
        (10, 3, 3),
        (11, 3, 4),
        (-10, 3, -3),
        (0, 9, 0),
        (2**70 + 1, 2, 2**69),
        (3 * (2**70 + 1), 2, 3 * 2**69 + 2),
    ],
)
def test_division_rounds_half_even(numerator: int, denominator: int, quotient: int) -> None:
    assert divide_rounded(numerator, denominator) == quotient


@pytest.mark.parametrize(
    "value", ["1e-2000000", "1_000", "\u0661\u0662", " 1 ", pytest.param(10**5000, id="giant")]
)
def test_what_only_looks_like_a_number_is_refused(value: object) -> None:
    with pytest.raises(ValueRefusedError):
        parse_price(value)


def test_a_decimal_with_too_many_digits_is_refused_and_not_rounded() -> None:
    with pytest.raises(ValueRefusedError):
        parse_price(Decimal("1." + "0" * 200 + "1"))
