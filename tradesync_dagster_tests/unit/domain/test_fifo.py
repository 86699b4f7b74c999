"""FIFO matching by example."""

import dataclasses

import numpy as np
import pytest

from tradesync_dagster.domain import fifo
from tradesync_dagster.domain.fifo import Matches, match

Fill = tuple[int, int, int]


def run(*fills: Fill) -> Matches:
    """Match fills written as (group, signed quantity, price)."""
    columns = np.array(fills, dtype=np.int64).reshape(-1, 3)
    return match(columns[:, 0], columns[:, 1], columns[:, 2])


def lots(matches: Matches) -> list[tuple[int, int, int]]:
    return list(
        zip(
            matches.buy_row.tolist(),
            matches.sell_row.tolist(),
            matches.quantity.tolist(),
            strict=True,
        )
    )


def opened(matches: Matches) -> list[tuple[int, int]]:
    return list(zip(matches.open_row.tolist(), matches.open_quantity.tolist(), strict=True))


def test_long_closes_oldest_lot_first() -> None:
    got = run((0, 10, 100), (0, 10, 110), (0, -15, 120))
    assert lots(got) == [(0, 2, 10), (1, 2, 5)]
    assert opened(got) == [(1, 5)]
    assert got.realised_pnl == {0: 10 * 20 + 5 * 10}


def test_short_is_covered_oldest_first() -> None:
    got = run((0, -10, 100), (0, -10, 90), (0, 15, 80))
    assert lots(got) == [(2, 0, 10), (2, 1, 5)]
    assert opened(got) == [(1, -5)]
    assert got.realised_pnl == {0: 10 * 20 + 5 * 10}


def test_flip_through_zero_opens_the_rest_on_the_other_side() -> None:
    got = run((0, 10, 100), (0, -25, 110), (0, 20, 105))
    assert lots(got) == [(0, 1, 10), (2, 1, 15)]
    assert opened(got) == [(2, 5)]
    assert got.realised_pnl == {0: 10 * 10 + 15 * 5}


def test_partial_closes_share_one_lot() -> None:
    got = run((0, 10, 100), (0, -3, 101), (0, -3, 99), (0, -3, 100))
    assert lots(got) == [(0, 1, 3), (0, 2, 3), (0, 3, 3)]
    assert opened(got) == [(0, 1)]
    assert got.realised_pnl == {0: 3 - 3}


def test_lots_stand_in_the_order_they_closed() -> None:
    got = run((0, 2, 10), (0, 2, 11), (0, -1, 12), (0, -3, 13), (0, -2, 9), (0, 2, 8))
    assert lots(got) == [(0, 2, 1), (0, 3, 1), (1, 3, 2), (5, 4, 2)]
    closed_at = np.maximum(got.buy_row, got.sell_row)
    assert closed_at.tolist() == sorted(closed_at.tolist())


