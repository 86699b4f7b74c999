"""One look's four answers, written by hand, for what the store makes of them."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import Fetch, Outcome
from tradesync_dagster.domain.external import DetectionRules
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.orders import BrokerOrder
from tradesync_dagster.domain.ports import Store
from tradesync_dagster.sync.applying import Applied, apply
from tradesync_dagster.sync.fetching import Answers

KINDS = ("orders", "trades", "positions", "holdings")


def answer(kind: str, rows: Iterable[Any], at: datetime, **changes: Any) -> Fetch[Any]:
    """A complete answer; its hash follows from its rows."""
    listed = tuple(rows)
    body = repr(listed).encode()
    fetch: Fetch[Any] = Fetch(
        kind, Outcome.COMPLETE, trade_date_of(at), at, 0.1, listed,
        payload=body, payload_hash=sha256(body).hexdigest(),
    )  # fmt: skip
    return replace(fetch, **changes)


def look_of(
    account: Account,
    at: datetime,
    orders: Iterable[BrokerOrder] = (),
    trades: Iterable[Fill] = (),
    **changes: Any,
) -> Answers:
    """Four complete answers of a moment; ``changes`` are of the order book."""
    book = answer("orders", orders, at, **changes)
    rest = [answer("trades", trades, at), *(answer(kind, (), at) for kind in KINDS[2:])]
    return Answers(account, book, *rest)


def taken(store: Store, look: Answers, rules: DetectionRules | None = None) -> Applied:
    """Apply a look in a transaction of its own."""
    with store.begin([look.account.account_id]) as work:
        (entry,) = apply(work, [look], rules or DetectionRules(), look.orders.requested_at)
        if entry.record:
            work.add_looks([entry.record])
    return entry
