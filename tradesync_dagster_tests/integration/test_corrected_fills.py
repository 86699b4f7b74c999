"""Corrected and annulled fills: the books are those of the right fills, the evidence stays."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.sync.correcting import (
    Statement,
    correct_fill,
    correction_documents,
    fill_documents,
)
from tradesync_dagster.sync.history import catch_up
from tradesync_dagster_tests.support.record_books import (
    NOW,
    OLD,
    RUPEE,
    Books,
    day,
    fill,
    open_books,
)
from tradesync_dagster_tests.support.store_frames import dump, stored


@pytest.fixture
def books(database_url: str) -> Iterator[Books]:
    with open_books(database_url) as opened:
        yield opened


HISTORY = [
    fill(1, 0, 10, 1000), fill(2, 1, 10, 1100), fill(3, 2, -12, 1200), fill(4, 5, -3, 1300),
]  # fmt: skip


def test_a_corrected_fill_changes_its_day_and_all_after_it(books: Books) -> None:
    right = replace(HISTORY[1], quantity=4, price=1090_250_000)
    books.trade(1, *HISTORY)
    books.trade(2, HISTORY[0], right, *HISTORY[2:])
    assert books.lots(5) != books.lots(5, 2)
    assert books.correct(HISTORY[1], quantity=4, price=right.price)
    assert_alike(books)
    assert not books.correct(HISTORY[1], quantity=4), "it says so already"
    (kept,) = stored(books.store, "fill_corrections")
    assert (kept["reason"], kept["who"], kept["corrected_at"]) == (
        "the exchange said so", "asha", NOW,
    )  # fmt: skip
    assert {k: v for k, v in kept["before"].items() if v != kept["after"][k]} == {
        "quantity": "10", "price": "1100.00",
    }  # fmt: skip
    assert (kept["after"]["quantity"], kept["after"]["price"]) == ("4", "1090.25")


def assert_alike(books: Books) -> None:
    """Both accounts' books hold the same, and a replay gives them."""
    for rows in books.made().values():
        of = [
            [
                {k: v for k, v in row.items() if k != "account_id"}
                for row in rows
                if row["account_id"] == a
            ]
            for a in (1, 2)
        ]
        assert of[0] == of[1]
        assert of[0]
    assert books.agree()


def test_a_corrected_product_moves_the_fill_to_its_queue(books: Books) -> None:
    right = replace(HISTORY[3], product="MIS")
    books.trade(1, *HISTORY)
    books.trade(2, *HISTORY[:3], right)
    assert books.correct(HISTORY[3], product="MIS")
    assert_alike(books)


def test_an_annulled_fill_is_as_if_it_never_was_and_stays_as_evidence(books: Books) -> None:
    books.trade(1, *HISTORY)
    books.trade(2, HISTORY[0], *HISTORY[2:])
    with_it = books.made()
    assert books.annul(HISTORY[1])
    assert_alike(books)
    assert not books.annul(HISTORY[1]), "it was already"
    (kept,) = stored(books.store, "fill_corrections")
    assert (kept["before"]["quantity"], kept["after"]) == ("10", None)
    shown = fill_documents(books.store, books.accounts[0], day(0))
    assert [(r["fill_id"], bool(r["annulled_at"])) for r in shown] == [
        ("NSE:4:SELL", False), ("NSE:3:SELL", False), ("NSE:2:BUY", True), ("NSE:1:BUY", False),
    ]  # fmt: skip
    books.trade(1, *HISTORY)
    assert_alike(books)
    assert correct_fill(
        books.store, books.accounts[0],
        Statement(day(1), "NSE:2:BUY", "it was traded", "asha"), {}, NOW + timedelta(hours=1),
    )  # fmt: skip
    assert books.made() == with_it
    newest = correction_documents(books.store, books.accounts[0])[0]
    assert (newest["before"]["annulled_at"], newest["after"]["annulled_at"]) == (
        NOW.isoformat(), None,
    )  # fmt: skip
    assert newest["account"] == "ORG/A1"


def test_a_day_whose_only_fill_is_annulled_is_gone(books: Books) -> None:
    books.trade(1, HISTORY[0])
    books.annul(HISTORY[0])
    assert books.made() == {"lots": [], "position_days": []}
    assert books.agree()


def test_the_brokers_report_does_not_undo_a_correction(books: Books) -> None:
    with books.store.begin([1]) as work:
        work.add_fills([(1, HISTORY[0]), (1, HISTORY[1])], "broker")
        catch_up(work, [1], NOW)
    books.correct(HISTORY[0], quantity=3)
    books.annul(HISTORY[1])
    with books.store.begin([1]) as work:
        again = work.add_fills([(1, HISTORY[0]), (1, HISTORY[1])], "broker")
    assert [found[1].quantity for found in again.differing] == [3]
    assert books.lots(9) == [(OLD, "CNC", "NSE:1:BUY", 3, 1000 * RUPEE)]


@pytest.mark.parametrize(
    ("said", "changes", "words"),
    [
        ({"fill_id": "NSE:9:BUY"}, {}, "has no fill 'NSE:9:BUY' on 2026-03-02"),
        ({"trade_date": day(1)}, {}, "has no fill 'NSE:1:BUY' on 2026-03-03"),
        ({"reason": " "}, {}, "needs a reason"),
        ({"who": "x" * 101}, {}, "needs a who of 1 to 100"),
        ({}, {"quantity": 0}, "annul the fill if there was none"),
        ({}, {"product": "INTRADAY"}, "the product is none of CNC, MIS"),
    ],
)
def test_a_statement_that_is_not_whole_changes_nothing(
    books: Books, said: dict[str, Any], changes: dict[str, Any], words: str
) -> None:
    books.trade(1, HISTORY[0])
    before = dump(books.store)
    statement = replace(Statement(day(0), "NSE:1:BUY", "why", "asha"), **said)
    with pytest.raises(ConfigurationError, match=words):
        correct_fill(books.store, books.accounts[0], statement, changes, NOW)
    with pytest.raises(ConfigurationError, match="ORG/A2 has no fill"):
        books.correct(HISTORY[0], account=1, quantity=5)
    assert dump(books.store) == before