@pytest.mark.parametrize("block", [1, 2, 3, 7])
def test_a_group_may_lie_across_blocks(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    fills = [(0, 4, 10), (1, 5, 10), (1, -3, 12), (1, 5, 11), (1, -9, 15), (1, 2, 14), (2, 1, 1)]
    whole = run(*fills)
    monkeypatch.setattr(fifo, "_BLOCK", block)
    got = run(*fills)
    assert lots(got) == lots(whole) == [(1, 2, 3), (1, 4, 2), (3, 4, 5), (5, 4, 2)]
    assert opened(got) == opened(whole) == [(0, 4), (6, 1)]
    assert got.realised_pnl == {0: 0, 1: 3 * 2 + 2 * 5 + 5 * 4 + 2, 2: 0}


def test_work_grows_with_the_fills_even_where_everything_stays_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    matched: list[int] = []
    match_block = fifo._match_block

    def counted(keys, key, left, price):  # noqa: ANN001, ANN202
        matched.append(key.size)
        return match_block(keys, key, left, price)

    monkeypatch.setattr(fifo, "_BLOCK", 4)
    monkeypatch.setattr(fifo, "_match_block", counted)
    got = run(*((0, 1, n) for n in range(1_000)), (0, -1_000, 1_000))
    assert lots(got) == [(n, 1_000, 1) for n in range(1_000)]
    assert len(matched) > 5
    assert sum(matched) <= 2.5 * 1_001  # each fill, half as many carried, and all in the last block


def test_interleaved_groups_do_not_touch_each_other() -> None:
    got = run((7, 5, 10), (2, -4, 50), (7, -5, 12), (2, 4, 40), (9, 1, 1))
    assert lots(got) == [(3, 1, 4), (0, 2, 5)]
    assert opened(got) == [(4, 1)]
    assert got.realised_pnl == {2: 40, 7: 10, 9: 0}
    assert list(got.realised_pnl) == [2, 7, 9]


@pytest.mark.parametrize("ids", [(1, 0), (70_000, 3), (65_536 * 5, 65_536 * 4), (2**40, 2**33)])
def test_ids_of_any_size_group_alike(ids: tuple[int, int]) -> None:
    first, second = ids
    got = run((first, 5, 10), (second, 1, 1), (first, -2, 12), (second, -1, 4), (first, -3, 11))
    assert lots(got) == [(1, 3, 1), (0, 2, 2), (0, 4, 3)]
    assert got.realised_pnl == {second: 3, first: 7}


def test_zero_quantities_are_ignored_and_rows_stay_the_callers() -> None:
    got = run((0, 0, 5), (1, 3, 10), (2, 0, 9), (0, 0, 7), (1, -2, 11))
    assert lots(got) == [(1, 4, 2)]
    assert opened(got) == [(1, 1)]
    assert got.realised_pnl == {1: 2}


@pytest.mark.parametrize("fills", [(), ((3, 0, 10),)])
def test_nothing_to_match(fills: tuple[Fill, ...]) -> None:
    got = run(*fills)
    assert lots(got) == []
    assert opened(got) == []
    assert got.realised_pnl == {}
    for field in dataclasses.fields(Matches)[:5]:
        assert getattr(got, field.name).dtype == np.int64


def test_one_sided_book_closes_nothing() -> None:
    got = run((0, 5, 10), (1, -5, 10), (0, 6, 11))
    assert lots(got) == []
    assert opened(got) == [(0, 5), (2, 6), (1, -5)]
    assert got.realised_pnl == {0: 0, 1: 0}


def test_prices_may_be_negative() -> None:
    got = run((0, 2, -30), (0, -2, -10))
    assert got.realised_pnl == {0: 40}


def test_arguments_are_left_as_they_were() -> None:
    columns = np.array([(1, 5, 10), (0, -5, 11), (1, -5, 12)], dtype=np.int64).T.copy()
    columns.setflags(write=False)
    before = columns.copy()
    match(*columns)
    assert np.array_equal(columns, before)


@pytest.mark.parametrize("sign", [1, -1])
def test_pnl_is_exact_beyond_int64(sign: int) -> None:
    quantity, low, high = 2**61 + 3, -(2**63), 2**63 - 1
    got = run((0, sign * quantity, low), (0, -sign * quantity, high), (1, 1, 5), (1, -1, 6))
    assert got.realised_pnl == {0: sign * quantity * (high - low), 1: 1}


def test_pnl_is_exact_where_a_float_would_not_show_it() -> None:
    # Both values are near 2^100, and their difference is 7: float64 alone would say 0.
    quantity, price = 2**50, 2**50
    got = run((0, quantity, price), (0, 7, 3), (0, -quantity, price), (0, -7, 4))
    assert got.realised_pnl == {0: 7}


def test_pnl_is_exact_where_the_float_estimate_is_not_trusted() -> None:
    # 2^61 units at 2^62: gross value 2^124, where float64 is off by more than 2^64.
    fills = []
    for k in range(3):
        fills += [(0, 2**59 + k, 2**62 + 12_345 * k), (0, -(2**59) - k, -(2**62) + 77 * k + 1)]
    got = run(*fills)
    assert got.realised_pnl == {0: -sum(q * p for _, q, p in fills)}


def test_the_most_units_one_call_can_count() -> None:
    most = 2**63 - 1
    got = run((0, most, 1), (0, -most, 3))
    assert lots(got) == [(0, 1, most)]
    assert got.realised_pnl == {0: 2 * most}


def test_units_beyond_int64_are_counted_where_no_group_has_so_many_open() -> None:
    # Ten books of 2^62 each, and one that turns 2^64 units over: no one line can hold either.
    books = [(book, 2**62, book) for book in range(10)]
    turns = [(10, 2**62 * sign, 2**62 + sign) for sign in (1, -1, 1, -1, 1, -1, 1, -1)]
    got = run(*books, *turns)
    assert got.open_row.tolist() == list(range(10))
    assert got.open_quantity.tolist() == [2**62] * 10
    assert lots(got) == [(buy, buy + 1, 2**62) for buy in (10, 12, 14, 16)]
    assert got.realised_pnl == dict.fromkeys(range(10), 0) | {10: -8 * 2**62}


@pytest.mark.parametrize(
    ("quantities", "row", "units"),
    [
        ([2**62, 2**62], 1, 2**63),
        ([-(2**63)], 0, 2**63),
        ([5, -(2**62), -(2**62), -5], 3, 2**63),
        ([7, 2**62, 2**62, -3], 2, 2**63 + 7),
    ],
)
def test_too_many_open_units_are_refused(quantities: list[int], row: int, units: int) -> None:
    said = f"the fill in row {row} and what its group has open come to {units} units.* coarser"
    with pytest.raises(ValueError, match=said):
        run(*((0, quantity, 1) for quantity in quantities))


def test_large_quantities_that_do_fit_are_counted() -> None:
    fills = [(0, 2**62, 1), (0, -(2**62), 2), (0, 2**61, 3), (0, -(2**61), 3)]
    assert run(*fills).realised_pnl == {0: 2**62}


@pytest.mark.parametrize("name", ["group", "quantity", "price"])
@pytest.mark.parametrize("dtype", [np.float64, np.int32, np.uint64, object, ">i8"])
def test_other_types_are_refused(name: str, dtype: str | type) -> None:
    columns = {key: np.array([1, 2], np.int64) for key in ("group", "quantity", "price")}
    columns[name] = columns[name].astype(dtype)
    with pytest.raises(TypeError, match=f"{name} must be a NumPy array of int64, not .*convert"):
        match(**columns)


def test_a_list_is_refused() -> None:
    some = np.array([1], np.int64)
    with pytest.raises(TypeError, match="price must be a NumPy array of int64, not list"):
        match(some, some, [1])  # type: ignore[arg-type]


def test_unequal_lengths_are_refused() -> None:
    some = np.array([1, 2], np.int64)
    with pytest.raises(ValueError, match="equally long, not 2, 1 and 2"):
        match(some, some[:1], some)


def test_two_dimensions_are_refused() -> None:
    some = np.ones((2, 2), np.int64)
    with pytest.raises(ValueError, match=r"group must be one-dimensional.*\(2, 2\)"):
        match(some, some, some)


def test_negative_groups_are_refused() -> None:
    with pytest.raises(ValueError, match="group must not be negative, and row 1 is -4"):
        run((0, 1, 1), (-4, 1, 1))


def test_result_is_frozen() -> None:
    got = run((0, 1, 1))
    with pytest.raises(dataclasses.FrozenInstanceError):
        got.realised_pnl = {}  # type: ignore[misc]
    assert not hasattr(got, "__dict__")
