"""Accounts whose brokers say again what was applied: looked at, and left as they are.

Nothing of such an account is read or made anew: neither rows, nor orders, nor its snapshot. New
prices alone are taken, and its positions compared. Whatever time alone can bring makes an account
one to look into: a candidate, an open placement, an open break, positions that are due, another
day, the market's opening, the end of an order's day. What belongs here: which accounts those are,
and what is written of the others. What does not: looking into them (``applying``, ``rebuilding``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import Fetch, Outcome
from tradesync_dagster.domain.looks import Look, States, answer_records, is_new, usable
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.ports import Store
from tradesync_dagster.domain.quiet_looks import pack
from tradesync_dagster.domain.results import SUCCESS, AccountResult
from tradesync_dagster.domain.trading_hours import TradingHours
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.answering import keep_evidence, next_states
from tradesync_dagster.sync.applying import Applied
from tradesync_dagster.sync.expiring import overdue
from tradesync_dagster.sync.fetching import Answers, Known
from tradesync_dagster.sync.own_orders import note_checks
from tradesync_dagster.sync.pricing import put_prices
from tradesync_dagster.sync.rebuilding import AccountBooks, GenerationRules, rows_by_account
from tradesync_dagster.sync.reconciling import reconcile
from tradesync_dagster.sync.results import from_document


@dataclass(frozen=True, slots=True)
class Repeated:
    """A look that brought nothing but prices, and the account's last result."""

    look: Answers
    last: AccountResult


def settled_answers(store: Store, accounts: Sequence[Account], now: datetime) -> Known:
    """Read which answers of today need not be read again when they come again."""
    today = trade_date_of(now)
    found: dict[int, dict[str, str]] = {}
    with store.look() as work:
        for state in work.states([account.account_id for account in accounts]):
            if state.settled and state.trade_date == today:
                found.setdefault(state.account_id, {})[state.kind] = state.payload_hash
    return found


def split_looks(
    work: UnitOfWork,
    looks: Sequence[Answers],
    rules: GenerationRules,
    now: datetime,
    hours: TradingHours,
    *,
    force: bool,
) -> tuple[list[Repeated], list[Answers]]:
    """Tell the accounts that can be left as they are from the others.

    Args:
        work: A transaction with the accounts' lease: what it reads stays true until its end.
        looks: What the brokers said.
        rules: When positions are made.
        now: UTC.
        hours: When the exchanges are open: orders whose day is over are to be ended.
        force: Whether all are to be looked into.

    Returns:
        The former, and the looks at the others, with all their rows read.
    """
    states = states_of(work, looks)
    same = [] if force else [look for look in looks if _repeats(look, states, hours)]
    ids = [look.account.account_id for look in same]
    last, asked = work.last_results(ids), work.open_questions(ids)
    asked |= {order.account_id for order in overdue(work, ids, hours, now)}
    made = work.generations(ids)
    repeated = []
    for look in same:
        account_id = look.account.account_id
        priced = any(is_new(f, account_id, states) for f in (look.positions, look.holdings))
        due = rules.due(made[account_id], now, priced=priced, force=False)
        opened = made[account_id].opened_on is not None
        document = last.get(account_id)
        if document and opened and not due and account_id not in asked and _is_calm(document):
            repeated.append(Repeated(look, from_document(document, look.account)))
    left = {one.look.account.account_id for one in repeated}
    return repeated, [read(look) for look in looks if look.account.account_id not in left]


