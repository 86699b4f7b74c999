"""Giving newly confirmed external orders to strategies.

What belongs here: reading the evidence once for a whole look, and writing each decision with what
led to it. What does not: the decision (``domain.attribution``), owners given by hand
(``assigning``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.attribution import (
    AttributionRules,
    Decision,
    Reason,
    decide,
    parts_of,
)
from tradesync_dagster.domain.attribution_evidence import Known, in_time_order, wanted_by
from tradesync_dagster.domain.attribution_rows import Attribution, Strategy
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.orders import Order, OrderEvent, Side
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.applying import Applied
from tradesync_dagster.sync.history import catch_up

_MEMORY = timedelta(days=90)
"""How far back a strategy's orders tell what is usual for it."""


@dataclass(frozen=True, slots=True)
class _Owned:
    """An order after its decision; the owner may be the automatic strategy."""

    order: Order
    at: datetime
    wanted: int
    decision: Decision
    automatic: bool


def attribute(
    work: UnitOfWork, applied: Sequence[Applied], rules: AttributionRules, now: datetime
) -> None:
    """Find the owners of the orders that this look confirmed as external.

    Args:
        work: A transaction with the accounts' lease.
        applied: What the look changed; its orders are brought up to date.
        rules: How to weigh evidence.
        now: UTC.
    """
    fresh = [entry for entry in applied if any(_unowned(entry))]
    if not fresh:
        return
    accounts = {entry.account.account_id: entry.account for entry in fresh}
    known = _known(work, accounts, rules, now)
    done = [
        _decide(known, entry.account, order, entry.confirmed_orders[order.order_id], rules)
        for entry in fresh
        for order in in_time_order(_unowned(entry))
    ]
    _write(work, accounts, done, rules)
    by_account = {entry.account.account_id: entry for entry in fresh}
    for one in done:
        by_account[one.order.account_id].orders[one.order.order_id] = one.order


def _unowned(entry: Applied) -> Iterable[Order]:
    """Yield what was confirmed, less what somebody gave away while it was a candidate."""
    found = (entry.orders[order_id] for order_id in entry.confirmed_orders)
    return (order for order in found if not order.strategy_id and not order.parts)


def _known(
    work: UnitOfWork, accounts: Mapping[int, Account], rules: AttributionRules, now: datetime
) -> Known:
    ids = list(accounts)
    organizations = sorted({account.organization_id for account in accounts.values()})
    owned = work.owned_orders(ids, trade_date_of(now) - _MEMORY)
    units = work.open_units(ids)
    trading = sorted({one.account_id for one in owned} | {key[0] for key in units})
    if trading:  # what a strategy has open must follow from the fills of this very look
        catch_up(work, trading, now)
        units = work.open_units(ids)
    return Known(
        facts=work.facts(ids),
        strategies=work.strategies(organizations),
        claims=work.claims(organizations),
        open_units=units,
        owned=owned,
        leave_out=frozenset({rules.automatic_strategy}),
    )


def _decide(
    known: Known, account: Account, order: Order, at: datetime, rules: AttributionRules
) -> _Owned:
    wanted = wanted_by(order)
    decision = decide(order.broker.side, wanted, known.evidence(account, order), rules)
    owner = decision.strategy_id or _automatic(known, order, wanted, rules)
    if owner:
        known.take(order, owner)
    automatic = bool(owner) and not decision.strategy_id
    confidence = 0 if automatic else decision.score  # nothing speaks for the automatic strategy
    owned = replace(order, strategy_id=owner, confidence=confidence)
    return _Owned(owned, at, wanted, decision, automatic)


def _automatic(known: Known, order: Order, wanted: int, rules: AttributionRules) -> str:
    """Return the strategy for what nobody owns; it, too, sells only what it has."""
    name = rules.automatic_strategy
    lacks = order.broker.side is Side.SELL and wanted > known.available(order, name)
    return "" if lacks else name


def _write(
    work: UnitOfWork,
    accounts: Mapping[int, Account],
    done: Sequence[_Owned],
    rules: AttributionRules,
) -> None:
    work.add_strategies(_automatic_strategies(accounts, done, rules))
    work.put_orders([one.order for one in done], [_event(one, rules) for one in done])
    work.put_attributions(
        Attribution(
            order_id=one.order.order_id,
            version=rules.version,
            decided_at=one.at,
            strategy_id=one.order.strategy_id,
            score=one.decision.score,
            runner_up=one.decision.runner_up,
            parts=parts_of(one.order.broker.side, one.wanted, one.decision, rules)
            | {"automatic": one.automatic},
        )
        for one in done
    )
    since: dict[int, date] = {}
    for order in (one.order for one in done if one.order.strategy_id):
        day = order.broker.trade_date
        since[order.account_id] = min(day, since.get(order.account_id, day))
    work.mark_stale(since)


def _automatic_strategies(
    accounts: Mapping[int, Account], done: Sequence[_Owned], rules: AttributionRules
) -> list[Strategy]:
    first: dict[str, datetime] = {}
    for one in done:
        if one.automatic:
            first.setdefault(accounts[one.order.account_id].organization_id, one.at)
    name = rules.automatic_strategy
    return [
        Strategy(organization, name, "Orders that nobody owns", automatic=True, created_at=at)
        for organization, at in sorted(first.items())
    ]


def _event(one: _Owned, rules: AttributionRules) -> OrderEvent:
    decision = one.decision
    best = next((s for s in decision.ranked if s.strategy_id == decision.strategy_id), None)
    detail: dict[str, str | int | None] = {
        "to": one.order.strategy_id,
        "score": decision.score,
        "reason": "automatic" if one.automatic else decision.reason.value,
        "runner_up": decision.runner_up,
        "version": rules.version,
    }
    if decision.reason is Reason.ASSIGNED and best is not None:
        detail |= best.points
    after = one.at + timedelta(microseconds=1)  # the confirmation, which has the book's own time
    return OrderEvent(one.order.order_id, "attributed", after, detail)
