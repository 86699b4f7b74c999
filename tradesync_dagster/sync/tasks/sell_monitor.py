"""Through the session: sell what has reached its target or its stop.

What belongs here: which exits are due, and asking for them once. What does not: the rule
(``domain.mandates``), placing (``placing``), orders that fail (``retrying``).
"""

from dataclasses import dataclass

from tradesync_dagster.domain.errors import TradesyncError
from tradesync_dagster.domain.mandates import Exit, reason_to_sell
from tradesync_dagster.domain.order_requests import OrderText
from tradesync_dagster.domain.orders import Side
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.tasks.desk import Detail, Job, Units, check


@dataclass(frozen=True, slots=True)
class _Sale:
    rule: Exit
    units: int
    reason: str


def watch_exits(job: Job) -> Detail:
    """Sell at the market what has reached its target or stop; an exit is asked for once a day.

    Raises:
        TaskFailedError: Prices could not be read, or an order was not let out.
    """
    with job.desk.store.look() as work:
        rules = work.exits(job.books.account_id)
    detail: Detail = {"watched": len(rules), "sold": []}
    if not rules:
        return detail
    if not job.desk.hours.is_open(job.desk.clock.now()):
        return detail | {"closed": True}
    job.refreshed("order_book", "positions", "holdings")
    errors: list[str] = []
    with job.desk.store.look() as work:
        units = Units.of(work, job.books.account_id)
        found = [_sale(job, work, rule, units, errors) for rule in rules]
    for sale in (one for one in found if one is not None):
        rule = sale.rule
        name = f"{rule.exchange}:{rule.symbol}"
        try:
            _sell(job, sale)
        except TradesyncError as error:
            errors.append(f"{name}: {error}")
        else:
            detail["sold"].append(f"{sale.units} {name} of {rule.strategy_id}: {sale.reason}")
    return check(errors, detail)


def _sell(job: Job, sale: _Sale) -> None:
    rule = sale.rule
    instrument = f"{rule.exchange}:{rule.symbol}"
    text = OrderText("SELL", str(sale.units), instrument, product=rule.product)
    key = f"exit {rule.strategy_id} {instrument} {rule.product} {job.day}"
    job.desk.place(job.books.key, text, strategy=rule.strategy_id, key=key)


def _sale(job: Job, work: UnitOfWork, rule: Exit, units: Units, errors: list[str]) -> _Sale | None:
    held = units.held(rule.strategy_id, rule.exchange, rule.symbol, rule.product)
    if held <= 0 or _asked(job, work, rule):
        return None
    _, price = work.instrument(rule.exchange, rule.symbol) or (1, None)
    if price is None:
        errors.append(f"no price of {rule.exchange}:{rule.symbol} is known")
        return None
    reason = reason_to_sell(rule, price)
    return _Sale(rule, held, reason) if reason else None


def _asked(job: Job, work: UnitOfWork, rule: Exit) -> bool:
    """Tell whether a sell of ours is there today; if it failed, the retry queue has it."""
    return any(
        order.client_order_id
        and order.broker.side is Side.SELL
        and order.strategy_id == rule.strategy_id
        and (order.broker.exchange, order.broker.symbol, order.broker.product)
        == (rule.exchange, rule.symbol, rule.product)
        for order in work.orders([job.books.account_id], job.day)
    )
