"""Exact numbers: prices and quantities as int64 in fixed units.

One price unit is a millionth of the currency (``PRICE_DIGITS`` = 6), one quantity unit is one
share or contract. Text and Decimals are parsed at the edge; a value with more digits than the
unit holds is refused, never rounded. What belongs here: the units, parsing and formatting. What
does not: arithmetic of the books (``fifo``, ``positions``).
"""

import re
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

from tradesync_dagster.domain.errors import ValueRefusedError

PRICE_DIGITS = 6
PRICE_UNIT = 10**PRICE_DIGITS
INT64_MAX = 2**63 - 1
_MAX_TEXT = 64
"""Longest number read: the books need 26 characters, and Decimal's cost grows with length."""

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)


def _decimal(value: object, field: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueRefusedError(
            f"{field}: {_show(value)} is a {type(value).__name__}, expected a decimal number"
        )
    if isinstance(value, str) and len(value) > _MAX_TEXT:
        raise ValueRefusedError(f"{field}: {_show(value)} is too long for a number")
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise ValueRefusedError(f"{field}: {_show(value)} is not a number")
    if isinstance(value, int) and abs(value) > INT64_MAX:
        raise ValueRefusedError(f"{field}: the number does not fit the books' 64 bits")
    number = Decimal(value)
    if not number.is_finite():
        raise ValueRefusedError(f"{field}: {_show(value)} is not a finite number")
    digits = number.as_tuple()
    if len(digits.digits) > _MAX_TEXT or abs(int(digits.exponent)) > _MAX_TEXT:
        raise ValueRefusedError(f"{field}: {_show(value)} has more digits than the books hold")
    return number


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}..."


def _scaled(value: object, digits: int, field: str) -> int:
    if type(value) is int and abs(value) <= INT64_MAX // 10**digits:
        return int(value) * int(10**digits)  # the common case in brokers' JSON, without a Decimal
    number = _decimal(value, field)
    with localcontext() as context:
        context.prec = 2 * _MAX_TEXT
        shifted = number.scaleb(digits)
        whole = shifted.to_integral_value()
    if shifted != whole:
        limit = "whole numbers only" if digits == 0 else f"at most {digits} decimals"
        raise ValueRefusedError(f"{field}: {_show(value)} has more digits than allowed ({limit})")
    if abs(whole) > INT64_MAX:
        raise ValueRefusedError(f"{field}: {_show(value)} does not fit the books' 64 bits")
    return int(whole)


def parse_price(value: object, field: str = "price") -> int:
    """Read a price or an amount of money exactly.

    Args:
        value: Text, an int or a Decimal in the currency's main unit (rupees).
        field: The name that an error gives.

    Returns:
        The price in millionths, within int64. Negative prices are prices.

    Raises:
        ValueRefusedError: It is not a number, has more than six decimals, or does not fit.
    """
    return _scaled(value, PRICE_DIGITS, field)


def parse_quantity(value: object, field: str = "quantity") -> int:
    """Read a quantity of whole shares or contracts.

    Args:
        value: Text, an int or a Decimal; ``10.000000`` is ten.
        field: The name that an error gives.

    Returns:
        The signed quantity, within int64.

    Raises:
        ValueRefusedError: It is not a whole number, or does not fit.
    """
    return _scaled(value, 0, field)


def parse_average(value: object, field: str = "average_price") -> int:
    """Read an average that a broker computed, rounded half-even to the price unit.

    An average is a ratio and need not end (100 / 3), so it is a figure to compare with, to one
    unit, and never enters the books' arithmetic: those start from fills.

    Args:
        value: Text, an int or a Decimal in the currency's main unit.
        field: The name that an error gives.

    Returns:
        The average in millionths, within int64.

    Raises:
        ValueRefusedError: It is not a number, or does not fit.
    """
    number = _decimal(value, field)
    with localcontext() as context:
        context.prec = 2 * _MAX_TEXT
        rounded = number.quantize(Decimal(1).scaleb(-PRICE_DIGITS), ROUND_HALF_EVEN)
    return _scaled(rounded, PRICE_DIGITS, field)


def format_price(units: int) -> str:
    """Write a price in millionths as plain decimal text, with at least two decimals.

    Args:
        units: Any int, in millionths of the currency.

    Returns:
        Text such as ``-12.50`` or ``72.755``; reading it back gives ``units``.
    """
    sign = "-" if units < 0 else ""
    whole, rest = divmod(abs(units), PRICE_UNIT)
    decimals = f"{rest:0{PRICE_DIGITS}d}".rstrip("0").ljust(2, "0")
    return f"{sign}{whole}.{decimals}"


def divide_rounded(numerator: int, denominator: int) -> int:
    """Divide exactly and round half-even, for averages that are shown.

    Args:
        numerator: Any int.
        denominator: A positive int.

    Returns:
        The nearest int; a tie goes to the even one.
    """
    quotient, rest = divmod(numerator, denominator)
    twice = 2 * rest
    if twice > denominator or (twice == denominator and quotient % 2):
        quotient += 1
    return quotient
