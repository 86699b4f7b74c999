"""Each fill goes to its order's owner, or in pieces to those who share the order."""

from typing import Any

import pandas as pd

from tradesync_dagster.domain.book_frames import FILL_COLUMNS
from tradesync_dagster.domain.order_parts import ALL_UNITS, Part, shares_of
from tradesync_dagster.domain.owned_fills import OWNER_COLUMNS, first_shared, owned_fills

DAY = 739_000
SPLIT = (Part("alpha", 60), Part("beta", 40))


def fills(*rows: dict[str, Any]) -> pd.DataFrame:
    made = [
        {
            "account_id": 1,
            "trade_date": DAY,
            "fill_id": f"NSE:{number}:BUY",
            "broker_order_id": "B1",
            "exchange": "NSE",
            "symbol": "INFY",
            "isin": "",
            "product": "CNC",
            "quantity": 10,
            "price": 100 + number,
            "filled_at": number,
        }
        | row
        for number, row in enumerate(rows)
    ]
    return pd.DataFrame(made, columns=list(FILL_COLUMNS))


def owners(
    strategy_id: str, *parts: Part, order: str = "B1", day: int = DAY
) -> list[tuple[Any, ...]]:
    return [
        (1, day, order, share.strategy_id, share.start, share.end)
        for share in shares_of(strategy_id, parts)
    ]


def given(traded: pd.DataFrame, *rows: tuple[Any, ...]) -> list[tuple[str, int, int]]:
    found = owned_fills(traded, pd.DataFrame(list(rows), columns=list(OWNER_COLUMNS)))
    kept = found[["strategy_id", "price", "quantity"]].itertuples(index=False, name=None)
    return sorted(kept, key=lambda row: (row[1], row[0]))


def test_the_first_units_go_to_the_first_part() -> None:
    traded = fills({"quantity": 50}, {"quantity": 30}, {"quantity": 40})
    assert given(traded, *owners("", *SPLIT)) == [
        ("alpha", 100, 50), ("alpha", 101, 10), ("beta", 101, 20), ("beta", 102, 20),
    ]  # fmt: skip
    assert given(traded, *owners("gamma", *SPLIT))[-1] == ("gamma", 102, 20)


def test_an_order_that_still_fills_gives_each_unit_to_whom_it_stays_with() -> None:
    rows = [{"quantity": 25}, {"quantity": 45}, {"quantity": 20}, {"quantity": 30}]
    for count in range(1, 5):
        whole = given(fills(*rows), *owners("", *SPLIT))
        last = 99 + count
        assert given(fills(*rows[:count]), *owners("", *SPLIT)) == [
            one for one in whole if one[1] <= last
        ]


def test_sells_keep_their_sign() -> None:
    traded = fills({"quantity": -70})
    assert given(traded, *owners("", *SPLIT)) == [("alpha", 100, -60), ("beta", 100, -10)]


def test_fills_count_by_time_and_those_of_one_time_as_the_exchange_numbered_them() -> None:
    at = {"quantity": 60, "filled_at": 7}
    traded = fills(at | {"fill_id": "NSE:10:BUY"}, at | {"fill_id": "NSE:9:BUY"})
    assert given(traded, *owners("", *SPLIT)) == [("beta", 100, 40), ("alpha", 101, 60)]
    late = fills({"quantity": 60, "filled_at": 8}, {"quantity": 60, "filled_at": 7})
    assert given(late, *owners("", *SPLIT)) == [("beta", 100, 40), ("alpha", 101, 60)]


def test_an_order_that_fills_on_two_days_counts_on() -> None:
    traded = fills({"quantity": 50}, {"quantity": 50, "trade_date": DAY + 1, "filled_at": 0})
    rows = owners("", *SPLIT)
    assert given(traded, *rows) == [("alpha", 100, 50), ("alpha", 101, 10), ("beta", 101, 40)]
    frame = pd.DataFrame(rows, columns=list(OWNER_COLUMNS))
    assert first_shared(traded[1:], frame) == DAY
    assert first_shared(traded[1:].assign(broker_order_id="B2"), frame) is None


def test_orders_of_one_owner_are_whole_and_those_of_nobody_are_left_out() -> None:
    traded = fills({}, {"broker_order_id": "B2"}, {"broker_order_id": "B3"}, {"account_id": 2})
    rows = [*owners("alpha"), *owners("", order="B2")]
    assert given(traded, *rows) == [("alpha", 100, 10)]
    assert first_shared(traded, pd.DataFrame(rows, columns=list(OWNER_COLUMNS))) is None


def test_an_id_that_comes_back_is_another_order() -> None:
    traded = fills({}, {"trade_date": DAY + 5}, {"trade_date": DAY + 9})
    rows = [*owners("alpha"), *owners("", day=DAY + 5), *owners("", *SPLIT, day=DAY + 9)]
    assert given(traded, *rows) == [("alpha", 100, 10), ("alpha", 102, 10)]


def test_the_largest_quantities_are_exact() -> None:
    large = 2**61
    traded = fills({"quantity": large}, {"quantity": large - 1})
    parts = (Part("alpha", large + 1), Part("beta", 1))
    assert given(traded, *owners("", *parts)) == [
        ("alpha", 100, large), ("alpha", 101, 1), ("beta", 101, 1),
    ]  # fmt: skip
    assert 2 * large < ALL_UNITS