def repeat(
    work: UnitOfWork,
    repeated: Sequence[Repeated],
    now: datetime,
    hours: TradingHours,
    *,
    compare: bool,
) -> list[AccountResult]:
    """Write that accounts were looked at, and the prices that came; their last results stay.

    Args:
        work: A transaction with the accounts' lease.
        repeated: From ``split_looks``.
        now: When the tick began, UTC.
        hours: When the exchanges are open.
        compare: Whether positions are held against the brokers'.

    Returns:
        Each account's result.
    """
    looks = [_with_trades(one.look) for one in repeated]
    states = states_of(work, looks)
    keep_evidence(work, looks, states, now)
    priced = put_prices(work, looks, states)
    if compare and priced:
        _compare(work, [look for look in looks if look.account.account_id in priced], now, hours)
    work.put_states(next_states(looks, states, (), ()))
    note_checks(work, looks)
    organizations = {look.account.account_id: look.account.organization_id for look in looks}
    work.add_quiet_looks(pack((quiet_record(look, states, now) for look in looks), organizations))
    return [
        replace(one.last, seconds={fetch.kind: fetch.seconds for fetch in look.all})
        for one, look in zip(repeated, looks, strict=True)
    ]


def states_of(work: UnitOfWork, looks: Sequence[Answers]) -> States:
    """Read the last applied answers of the accounts of looks."""
    found = work.states([look.account.account_id for look in looks])
    return {(state.account_id, state.kind): state for state in found}


def _repeats(look: Answers, states: States, hours: TradingHours) -> bool:
    account_id = look.account.account_id
    trades = look.trades.derived or is_same(look.trades, account_id, states, hours)
    return (
        is_same(look.orders, account_id, states, hours)
        and trades
        and all(_is_known(f, account_id, states, hours) for f in (look.positions, look.holdings))
    )


def is_same(fetch: Fetch[Any], account_id: int, states: States, hours: TradingHours) -> bool:
    """Tell whether an answer says again what was applied and left nothing open."""
    state = states.get((account_id, fetch.kind))
    return (
        fetch.unread is not None
        and state is not None
        and state.settled
        and usable(fetch, account_id, states)
        and not is_new(fetch, account_id, states)
        and hours.has_opened(state.requested_at) == hours.has_opened(fetch.requested_at)
    )


def _is_known(fetch: Fetch[Any], account_id: int, states: States, hours: TradingHours) -> bool:
    """Tell whether an answer says the same, or whole rows that bear nothing but new prices."""
    read = fetch.unread is None and fetch.outcome is Outcome.COMPLETE and not fetch.rejects
    newer = read and is_new(fetch, account_id, states) and (account_id, fetch.kind) in states
    return newer or is_same(fetch, account_id, states, hours)


def _is_calm(document: Mapping[str, Any]) -> bool:
    return document["status"] == SUCCESS and not document["candidates"]


def read(look: Answers) -> Answers:
    """Return a look with the rows of all its answers read."""
    return Answers(look.account, *(fetch.read() for fetch in look.all))


def _with_trades(look: Answers) -> Answers:
    """Let trades that follow from orders bear the order book's time and hash, as when derived."""
    if not look.trades.derived:
        return look
    orders = look.orders
    trades = replace(
        look.trades, requested_at=orders.requested_at, payload_hash=orders.payload_hash
    )
    return replace(look, trades=trades)


def _compare(
    work: UnitOfWork, looks: Sequence[Answers], now: datetime, hours: TradingHours
) -> None:
    ids = [look.account.account_id for look in looks]
    positions, holdings = rows_by_account(work.positions(ids)), rows_by_account(work.holdings(ids))
    books = {
        a: AccountBooks(positions[a], holdings[a], frozenset(), regenerated=False) for a in ids
    }
    # Without orders and trades: those are the ones that agreed when they were applied.
    applied = [Applied(look.account, look.orders.trade_date) for look in looks]
    whole = [replace(look, positions=look.positions.read(), holdings=look.holdings.read())
             for look in looks]  # fmt: skip
    reconcile(work, whole, applied, books, now, hours)


def quiet_record(look: Answers, states: States, now: datetime) -> Look:
    """Write the record of a look whose answers all say again what was applied, but for prices."""
    account_id, asked_at = look.account.account_id, look.orders.requested_at
    answers = answer_records(account_id, look.all, states, "")
    return Look(account_id, asked_at, now.isoformat(), True, 0, 0, answers)  # noqa: FBT003 - complete
