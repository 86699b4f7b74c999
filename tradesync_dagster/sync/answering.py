"""What is kept of answers, whatever they change: payloads, refused rows, what the next meets.

What belongs here: answers of any account, one by one. What does not: orders and fills
(``applying``), accounts whose answers repeat (``repeating``).
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from tradesync_dagster.domain.answers import Fetch, Payload
from tradesync_dagster.domain.book_states import BookState
from tradesync_dagster.domain.external import is_skewed
from tradesync_dagster.domain.looks import States, usable
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.fetching import Answers


def keep_evidence(
    work: UnitOfWork, looks: Sequence[Answers], states: States, now: datetime
) -> None:
    """Keep payloads that were not the last applied ones, and rows that could not be read."""
    payloads, rejects = [], []
    for look in looks:
        account_id = look.account.account_id
        for fetch in look.all:
            rejects += [(account_id, fetch.kind, r) for r in fetch.rejects]
            state = states.get((account_id, fetch.kind))
            if fetch.payload_hash and (state is None or state.payload_hash != fetch.payload_hash):
                payloads.append(_payload(account_id, fetch, held=bool(fetch.rejects)))
    work.add_payloads(payloads, now)
    work.add_rejects(rejects, now)


def hold_refused(
    work: UnitOfWork, looks: Sequence[Answers], refused: Collection[int], now: datetime
) -> None:
    """Keep the order books that were not believed for good."""
    work.add_payloads(
        [
            _payload(look.account.account_id, look.orders, held=True)
            for look in looks
            if look.account.account_id in refused and look.orders.payload_hash
        ],
        now,
    )


def _payload(account_id: int, fetch: Fetch[Any], *, held: bool) -> Payload:
    return Payload(fetch.payload_hash, account_id, fetch.payload, held)


def next_states(
    looks: Sequence[Answers], states: States, refused: Collection[int], waiting: Collection[int]
) -> list[BookState]:
    """Tell what the next answers are held against.

    Args:
        looks: What the brokers said.
        states: What was applied before.
        refused: Accounts whose order books were not believed.
        waiting: Accounts with orders that time alone can confirm.

    Returns:
        The states that change.
    """
    changed = []
    for look in looks:
        account_id = look.account.account_id
        for fetch in look.all:
            orders = fetch.kind == "orders"
            if not usable(fetch, account_id, states) or (orders and account_id in refused):
                continue
            open_ends = orders and (account_id in waiting or is_skewed(fetch))
            changed.append(
                BookState(
                    account_id,
                    fetch.kind,
                    fetch.trade_date,
                    fetch.requested_at,
                    fetch.payload_hash,
                    settled=not fetch.rejects and not open_ends,
                )
            )
    return changed
