"""After the close: ask the strategies what to buy, and keep what they wish.

What belongs here: what strategies are shown, and what of their wishes is kept. What does not: the
strategies (entry points), turning signals into orders (``buy_orders``).
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import date
from itertools import islice

from tradesync_dagster.domain.errors import TaskFailedError, TradesyncError
from tradesync_dagster.domain.mandates import Mandate, Signal
from tradesync_dagster.domain.market_calendar import previous_trading_day
from tradesync_dagster.domain.strategies import View, Wish
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.tasks.capital import free_capital
from tradesync_dagster.sync.tasks.desk import Detail, Job, Units, check

MOST_WISHES = 1_000
"""Of one strategy on one day."""
_MOST = 2**62
_LONGEST_NAME, _LONGEST_WHY, _LONGEST_ERROR = 64, 200, 300
_PRODUCTS = ("CNC", "MIS", "NRML", "MTF")


def analyse(job: Job) -> Detail:
    """Ask every strategy that has a mandate; one that fails stops no other.

    Raises:
        TaskFailedError: A strategy failed, is not installed, or wishes what cannot be.
    """
    with job.desk.store.look() as work:
        mandates = job.mandates(work)
        views = {name: _view(job, work, one) for name, one in mandates.items()}
    detail: Detail = {"strategies": len(mandates), "signals": 0}
    errors: list[str] = []
    for name, mandate in mandates.items():
        try:
            signals = _signals(job, mandate, views[name])
        except TradesyncError as error:
            errors.append(f"{name}: {error}")
            continue
        with job.desk.store.begin([job.books.account_id]) as work:
            work.add_signals(signals)
        detail["signals"] += len(signals)
    return check(errors, detail)


def _signals(job: Job, mandate: Mandate, view: View) -> list[Signal]:
    strategy = job.desk.strategy(mandate.plugin)
    try:
        wishes = list(islice(strategy.wishes(view), MOST_WISHES + 1))
    except TradesyncError:
        raise
    except (Exception, SystemExit) as error:  # somebody else's code, which stops no other
        said = _printable(f"{type(error).__name__}: {error}", _LONGEST_ERROR)
        raise TaskFailedError(f"the strategy {mandate.plugin!r} raised {said}") from error
    return [_signal(job.books.account_id, mandate, job.day, one) for one in _checked(wishes)]


def _checked(wishes: Sequence[Wish]) -> Sequence[Wish]:
    if len(wishes) > MOST_WISHES:
        raise TaskFailedError(f"it has more than {MOST_WISHES} wishes")
    seen: set[tuple[str, str]] = set()
    for one in wishes:
        wrong = _fault(one)
        if wrong:
            raise TaskFailedError(f"{_printable(repr(one), _LONGEST_ERROR)}: {wrong}")
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
    if wish.product not in _PRODUCTS:
        return f"a product is one of {', '.join(_PRODUCTS)}"
    return "" if type(wish.why) is str else "why is text"


def _printable(text: str, most: int) -> str:
    """Make foreign text fit for the books, which keep neither NUL nor halves of characters."""
    return "".join(one if one.isprintable() else "?" for one in text[:most])


def _signal(account_id: int, mandate: Mandate, day: date, wish: Wish) -> Signal:
    return Signal(
        account_id, mandate.strategy_id, day, wish.exchange, wish.symbol, wish.price,
        wish.product, wish.target, wish.stop, wish.score, words=_printable(wish.why, _LONGEST_WHY),
    )  # fmt: skip


def _view(job: Job, work: UnitOfWork, mandate: Mandate) -> View:
    account_id = job.books.account_id
    units = Units.of(work, account_id)
    prices = work.price_history(previous_days(job.day), job.day)
    listings = {(row[0], row[1]) for row in prices[["exchange", "symbol"]].to_numpy().tolist()}
    held = {place: units.held(mandate.strategy_id, *place, "CNC") for place in listings}
    options: Mapping[str, str] = dict(mandate.options)
    return View(
        job.day,
        mandate.capital,
        free_capital(work, account_id, mandate, job.day),
        prices,
        {place: count for place, count in held.items() if count},
        deepcopy(work.positions([account_id])),
        deepcopy(work.holdings([account_id])),
        options,
    )


def previous_days(day: date, count: int = 250) -> date:
    """Go back by trading days."""
    for _ in range(count):
        day = previous_trading_day(day)
    return day
