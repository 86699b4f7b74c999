"""Asking a strategy what to buy, and holding what it says to the form of wishes.

A strategy is somebody else's code: it is asked in a process of its own (``Desk.wishes``), and what
comes from there is checked on both sides. What belongs here: making a strategy, asking, checking.
What does not: the process (``bootstrap.strategy_process``), keeping wishes (``analysis``).
"""

from collections.abc import Sequence
from importlib.metadata import EntryPoint
from itertools import islice

from tradesync_dagster.domain.errors import ConfigurationError, TaskFailedError, TradesyncError
from tradesync_dagster.domain.facts import PRODUCTS
from tradesync_dagster.domain.strategies import GROUP, Strategy, View, Wish

MOST_WISHES = 1_000
"""Of one strategy on one day."""
LONGEST_WHY = 200
_MOST = 2**62
_LONGEST_NAME, _LONGEST_ERROR = 64, 300


def make(name: str, place: str) -> Strategy:
    """Make a strategy anew; imports its code.

    Args:
        name: As mandates name it.
        place: ``module:Class``.

    Returns:
        The strategy.

    Raises:
        ConfigurationError: It cannot be made.
    """
    try:
        made: Strategy = EntryPoint(name, place, GROUP).load()()
    except (Exception, SystemExit) as error:
        said = printable(f"{type(error).__name__}: {error}", _LONGEST_ERROR)
        raise ConfigurationError(
            f"the strategy {name!r} ({place}) cannot be made: {said}"
        ) from error
    return made


def ask(name: str, place: str, view: View) -> list[Wish]:
    """Make a strategy and ask it.

    Args:
        name: As mandates name it.
        place: ``module:Class``.
        view: What it is shown.

    Returns:
        Its wishes, with texts that the books can keep.

    Raises:
        TradesyncError: It cannot be made, it raised something, or it wishes what cannot be.
    """
    strategy = make(name, place)
    try:
        wishes = list(islice(strategy.wishes(view), MOST_WISHES + 1))
    except TradesyncError:
        raise
    except (Exception, SystemExit) as error:  # somebody else's code, which stops no other
        said = printable(f"{type(error).__name__}: {error}", _LONGEST_ERROR)
        raise TaskFailedError(f"the strategy {name!r} raised {said}") from error
    return [
        Wish(
            one.exchange, one.symbol, one.price, one.product, one.target, one.stop, one.score,
            printable(one.why, LONGEST_WHY),
        )
        for one in checked(wishes)
    ]  # fmt: skip


def checked(wishes: Sequence[Wish]) -> Sequence[Wish]:
    """Hold wishes to their form.

    Raises:
        TaskFailedError: They are too many, or one is no wish that can be kept.
    """
    if len(wishes) > MOST_WISHES:
        raise TaskFailedError(f"it has more than {MOST_WISHES} wishes")
    seen: set[tuple[str, str]] = set()
    for one in wishes:
        wrong = _fault(one)
        if wrong:
            raise TaskFailedError(f"{printable(repr(one), _LONGEST_ERROR)}: {wrong}")
        if (one.exchange, one.symbol) in seen:
            raise TaskFailedError(f"{one.exchange}:{one.symbol}: an instrument is wished for once")
        seen.add((one.exchange, one.symbol))
    return wishes


def _fault(wish: object) -> str:
    """Say why what a strategy gave is no wish that can be kept; empty where it is one."""
    if not isinstance(wish, Wish):
        return "a wish is a Wish"
    names, prices = (wish.exchange, wish.symbol), (wish.price, wish.target, wish.stop)
    if any(type(one) is not str or not one or not one.isprintable() or len(one) > _LONGEST_NAME
           for one in names):  # fmt: skip
        return f"an exchange and a symbol are printable text of up to {_LONGEST_NAME} characters"
    if any(type(price) is not int or not 0 <= price < _MOST for price in prices) or not wish.price:
        return "prices are whole millionths of the currency, and the price is above 0"
    if type(wish.score) is not int or not -_MOST < wish.score < _MOST:
        return "a score is a whole number"
    if wish.product not in PRODUCTS:
        return f"a product is one of {', '.join(PRODUCTS)}"
    return "" if type(wish.why) is str else "why is text"


def printable(text: str, most: int) -> str:
    """Make foreign text fit for the books, which keep neither NUL nor halves of characters."""
    return "".join(one if one.isprintable() else "?" for one in text[:most])
