"""Taking over what an account held before its books began.

On the first complete answers for positions and holdings the broker's own figures at the start of
that day are recorded, once. What of them later proves to be known from fills (an imported
tradebook) stops being assumed by itself. What belongs here: when and what to record. What does
not: turning it into lots (``domain.openings``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from tradesync_dagster.domain.answers import Outcome
from tradesync_dagster.domain.facts import DELIVERY, OpeningBalance
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.fetching import Answers


def open_books(work: UnitOfWork, looks: Sequence[Answers]) -> None:
    """Record the opening balances of accounts that have none yet.

    Args:
        work: A transaction with the accounts' lease.
        looks: What the brokers said; an answer that is incomplete or has refused rows opens
            nothing.
    """
    known = work.generations([look.account.account_id for look in looks])
    fresh = [
        look
        for look in looks
        if known[look.account.account_id].opened_on is None
        and all(
            fetch.outcome is Outcome.COMPLETE and not fetch.rejects
            for fetch in (look.positions, look.holdings)
        )
    ]
    if not fresh:
        return
    balances = [balance for look in fresh for balance in _balances(look)]
    work.put_openings(balances)
    work.put_generations(
        replace(known[look.account.account_id], opened_on=look.holdings.trade_date)
        for look in fresh
    )
    # Books before the opening, if a file brought any, are made again with it.
    work.mark_stale({b.account_id: b.trade_date - timedelta(days=1) for b in balances})


def _balances(look: Answers) -> Iterator[OpeningBalance]:
    account_id, day = look.account.account_id, look.holdings.trade_date
    for holding in look.holdings.rows:
        quantity = holding.quantity + holding.used_quantity + holding.t1_quantity
        if quantity:
            yield OpeningBalance(
                account_id,
                holding.exchange,
                holding.symbol,
                holding.product,
                holding.isin,
                day,
                quantity,
                holding.t1_quantity,
                holding.average_price,
            )
    for position in look.positions.rows:
        if position.overnight_quantity and position.product not in DELIVERY:
            yield OpeningBalance(
                account_id,
                position.exchange,
                position.symbol,
                position.product,
                "",
                day,
                position.overnight_quantity,
                0,
                # The average takes in the day's trading, and is gone when nothing is open.
                position.overnight_price or position.average_price or position.close_price,
            )
