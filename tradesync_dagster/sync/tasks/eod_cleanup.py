"""After the day: end its orders, square its books, and put away what is over.

What belongs here: the order of these steps. What does not: ending orders (``expiring``), making
books (``rebuilding``).
"""

from dataclasses import replace

from tradesync_dagster.domain.mandates import SignalState
from tradesync_dagster.domain.market_calendar import start_of
from tradesync_dagster.sync.tasks.desk import Detail, Job, Units, check

_MOST_DAYS_OF_SIGNALS = 10


def clean_up(job: Job) -> Detail:
    """Bring the day to its end.

    Orders whose day is over end by the broker's book; positions and holdings are made anew and
    published, and the day's stay in the books; signals that nobody took expire; exits of what is
    sold are dropped; and the books are proved to follow from the fills.

    Raises:
        TaskFailedError: The broker gave no whole answer, or the books do not follow.
    """
    ended = dict(job.desk.end_day(job.books.key))
    result = job.refreshed("order_book", "positions", "holdings", force=True)
    detail: Detail = ended | {
        "orders": result.orders,
        "positions": result.positions,
        "holdings": result.holdings,
        "breaks": result.breaks,
        "signals_expired": _expire_signals(job),
        "exits_dropped": _drop_exits(job),
    }
    wrong = job.desk.follows(job.books.key)
    return check([wrong] if wrong else [], detail)


def _expire_signals(job: Job) -> int:
    since = job.day
    for _ in range(_MOST_DAYS_OF_SIGNALS):
        since = job.desk.hours.previous_trading_day(since)
    with job.desk.store.begin([job.books.account_id]) as work:
        old = [
            replace(one, state=SignalState.EXPIRED, words="nobody took it in time")
            for one in work.signals(job.books.account_id, since)
            if one.state is SignalState.NEW and one.made_on < job.day
        ]
        work.put_signals(old)
    return len(old)


def _drop_exits(job: Job) -> int:
    """Drop the exits of what is no longer held, and was not just ordered."""
    account_id, lately = job.books.account_id, start_of(job.day_before)
    with job.desk.store.begin([account_id]) as work:
        units = Units.of(work, account_id)
        gone = [
            one
            for one in work.exits(account_id)
            if one.since < lately
            and not units.held(one.strategy_id, one.exchange, one.symbol, one.product)
        ]
        work.drop_exits(gone)
    return len(gone)
