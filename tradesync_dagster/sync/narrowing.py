"""Reading of an order book only what differs from the last one, where that left nothing open.

A book whose orders are all the same but few says nothing new of the others: neither its rows nor
the ledger's need be read. It is so only while nothing else changed the account's orders, which the
lease of the transaction holds still. Whatever is not certain is read whole. What belongs here:
which books a cycle may leave unread, or read in part. What does not: comparing what brokers send
(``brokers.fetching``), applying (``applying``).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import Outcome
from tradesync_dagster.domain.book_states import WATCHED, BookState
from tradesync_dagster.domain.external import is_skewed
from tradesync_dagster.domain.looks import States, usable
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.orders import AMO
from tradesync_dagster.domain.ports import Store
from tradesync_dagster.domain.trading_hours import TradingHours
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.answering import next_states
from tradesync_dagster.sync.applying import Applied, is_open_ended
from tradesync_dagster.sync.fetching import Answers, Known
from tradesync_dagster.sync.own_orders import note_checks
from tradesync_dagster.sync.repeating import is_same

_KIND = "orders"


def watched_answers(store: Store, accounts: Sequence[Account], now: datetime) -> Known:
    """Read which order books of today left nothing to do, so that the next need not be read whole.

    Args:
        store: The books.
        accounts: Whose.
        now: UTC.

    Returns:
        Their hashes by account id and kind.
    """
    today = trade_date_of(now)
    with store.look() as work:
        found = work.states([account.account_id for account in accounts])
    states = as_watched({(state.account_id, state.kind): state for state in found})
    return {
        account_id: {kind: state.payload_hash}
        for (account_id, kind), state in states.items()
        if kind == _KIND and state.settled and state.trade_date == today
    }


def as_watched(states: States) -> States:
    """Let order books count as settled that are so for the monitor, if not for the sync."""
    found = dict(states)
    for (account_id, kind), state in states.items():
        orders = states.get((account_id, _KIND))
        if kind == WATCHED and state.settled and orders and _names(state) == _names(orders):
            found[account_id, _KIND] = replace(orders, settled=True)
    return found


def _names(state: BookState) -> tuple[object, ...]:
    return (state.trade_date, state.payload_hash)


def narrow(store: Store, looks: Sequence[Answers], known: Known) -> list[Answers]:
    """Read of changed order books what changed, where the books before them are kept.

    Args:
        store: The books.
        looks: With order books that are not read yet.
        known: From ``watched_answers``.

    Returns:
        The looks. An order book that says the same again is still unread; one that may not be read
        in part is read whole.
    """
    changed = {
        look.account.account_id: known[look.account.account_id][_KIND]
        for look in looks
        if look.orders.differing is not None
    }
    bodies: dict[str, bytes] = {}
    if changed:
        with store.look() as work:
            bodies = work.payloads(set(changed.values()))
    return [_narrowed(look, changed.get(look.account.account_id, ""), bodies) for look in looks]


def _narrowed(look: Answers, base: str, bodies: Mapping[str, bytes]) -> Answers:
    book = look.orders
    if book.differing is None:
        return look
    part = book.differing(bodies[base]) if base in bodies else None
    sure = part is not None and part.outcome is Outcome.COMPLETE and not part.rejects
    if part is None or not sure or any(row.variety == AMO for row in part.rows):
        return replace(look, orders=book.read())
    return replace(look, orders=replace(part, base=base, unread=book.unread))


def leave_repeated(
    work: UnitOfWork,
    looks: Sequence[Answers],
    states: States,
    ending: Collection[int],
    hours: TradingHours,
) -> list[Answers]:
    """Note the books that say again what was applied, and return the other looks as they stand.

    Args:
        work: A transaction with the accounts' lease.
        looks: From ``narrow``.
        states: As this transaction has them.
        ending: Accounts with orders whose day is over: their books are read whole.
        hours: When the exchanges are open.

    Returns:
        The looks to apply; narrow ones only where the book that they stand on is still the last.
    """
    watched = as_watched(states)
    repeated, others = [], []
    for look in looks:
        account_id = look.account.account_id
        calm = account_id not in ending
        if calm and is_same(look.orders, account_id, watched, hours):
            repeated.append(look)
        else:
            stands = calm and _stands(look, watched.get((account_id, _KIND)), hours)
            others.append(look if stands else replace(look, orders=look.orders.read()))
    unsettled = {account_id for (account_id, kind), s in states.items() if not s.settled}
    work.put_states(next_states(repeated, states, (), unsettled))
    note_checks(work, repeated)
    return others


def _stands(look: Answers, last: BookState | None, hours: TradingHours) -> bool:
    book = look.orders
    return (
        book.base != ""
        and last is not None
        and last.settled
        and (book.trade_date, book.base) == _names(last)
        and not look.trades.derived
        and hours.has_opened(last.requested_at) == hours.has_opened(book.requested_at)
    )


def settled_books(
    applied: Sequence[Applied], looks: Sequence[Answers], states: States
) -> list[BookState]:
    """Tell which books the monitor need not read again, once they are applied.

    Args:
        applied: What they changed.
        looks: Those applied, in the same order.
        states: As they were before.
    """
    return [
        _watched(look, settled=_is_settled(entry, look))
        for entry, look in zip(applied, looks, strict=True)
        if usable(look.orders, look.account.account_id, states) and "order_book" not in entry.failed
    ]


def _is_settled(entry: Applied, look: Answers) -> bool:
    asked = look.trades.outcome in {Outcome.NOT_ASKED, Outcome.COMPLETE}
    clean = not look.orders.rejects and not look.trades.rejects and not is_skewed(look.orders)
    return asked and clean and not is_open_ended(entry)


def _watched(look: Answers, *, settled: bool) -> BookState:
    book = look.orders
    return BookState(
        look.account.account_id,
        WATCHED,
        book.trade_date,
        book.requested_at,
        book.payload_hash,
        settled=settled,
    )
