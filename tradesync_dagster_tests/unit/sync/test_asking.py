"""What of a strategy's answers is taken for wishes, and what is said of the rest."""

from collections.abc import Iterable
from datetime import date

import pandas as pd
import pytest

from tradesync_dagster.domain.errors import ConfigurationError, TaskFailedError, ValueRefusedError
from tradesync_dagster.domain.strategies import View, Wish
from tradesync_dagster.sync.tasks.asking import LONGEST_WHY, ask


class Gives:
    """Gives what its mandate's option says."""

    def wishes(self, view: View) -> Iterable[Wish]:
        known = {"Wish": Wish, "exit": exit, "Refused": ValueRefusedError}
        found: Iterable[Wish] = eval(view.options["gives"], known)  # noqa: S307 - ours
        return found


class Unmade(Gives):
    def __init__(self) -> None:
        raise SystemExit("\0")


def asked(gives: str, name: str = "Gives") -> list[Wish]:
    view = View(date(2026, 11, 20), 1, 1, pd.DataFrame(), options={"gives": gives})
    return ask("mine", f"{__name__}:{name}", view)


@pytest.mark.parametrize(
    ("gives", "why"),
    [
        ("None", "TypeError"),
        ("exit(3)", "SystemExit"),
        ("[1]", "a wish is a Wish"),
        ("(Wish('NSE', f'S{n}', 50_000) for n in iter(int, 1))", "more than 1000"),
        ("[Wish('NSE', 'INFY', 50_000)] * 2", "wished for once"),
        ("[Wish(None, 7, 50_000)]", "printable text"),
        ("[Wish([], 'A', 50_000)]", "printable text"),
        (r"[Wish('NSE', 'A\x00', 50_000)]", "printable text"),
        ("[Wish('NSE', 'X' * 10_000, 50_000)]", "printable text"),
        ("[Wish('NSE', 'INFY', float('nan'))]", "whole millionths"),
        ("[Wish('NSE', 'INFY', 0)]", "above 0"),
        ("[Wish('NSE', 'INFY', 50_000, stop=-1)]", "whole millionths"),
        ("[Wish('NSE', 'INFY', 50_000, score=1.5)]", "score is a whole number"),
        ("[Wish('NSE', 'INFY', 50_000, score=2**70)]", "score is a whole number"),
        ("[Wish('NSE', 'INFY', 50_000, product=['CNC'])]", "a product is one of"),
        ("[Wish('NSE', 'INFY', 50_000, why=None)]", "why is text"),
        (r"[].index('\x00\ud800')", "'mine' raised ValueError"),
    ],
)
def test_rubbish_is_told_in_printable_words(gives: str, why: str) -> None:
    with pytest.raises(TaskFailedError, match=why) as caught:
        asked(gives)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600


def test_wishes_come_with_texts_that_the_books_can_keep() -> None:
    [wish] = asked(r"[Wish('NSE', 'INFY', 50_000, why='\x00' + 'x' * 1_000)]")
    assert wish == Wish("NSE", "INFY", 50_000, why="?" + "x" * (LONGEST_WHY - 1))


def test_its_own_refusal_stays_as_it_is_and_one_that_cannot_be_made_is_named() -> None:
    with pytest.raises(ValueRefusedError, match="days"):
        asked("(_ for _ in ()).throw(Refused('days'))")
    for name, why in (("Unmade", r"'mine' \(.*:Unmade\) cannot be made: SystemExit: \?"),
                      ("Missing", "cannot be made: AttributeError")):  # fmt: skip
        with pytest.raises(ConfigurationError, match=why):
            asked("[]", name)
