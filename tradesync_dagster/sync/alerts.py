"""What people are told of an account: its session, its external orders, spikes of them, silence.

Each alert is named by what it tells of, so that the outbox takes it once, whoever meets it again.
What belongs here: which alerts a look gives, and their words. What does not: when a session has
ended (``sessions``), what a spike is (``domain.spikes``), sending (``publishing``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.money import format_price
from tradesync_dagster.domain.orders import Order
from tradesync_dagster.domain.publications import OutboxMessage
from tradesync_dagster.domain.results import AccountResult
from tradesync_dagster.domain.spikes import Spike
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.applying import Applied
from tradesync_dagster.sync.documents import alert, order_document, timestamp
from tradesync_dagster.sync.fetching import Answers
from tradesync_dagster.sync.sessions import session_alerts
from tradesync_dagster.sync.telling import look_messages, tell

EXTERNAL_ORDER = "external_order"
SPIKE = "external_order_spike"
OVERDUE = "external_check_overdue"


@dataclass(frozen=True, slots=True)
class AlertRules:
    """Who is told what.

    Attributes:
        external_orders: Whether of external orders, their spikes, and accounts not looked at.
        check_every: How old an account's last complete order book may be.
        addresses: How many addresses of people there are.
    """

    external_orders: bool = True
    check_every: timedelta = timedelta(minutes=30)
    addresses: int = 0


def look_alerts(
    work: UnitOfWork,
    looks: Sequence[Answers],
    applied: Sequence[Applied],
    results: Sequence[AccountResult],
    tick_id: str,
    at: datetime,
    rules: AlertRules,
) -> None:
    """Tell of what one look found: sessions, external orders, our own orders, silence.

    Args:
        work: The transaction that writes the look.
        looks: What the brokers said.
        applied: What it changed, in the same order.
        results: What came of it, in the same order.
        tick_id: The tick.
        at: When it began, UTC.
        rules: Who is told what.
    """
    found = [*session_alerts(looks, results, tick_id, at), *look_messages(applied, at)]
    if rules.external_orders:
        found += external_alerts(work, applied, results, rules, at)
    tell(work, found, rules.addresses)


def external_alerts(
    work: UnitOfWork,
    applied: Sequence[Applied],
    results: Sequence[AccountResult],
    rules: AlertRules,
    at: datetime,
) -> Iterator[OutboxMessage]:
    """Write what one look tells of external orders.

    Args:
        work: The transaction that writes the look.
        applied: What the look changed.
        results: What came of it, in the same order.
        rules: Who is told what.
        at: When the tick began, UTC.

    Yields:
        An alert for each order confirmed just now, and for each account whose book has not been
        seen whole for too long; none for one whose session has ended, which is told already.
    """
    for entry in applied:
        for order_id in entry.confirmed_orders:
            yield external_order(entry.account, entry.orders[order_id], at)
    unseen = {
        entry.account.account_id: entry.account
        for entry, result in zip(applied, results, strict=True)
        if "order_book" in entry.failed and not result.session_ended
    }
    for state in work.states(list(unseen)) if unseen else ():
        if state.kind == "orders" and at - state.requested_at > rules.check_every:
            yield _overdue(unseen[state.account_id], state.requested_at, at)


def external_order(account: Account, order: Order, at: datetime) -> OutboxMessage:
    """Write that an order was confirmed as external; once for each order, ever."""
    row = order.broker
    price = row.average_price or row.price
    words = [
        f"{account.key}: external order {row.broker_order_id}: {row.side} {row.quantity}",
        f"{row.exchange}:{row.symbol} {row.product}",
        f"at {format_price(price)}" if price else row.order_type,
        f"({order.status}, {row.filled_quantity} filled)",
    ]
    details = {"message": " ".join(words), "order": order_document(order)}
    return alert(EXTERNAL_ORDER, account, f"external|{order.order_id}", at, details)


def spike_alert(account: Account, spike: Spike, at: datetime, *, ended: bool) -> OutboxMessage:
    """Write that a spike began or ended; each once, named by the account and the hour it began."""
    usual = spike.baseline.usual
    state = "ended" if ended else "begun"
    since = f"{spike.hour:%H:%M} IST on {spike.hour:%Y-%m-%d}"
    against = "too few days are known to say what is usual" if usual is None else f"usual: {usual}"
    verb = "is over" if ended else "began"
    details = {
        "message": f"{account.key}: a spike of external orders {verb}: up to {spike.count} in an "
        f"hour since {since} ({against}; a spike from {spike.baseline.threshold} on)",
        "state": state,
        "since": timestamp(spike.hour.astimezone(UTC)),
        "external_orders": spike.count,
        "usual": None if usual is None else str(usual),
        "threshold": spike.baseline.threshold,
    }
    name = f"spike|{account.account_id}|{spike.hour.isoformat()}|{state}"
    return alert(SPIKE, account, name, at, details)


def _overdue(account: Account, seen: datetime, at: datetime) -> OutboxMessage:
    """Write that an account goes unchecked; once, until its book has been seen whole again."""
    minutes = (at - seen) // timedelta(minutes=1)
    details = {
        "message": f"{account.key}: external orders have not been looked for in {minutes} minutes: "
        f"the order book was last read whole at {timestamp(seen)}",
        "last_complete": timestamp(seen),
        "minutes": minutes,
    }
    return alert(OVERDUE, account, f"overdue|{account.account_id}|{seen.isoformat()}", at, details)
