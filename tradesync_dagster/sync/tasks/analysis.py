"""After the close: ask the strategies what to buy, and keep what they wish.

What belongs here: what strategies are shown, and what of their wishes is kept. What does not:
asking them (``asking``), turning signals into orders (``buy_orders``).
"""

from collections.abc import Mapping
from copy import deepcopy
from datetime import date, timedelta

from tradesync_dagster.domain.errors import TradesyncError
from tradesync_dagster.domain.mandates import Mandate, Signal
from tradesync_dagster.domain.strategies import View, Wish
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.tasks.asking import LONGEST_WHY, printable
from tradesync_dagster.sync.tasks.capital import free_capital
from tradesync_dagster.sync.tasks.desk import Detail, Job, Units, check

_DAYS_OF_PRICES = 250


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
    wishes = job.desk.wishes(mandate.plugin, view)
    return [_signal(job.books.account_id, mandate, job.day, one) for one in wishes]


def _signal(account_id: int, mandate: Mandate, day: date, wish: Wish) -> Signal:
    return Signal(
        account_id, mandate.strategy_id, day, wish.exchange, wish.symbol, wish.price,
        wish.product, wish.target, wish.stop, wish.score, words=printable(wish.why, LONGEST_WHY),
    )  # fmt: skip


def _view(job: Job, work: UnitOfWork, mandate: Mandate) -> View:
    account_id = job.books.account_id
    units = Units.of(work, account_id)
    prices = work.price_history(_first_day(job), job.day)
    listings = {(row[0], row[1]) for row in prices[["exchange", "symbol"]].to_numpy().tolist()}
    held = {place: units.held(mandate.strategy_id, *place, "CNC") for place in listings}
    options: Mapping[str, str] = dict(mandate.options)
    return View(
        job.day,
        mandate.capital,
        free_capital(work, account_id, mandate, job.day_before),
        prices,
        {place: count for place, count in held.items() if count},
        deepcopy(work.positions([account_id])),
        deepcopy(work.holdings([account_id])),
        options,
    )


def _first_day(job: Job) -> date:
    """Go back by ``_DAYS_OF_PRICES`` trading days, which take about a year and a half at most."""
    days = job.desk.hours.trading_days(job.day - timedelta(days=550), job.day - timedelta(days=1))
    return days[-_DAYS_OF_PRICES]
