"""Nothing is lost or made by sharing orders out: the strategies' books and what nobody owns sum up.

Held against a model that gives units away one by one.
"""

from collections import defaultdict
from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from tradesync_dagster.domain.book_days import STILL_OPEN
from tradesync_dagster.domain.book_frames import FILL_COLUMNS, empty_lots
from tradesync_dagster.domain.bookkeeping import Books, keep
from tradesync_dagster.domain.facts import Facts
from tradesync_dagster.domain.order_parts import Part, shares_of
from tradesync_dagster.domain.owned_fills import OWNER_COLUMNS, owned_fills

unhurried = settings(deadline=None)
FIRST = 739_000
FACTS = Facts()
NAMES = ("alpha", "beta", "gamma")
ORDERS = ("B1", "B2", "B3")
SIDES = {"B1": 1, "B2": -1, "B3": 1}
Owner = tuple[str, tuple[Part, ...]]


def owners() -> st.SearchStrategy[dict[str, Owner]]:
    part = st.builds(Part, st.sampled_from(NAMES), st.integers(1, 9))
    parts = st.lists(part, max_size=3, unique_by=lambda one: one.strategy_id).map(tuple)
    one = st.tuples(st.sampled_from(["", "rest"]), parts)
    return st.dictionaries(st.sampled_from(ORDERS), one)


def fills() -> st.SearchStrategy[list[dict[str, Any]]]:
    one = st.fixed_dictionaries(
        {
            "broker_order_id": st.sampled_from(ORDERS),
            "trade_date": st.integers(FIRST, FIRST + 2),
            "minute": st.integers(0, 3),
            "size": st.integers(1, 7),
            "price": st.integers(1, 9),
        }
    )
    return st.lists(one, max_size=20)


def frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    made = [
        {
            "account_id": 1,
            "trade_date": row["trade_date"],
            "fill_id": f"NSE:{number}",
            "broker_order_id": row["broker_order_id"],
            "exchange": "NSE",
            "symbol": "INFY",
            "isin": "",
            "product": "NRML",
            "quantity": row["size"] * SIDES[row["broker_order_id"]],
            "price": row["price"],
            "filled_at": row["trade_date"] * 1000 + row["minute"],
        }
        for number, row in enumerate(rows)
    ]
    whole = dict.fromkeys(("account_id", "trade_date", "quantity", "price", "filled_at"), "int64")
    return pd.DataFrame(made, columns=list(FILL_COLUMNS)).astype(whole)


def owner_frame(known: dict[str, Owner]) -> pd.DataFrame:
    rows = [
        (1, FIRST, order, share.strategy_id, share.start, share.end)
        for order, (rest, parts) in known.items()
        for share in shares_of(rest, parts)
    ]
    whole = dict.fromkeys(("account_id", "trade_date", "start", "end"), "int64")
    return pd.DataFrame(rows, columns=list(OWNER_COLUMNS)).astype(whole)


def by_hand(rows: list[dict[str, Any]], known: dict[str, Owner]) -> dict[tuple[str, str], int]:
    """Give away unit by unit, in the order in which they traded."""
    given_away: dict[tuple[str, str], int] = defaultdict(int)
    left = {
        order: [name for part in parts for name in [part.strategy_id] * part.quantity]
        for order, (_, parts) in known.items()
    }
    numbered = sorted(
        enumerate(rows),
        key=lambda n: (n[1]["trade_date"], n[1]["minute"], len(str(n[0])), n[0]),
    )
    for number, row in numbered:
        order = row["broker_order_id"]
        for _ in range(row["size"]):
            waiting = left.get(order, [])
            name = waiting.pop(0) if waiting else known.get(order, ("", ()))[0]
            given_away[f"NSE:{number}", name] += SIDES[order]
    return dict(given_away)


def everything(rows: list[dict[str, Any]], known: dict[str, Owner]) -> pd.DataFrame:
    """All fills by owner, what nobody owns under the empty name."""
    owned = owned_fills(frame(rows), owner_frame(known))
    all_fills = frame(rows).set_index("fill_id")
    taken = owned.groupby("fill_id")["quantity"].sum()
    rest = all_fills["quantity"].sub(taken, fill_value=0).astype("int64")
    nobodys = all_fills.assign(quantity=rest, strategy_id="").reset_index()
    return pd.concat([owned, nobodys[nobodys["quantity"] != 0]], ignore_index=True)


def books_of(traded: pd.DataFrame) -> Books:
    return keep(empty_lots(), traded, FACTS, 1)


@unhurried
@given(fills(), owners())
def test_each_unit_goes_where_giving_them_away_one_by_one_puts_it(
    rows: list[dict[str, Any]], known: dict[str, Owner]
) -> None:
    found = everything(rows, known)
    keys = found[["fill_id", "strategy_id"]].itertuples(index=False, name=None)
    assert dict(zip(keys, found["quantity"], strict=True)) == by_hand(rows, known)


@unhurried
@given(fills(), owners(), st.integers(0, 1000))
def test_the_books_of_all_owners_sum_up_to_the_accounts_own(
    rows: list[dict[str, Any]], known: dict[str, Owner], seed: int
) -> None:
    own = books_of(frame(rows).assign(strategy_id=""))
    shared = books_of(everything(rows, known).sample(frac=1, random_state=seed))
    assert _open(shared)["quantity"].sum() == _open(own)["quantity"].sum()
    # Which buy a sell meets differs from book to book; what was paid in all does not.
    assert _paid(shared) == _paid(own)


@unhurried
@given(fills(), owners())
def test_once_all_is_closed_the_realised_profits_sum_up_too(
    rows: list[dict[str, Any]], known: dict[str, Owner]
) -> None:
    shared = everything(rows, known)
    net = shared.groupby("strategy_id")["quantity"].sum()
    closing = [
        {"strategy_id": name, "quantity": -units, "fill_id": f"close:{name}"}
        for name, units in net.items()
        if units
    ]
    last = {
        "account_id": 1, "trade_date": FIRST + 9, "broker_order_id": "", "exchange": "NSE",
        "symbol": "INFY", "isin": "", "product": "NRML", "price": 5, "filled_at": 10**9,
    }  # fmt: skip
    closers = pd.DataFrame([last | row for row in closing], columns=list(shared.columns))
    closed = pd.concat([shared, closers.astype(shared.dtypes.to_dict())], ignore_index=True)
    both = (
        books_of(closed),
        books_of(
            pd.concat([frame(rows), closers], ignore_index=True)
            .assign(strategy_id="")
            .astype(closed.dtypes.to_dict())
        ),
    )
    assert [len(_open(one)) for one in both] == [0, 0]
    assert both[0].days["realised_pnl"].sum() == both[1].days["realised_pnl"].sum()


def _open(books: Books) -> pd.DataFrame:
    return books.lots[books.lots["held_to"] == STILL_OPEN]


def _paid(books: Books) -> int:
    held = _open(books)
    cost = sum(q * p for q, p in zip(held["quantity"], held["price"], strict=True))
    return int(cost - books.days["realised_pnl"].sum())
