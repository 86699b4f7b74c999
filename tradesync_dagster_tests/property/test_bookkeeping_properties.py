"""Books by day against a bookkeeper who works unit by unit, and against themselves resumed."""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from tradesync_dagster.domain.book_days import STILL_OPEN
from tradesync_dagster.domain.book_frames import QUEUE, empty_lots
from tradesync_dagster.domain.bookkeeping import Books, keep
from tradesync_dagster.domain.closed_lots import closed_on
from tradesync_dagster.domain.facts import DELIVERY, Conversion, CorporateAction, Facts
from tradesync_dagster.domain.orders import Side

unhurried = settings(deadline=None)
FIRST = 739_000
SYMBOLS = {("NSE", "INFY"): "INE009A01021", ("BSE", "INFY"): "INE009A01021"}
FACTS = Facts(isins=SYMBOLS)


@dataclass
class Unit:
    fill_id: str
    sign: int
    price: int


@dataclass
class Ledger:
    """One queue, kept unit by unit."""

    open: list[Unit] = field(default_factory=list)
    realised: int = 0

    def trade(self, unit: Unit) -> None:
        if self.open and self.open[0].sign != unit.sign:
            other = self.open.pop(0)
            self.realised += unit.sign * (other.price - unit.price)
        else:
            self.open.append(unit)


def fills() -> st.SearchStrategy[list[dict[str, Any]]]:
    one = st.fixed_dictionaries(
        {
            "account_id": st.integers(1, 2),
            "day": st.integers(0, 4),
            "minute": st.integers(0, 3),
            "exchange": st.sampled_from(["NSE", "BSE"]),
            "product": st.sampled_from(["CNC", "MIS"]),
            "quantity": st.integers(-4, 4).filter(bool),
            "price": st.integers(-3, 9),
        }
    )
    return st.lists(one, max_size=25)


def frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    made = [
        {
            "account_id": row["account_id"],
            "strategy_id": "",
            "trade_date": FIRST + row["day"],
            "fill_id": f"{row['exchange']}:{number}",
            "broker_order_id": "",
            "exchange": row["exchange"],
            "symbol": "INFY",
            "isin": "",
            "product": row["product"],
            "quantity": row["quantity"],
            "price": row["price"],
            "filled_at": row["day"] * 1000 + row["minute"],
        }
        for number, row in enumerate(rows)
    ]
    columns = list(made[0]) if made else [*frame([_ONE]).columns]
    return pd.DataFrame(made, columns=columns).astype(
        dict.fromkeys(("account_id", "trade_date", "quantity", "price", "filled_at"), "int64")
    )


_ONE = {
    "account_id": 1, "day": 0, "minute": 0, "exchange": "NSE", "product": "CNC", "quantity": 1,
    "price": 1,
}  # fmt: skip


def queue_of(row: dict[str, Any]) -> tuple[int, str, str]:
    delivery = row["product"] in DELIVERY
    name = "INE009A01021" if delivery else f"{row['exchange']}:INFY"
    return (row["account_id"], name, row["product"])


def by_hand(rows: list[dict[str, Any]], until: int) -> dict[tuple[int, str, str], Ledger]:
    """Keep the books of all days up to one, unit by unit."""
    ledgers: dict[tuple[int, str, str], Ledger] = defaultdict(Ledger)
    numbered = sorted(
        enumerate(rows),
        key=lambda n: (
            n[1]["minute"],
            len(f"{n[1]['exchange']}:{n[0]}"),
            f"{n[1]['exchange']}:{n[0]}",
        ),
    )
    for day in range(until + 1):
        within: dict[tuple[int, str, str], Ledger] = defaultdict(Ledger)
        for number, row in numbered:
            if row["day"] != day:
                continue
            sign = 1 if row["quantity"] > 0 else -1
            key = queue_of(row)
            book = within[key] if row["product"] in DELIVERY else ledgers[key]
            for _ in range(abs(row["quantity"])):
                book.trade(Unit(f"{row['exchange']}:{number}", sign, row["price"]))
        for key, book in within.items():
            ledgers[key].realised += book.realised
            for unit in book.open:
                ledgers[key].trade(unit)
    return ledgers


def lots_on(books: Books, day: int) -> dict[tuple[Any, ...], int]:
    lots = books.lots
    held = lots[(lots["held_from"] <= FIRST + day) & (lots["held_to"] > FIRST + day)]
    keys = ["account_id", "instrument", "product", "fill_id", "price"]
    rows = held[[*keys, "quantity"]].itertuples(index=False, name=None)
    return {row[:-1]: row[-1] for row in rows}


