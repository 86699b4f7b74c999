"""What an account has on already, counted under its lease, and whether one more order fits.

What belongs here: counting. What does not: the limits themselves (``domain.order_limits``).
"""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import OrderRequest
from tradesync_dagster.domain.facts import DELIVERY
from tradesync_dagster.domain.market_calendar import start_of
from tradesync_dagster.domain.order_limits import Load, check_halts, check_order
from tradesync_dagster.domain.order_states import AT_BROKER
from tradesync_dagster.domain.orders import OrderStatus, Side
from tradesync_dagster.domain.unit_of_work import UnitOfWork

_SHARES = frozenset({"NSE", "BSE"})


def check(
    work: UnitOfWork, account: Account, request: OrderRequest, today: date, but: UUID | None
) -> int:
    """Hold an order against halts and limits.

    Args:
        work: A transaction with the account's lease, which keeps the answer true until its end.
        account: Whose.
        request: The order as it shall be.
        today: The exchange's day.
        but: The order that it changes, which does not count twice.

    Returns:
        What it counts against the limits, in millionths.

    Raises:
        PlacementRefusedError: A halt or a limit says no.
    """
    check_halts(account, work.halts_on(account))
    load = _load(work, account, request, today, but)
    instrument = work.instrument(request.exchange, request.symbol)
    return check_order(account, request, work.limits(account.account_id), load, instrument)


def _load(
    work: UnitOfWork, account: Account, request: OrderRequest, today: date, but: UUID | None
) -> Load:
    ids = [account.account_id]
    # Of any day: an after-market order keeps the day on which it was registered.
    at_broker = work.standing(ids, AT_BROKER)
    working = [one for one in at_broker if one.client_order_id and one.order_id != but]
    place = (request.exchange, request.symbol)
    leaves = (
        one.broker.quantity - one.broker.filled_quantity
        for one in working
        if (one.broker.exchange, one.broker.symbol) == place
        and one.broker.side.value == request.side
    )
    return Load(
        day_value=_day_value(work, ids, today, but),
        open_orders=len(working),
        position=_held(work, account, place),
        working=Side(request.side).sign * sum(leaves),
    )


def _day_value(work: UnitOfWork, ids: Sequence[int], today: date, but: UUID | None) -> int:
    todays = work.orders(ids, today)
    rejected = {one.client_order_id for one in todays if one.status is OrderStatus.REJECTED}
    return sum(
        intent.value
        for intent in work.intents(ids, start_of(today))
        if intent.state != "refused"
        and intent.client_order_id not in rejected
        and (but is None or intent.order_id != but)
    )


def _held(work: UnitOfWork, account: Account, place: tuple[str, str]) -> int:
    """Add up what is held in an instrument: what is sold of a holding has left the holding."""
    found = 0
    for row in work.positions([account.account_id]):
        if (row["exchange"], row["symbol"]) == place:
            sold_holding = row["product"] in DELIVERY and row["quantity"] < 0
            found += 0 if sold_holding else row["quantity"]
    for row in work.holdings([account.account_id]):
        if row["symbol"] == place[1] and place[0] in _SHARES:
            found += row["quantity"] + row["t1_quantity"]
    return found
