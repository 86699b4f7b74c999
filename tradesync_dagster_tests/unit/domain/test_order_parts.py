"""Parts of an order: their text, their bounds, and where each begins and ends."""

import pytest

from tradesync_dagster.domain.errors import AssignmentRefusedError, ValueRefusedError
from tradesync_dagster.domain.order_parts import (
    ALL_UNITS,
    MOST_PARTS,
    Part,
    Share,
    check_parts,
    parts_from,
    parts_text,
    shares_of,
    unowned_units,
)

TWO = (Part("alpha", 60), Part("mean-reversion", 40))


def test_parts_are_written_and_read_again() -> None:
    assert parts_text(TWO) == "alpha=60,mean-reversion=40"
    assert parts_from(parts_text(TWO)) == TWO
    assert parts_from(" alpha=60, beta=40") == (Part("alpha", 60), Part("beta", 40))
    assert parts_from("a=b=3") == (Part("a=b", 3),)
    assert (parts_from(""), parts_text(())) == ((), "")


@pytest.mark.parametrize(
    "text", ["alpha", "alpha=", "=5", "alpha=-5", "alpha=1.5", "alpha=५", "alpha=60,", ",", " =5"]
)
def test_other_texts_are_refused_with_the_form(text: str) -> None:
    with pytest.raises(ValueRefusedError, match="alpha=60,beta=40"):
        parts_from(text)


@pytest.mark.parametrize("quantity", ["9" * 5_000, "9" * 20])
def test_a_quantity_beyond_the_books_is_refused(quantity: str) -> None:
    with pytest.raises(ValueRefusedError, match="quantity"):
        parts_from(f"alpha={quantity}")


def test_shares_follow_one_another_and_the_last_has_the_rest() -> None:
    shares = shares_of("gamma", TWO)
    assert shares == [
        Share("alpha", 0, 60), Share("mean-reversion", 60, 100), Share("gamma", 100, ALL_UNITS),
    ]  # fmt: skip
    assert [share.within(50, 120) for share in shares] == [10, 40, 20]
    assert [share.within(0, 30) for share in shares] == [30, 0, 0]
    assert shares_of("gamma", ()) == [Share("gamma", 0, ALL_UNITS)]


def test_what_nobody_owns_is_what_is_left() -> None:
    assert unowned_units(100, "", TWO) == 0
    assert unowned_units(150, "", TWO) == 50
    assert unowned_units(80, "", TWO) == 0, "the broker made the order smaller"
    assert unowned_units(150, "gamma", TWO) == 0
    assert unowned_units(150, "", ()) == 150


def test_parts_that_cannot_be_kept_are_refused() -> None:
    check_parts(TWO, "gamma")
    for parts, owner, said in (
        ((Part("alpha", 0),), "", "1 or more"),
        ((Part("alpha", -1),), "", "1 or more"),
        ((Part("", 1),), "", "without commas"),
        ((Part("a,b", 1),), "", "without commas"),
        ((*TWO, Part("alpha", 1)), "", "named twice"),
        (TWO, "alpha", "named twice"),
        (tuple(Part(f"s{n}", 1) for n in range(MOST_PARTS + 1)), "", "at most"),
    ):
        with pytest.raises((ValueRefusedError, AssignmentRefusedError), match=said):
            check_parts(parts, owner)