@unhurried
@given(fills())
def test_every_day_is_as_kept_by_hand(rows: list[dict[str, Any]]) -> None:
    books = keep(empty_lots(), frame(rows), FACTS, 1)
    for day in range(5):
        ledgers = by_hand(rows, day)
        expected: dict[tuple[Any, ...], int] = defaultdict(int)
        for key, ledger in ledgers.items():
            for unit in ledger.open:
                expected[*key, unit.fill_id, unit.price] += unit.sign
        assert lots_on(books, day) == dict(expected)
        days = books.days[books.days["trade_date"] <= FIRST + day]
        names = ["account_id", "instrument", "product"]
        realised = days.groupby(names)["realised_pnl"].sum().to_dict()
        assert realised == {key: ledger.realised for key, ledger in ledgers.items()}
        last = days.drop_duplicates(names, keep="last").set_index(names)
        for key, ledger in ledgers.items():
            assert last.loc[key, "quantity"] == sum(unit.sign for unit in ledger.open)
            cost = sum((Fraction(u.sign * u.price) for u in ledger.open), Fraction(0))
            assert last.loc[key, "cost"] == cost


def facts() -> st.SearchStrategy[Facts]:
    """Splits, bonuses, consolidations and conversions on any of the days."""
    day = st.integers(1, 4).map(lambda n: date.fromordinal(FIRST + n))
    ratio = st.sampled_from([(5, 1), (3, 2), (1, 2), (4, 3)])
    action = st.builds(
        lambda d, r: CorporateAction("INE009A01021", d, "split", r[0], r[1]), day, ratio
    )
    move = st.builds(
        lambda d, side, quantity, overnight, back: Conversion(
            1, f"{d}{side}{overnight}{back}", d, "NSE", "INFY", side,
            *(("CNC", "MIS") if back else ("MIS", "CNC")), quantity, overnight,
        ),
        day, st.sampled_from(Side), st.integers(1, 5), st.booleans(), st.booleans(),
    )  # fmt: skip
    return st.builds(
        lambda actions, moves: Facts(SYMBOLS, (), tuple(actions), tuple(moves)),
        st.lists(action, max_size=2, unique_by=lambda a: a.ex_date),
        st.lists(move, max_size=3, unique_by=lambda c: c.conversion_id),
    )


@unhurried
@given(fills(), facts(), st.integers(0, 5), st.integers(0, 1000))
def test_books_resumed_on_any_day_are_the_books_kept_whole(
    rows: list[dict[str, Any]], known: Facts, day: int, seed: int
) -> None:
    whole = frame(rows)
    books = keep(empty_lots(), whole, known, 1)
    start = FIRST + day
    state = books.lots[(books.lots["held_from"] < start) & (books.lots["held_to"] >= start)]
    shuffled = state.sample(frac=1, random_state=seed)
    later = whole[whole["trade_date"] >= start].sample(frac=1, random_state=7)
    resumed = keep(shuffled, later, known, start)
    earlier = books.lots[(books.lots["held_to"] < start)]
    assert _set(pd.concat([earlier, resumed.lots])) == _set(books.lots)
    assert _set(resumed.days) == _set(books.days[books.days["trade_date"] >= start])


@unhurried
@given(fills(), facts())
def test_what_was_paid_is_either_held_or_realised(rows: list[dict[str, Any]], known: Facts) -> None:
    whole = frame(rows)
    books = keep(empty_lots(), whole, known, 1)
    held = books.lots[books.lots["held_to"] == STILL_OPEN]
    paid = sum(q * p for q, p in zip(whole["quantity"], whole["price"], strict=True))
    cost = sum(q * p for q, p in zip(held["quantity"], held["price"], strict=True))
    assert cost - books.days["realised_pnl"].sum() == paid
    last = books.days.drop_duplicates(QUEUE, keep="last")
    assert last["cost"].sum() == cost
    assert last["quantity"].sum() == held["quantity"].sum()


@unhurried
@given(fills(), facts())
def test_the_pairs_that_a_day_closed_earned_what_the_day_did(
    rows: list[dict[str, Any]], known: Facts
) -> None:
    """Conversions of earlier days' units may net two products, which no fill closes."""
    known = replace(known, conversions=tuple(m for m in known.conversions if not m.overnight))
    whole = frame(rows)
    books = keep(empty_lots(), whole, known, 1)
    for day in range(FIRST, FIRST + 5):
        eve = books.lots[(books.lots["held_from"] < day) & (books.lots["held_to"] >= day)]
        closed = closed_on(eve, whole[whole["trade_date"] == day], known, day)
        days = books.days[books.days["trade_date"] == day].set_index(QUEUE)
        earned = closed.groupby(QUEUE)["realised_pnl"].sum()
        assert days["realised_pnl"].to_dict() == dict.fromkeys(days.index, 0) | earned.to_dict()
        sums = (closed["closing_price"] - closed["opening_price"]) * closed["quantity"]
        assert (sums == closed["realised_pnl"]).all()
        for counted, sign in (("wins", closed["realised_pnl"] > 0), ("losses", sums < 0)):
            assert days[counted].sum() == sign.sum()


def _set(rows: pd.DataFrame) -> set[tuple[Any, ...]]:
    found = list(rows.itertuples(index=False, name=None))
    assert len(found) == len(set(found))
    return set(found)


def test_open_lots_never_end() -> None:
    books = keep(empty_lots(), frame([_ONE]), FACTS, 1)
    assert books.lots["held_to"].tolist() == [STILL_OPEN]
