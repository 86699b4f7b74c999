"""Histories too long to be kept in one piece give the same books, also when cut short."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from tradesync_dagster.domain.book_states import Generation
from tradesync_dagster.domain.facts import OpeningBalance
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.ports import Store
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync import history, keeping
from tradesync_dagster.sync.history import catch_up, catch_up_by_stretches
from tradesync_dagster_tests.support.record_books import (
    CALL,
    EXPIRY,
    NOW,
    OLD,
    RUPEE,
    SPLIT,
    Books,
    day,
    fill,
    open_books,
)

DAYS = 9


@pytest.fixture
def books(database_url: str) -> Iterator[Books]:
    with open_books(database_url) as opened:
        opened.take("actions", SPLIT)
        opened.take("settlements", EXPIRY)
        yield opened


def trades(seed: int = 3) -> list[Fill]:
    """Shares that are split on the way, an option that expires on the way, and a future."""
    chance = random.Random(seed)
    made = []
    option = {"exchange": "NFO", "symbol": CALL, "product": "NRML", "isin": ""}
    for number in range(1, 55):
        on = number * DAYS // 55
        isin = SPLIT.new_isin if day(on) >= SPLIT.ex_date else OLD
        kind = chance.choice([{"isin": isin}, {"product": "NRML"}, option])
        quantity = chance.choice([-7, -3, 4, 5, 9])
        if kind.get("isin"):
            quantity = abs(quantity) if number % 3 else -1
        made.append(fill(number, on, quantity, chance.randint(90, 110), **kind))
    return made


def add(books: Books, *fills: Fill) -> None:
    with books.store.begin([1]) as work:
        work.add_fills([(1, one) for one in fills], "tradebook")


def stale(books: Books) -> bool:
    with books.store.look() as work:
        return work.generations([1])[1].stale_from is not None


@pytest.fixture
def expected(books: Books, monkeypatch: pytest.MonkeyPatch) -> object:
    """What one pass gives; afterwards few fills fit into memory and the books are stale again."""
    add(books, *trades())
    with books.store.begin([1]) as work:
        catch_up(work, [1], NOW)
    made = books.made()
    assert books.agree()
    assert len(made["lots"]) > 20
    for bound in ("_MOST_FILLS", "_MOST_A_TURN"):
        monkeypatch.setattr(keeping, bound, 8)
    with books.store.begin([1]) as work:
        work.mark_stale({1: day(0)})
    return made


def stretches(monkeypatch: pytest.MonkeyPatch, last: int = 100) -> list[object]:
    """Watch the stretches, and crash after so many."""
    seen: list[object] = []
    real = keeping.keep_stretch

    def watched(work: UnitOfWork, known: Generation, now: object) -> Generation:
        if len(seen) == last:
            raise KeyboardInterrupt
        found = real(work, known, now)  # type: ignore[arg-type]
        seen.append(found.stale_from)
        return found

    monkeypatch.setattr(history, "keep_stretch", watched)
    return seen


def test_stretches_give_what_one_pass_gives(
    books: Books, expected: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = stretches(monkeypatch)
    catch_up_by_stretches(books.store, 1, NOW)
    assert len(seen) == DAYS
    assert seen[-1] is None
    assert books.made() == expected
    assert books.agree()


def test_within_one_transaction_too(books: Books, expected: object) -> None:
    with books.store.begin([1]) as work:
        catch_up(work, [1], NOW)
    assert books.made() == expected


def test_cut_short_the_books_end_with_a_day_and_a_sync_goes_on_from_the_next(
    books: Books, expected: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = {on: books.held(on) for on in range(DAYS)}
    seen = stretches(monkeypatch, last=4)
    with pytest.raises(KeyboardInterrupt):
        catch_up_by_stretches(books.store, 1, NOW)
    assert seen[-1] == day(4)
    assert [books.held(on) for on in range(4)] == [whole[on] for on in range(4)]
    assert max(row["trade_date"] for row in books.made()["position_days"]) < day(4)
    assert stale(books)
    with books.store.begin([1]) as work:
        catch_up(work, [1], NOW)
    assert books.made() == expected
    assert books.agree()


def test_a_late_fill_of_one_instrument_leaves_the_others_as_they_were(
    books: Books, expected: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    catch_up_by_stretches(books.store, 1, NOW)
    late = replace(trades()[1], trade_id="999", symbol="TCS", isin="", product="NRML")
    add(books, late)
    stretches(monkeypatch)
    catch_up_by_stretches(books.store, 1, NOW)
    assert books.agree()


def test_an_account_whose_balances_were_taken_over_ends_too(books: Books) -> None:
    """Its books begin with what no fill explains, so that they are kept in one piece."""
    add(books, *trades())
    balance = OpeningBalance(1, "NSE", "WIPRO", "CNC", "", day(6), 10, 0, 90 * RUPEE)
    with books.store.begin([1]) as work:
        work.put_openings([balance])
        work.put_generations([Generation(1, None, None, day(6))])
        work.mark_stale({1: day(0)})
    catch_up_by_stretches(books.store, 1, NOW)
    assert books.agree()
    assert not stale(books)


def test_an_account_taken_over_without_any_balance_is_kept_by_stretches(
    books: Books, expected: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    with books.store.begin([1]) as work:
        work.put_generations([Generation(1, None, None, day(0) + timedelta(days=30))])
        work.mark_stale({1: day(0)})
    seen = stretches(monkeypatch)
    catch_up_by_stretches(books.store, 1, NOW)
    assert len(seen) == DAYS
    assert books.made() == expected


def test_books_that_are_not_stale_cost_no_more_than_a_look(books: Books) -> None:
    store: Store = books.store
    catch_up_by_stretches(store, 2, NOW)
    assert books.made()["lots"] == []
