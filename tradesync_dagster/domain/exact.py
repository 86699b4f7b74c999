"""Sums and products of whole numbers in arrays, exact whatever their size.

int64 arithmetic is fast and wraps in silence. Here a float64 estimate of the largest possible sum
decides: far below 2^63 the int64 result is right, otherwise the same arithmetic runs on Python
ints. What belongs here: that choice. What does not: what is added up.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

ExactArray = npt.NDArray[Any]
"""int64 where every value provably fits, Python ints otherwise."""
SAFE: Final = 2.0**62
"""Gross float64 sum below which int64 sums of the same terms cannot overflow."""


def gross(values: ExactArray) -> float:
    """Return about how far sums of the values can reach; 0 for Python ints, which have no end."""
    return 0.0 if values.dtype == object else float(np.abs(values.astype(float)).sum())


def products(left: ExactArray, right: ExactArray) -> ExactArray:
    """Multiply so that any sums of the products are exact too.

    Args:
        left: Any shape.
        right: The same shape.

    Returns:
        The products.
    """
    reach = float(np.abs(left.astype(float) * right.astype(float)).sum())
    product: ExactArray = (
        left * right if reach < SAFE else left.astype(object) * right.astype(object)
    )
    return product


def add(left: ExactArray, right: ExactArray) -> ExactArray:
    """Add so that any sums of the results are exact too.

    Args:
        left: Any shape.
        right: The same shape.

    Returns:
        The sums.
    """
    if gross(left) + gross(right) >= SAFE:
        left, right = left.astype(object), right.astype(object)
    total: ExactArray = left + right
    return total


def running(values: ExactArray, group: npt.NDArray[np.int64]) -> ExactArray:
    """Return running totals within each group.

    Args:
        values: Shape (values,).
        group: The same shape; rows of one group stand together.

    Returns:
        The same shape.
    """
    if values.size == 0:
        return values
    if gross(values) >= SAFE:
        values = values.astype(object)
    total = np.cumsum(values)
    start = np.flatnonzero(np.concatenate(([True], group[1:] != group[:-1])))
    count = np.diff(start, append=values.size)
    totals: ExactArray = total - np.repeat(total[start] - values[start], count)
    return totals
