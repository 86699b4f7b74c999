"""Before the opening: fit the quantities of orders that wait for it to capital and latest price.

What belongs here: which orders, and their new quantities. What does not: changing them
(``changing``), the arithmetic (``domain.mandates``).
"""

from tradesync_dagster.domain.errors import TradesyncError
from tradesync_dagster.domain.mandates import Mandate, units_for
from tradesync_dagster.domain.orders import Order, OrderStatus, Side
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.tasks.desk import Detail, Job, check


def adjust_amo_quantities(job: Job) -> Detail:
    """Change buys of our strategies that wait for the opening where another quantity fits.

    Raises:
        TaskFailedError: The book could not be read, or an order could not be changed.
    """
    waiting = _waiting(job)
    detail: Detail = {"waiting": len(waiting), "changed": [], "cancelled": []}
    errors: list[str] = []
    if waiting:
        job.refreshed("order_book")
        waiting = _waiting(job)
    for order, wanted in waiting:
        name = f"{order.broker.exchange}:{order.broker.symbol}"
        if wanted is None:
            errors.append(f"no price of {name} is known")
        elif wanted != order.broker.quantity:
            try:
                _change(job, order, wanted)
            except TradesyncError as error:
                errors.append(f"{name}: {error}")
            else:
                said = f"{name} {order.broker.quantity} to {wanted}"
                detail["changed" if wanted else "cancelled"].append(said)
    return check(errors, detail)


def _change(job: Job, order: Order, wanted: int) -> None:
    if wanted:
        job.desk.modify(job.books.key, order.order_id, {"quantity": str(wanted)})
    else:
        why = "one unit costs more than the strategy's capital for it"
        job.desk.cancel(job.books.key, order.order_id, why)


def _waiting(job: Job) -> list[tuple[Order, int | None]]:
    with job.desk.store.look() as work:
        mandates = job.mandates(work)
        return [
            (order, _wanted(work, order, mandates[order.strategy_id]))
            for order in work.orders([job.books.account_id], job.day_before)
            if order.status is OrderStatus.AMO
            and order.client_order_id
            and order.broker.side is Side.BUY
            and order.strategy_id in mandates
        ]


def _wanted(work: UnitOfWork, order: Order, mandate: Mandate) -> int | None:
    multiplier, price = work.instrument(order.broker.exchange, order.broker.symbol) or (1, None)
    return None if price is None else units_for(mandate.part, price, multiplier)
