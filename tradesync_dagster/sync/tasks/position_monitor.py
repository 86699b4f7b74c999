"""Every hour: mark to market, hold positions against their limits, and alert.

What belongs here: what is held against which limit, and the alert's words. What does not: keeping
orders within limits (``exposure``), marking (``rebuilding``).
"""

from collections import Counter
from collections.abc import Iterator

from tradesync_dagster.domain.money import format_price
from tradesync_dagster.domain.publications import OutboxMessage
from tradesync_dagster.domain.unit_of_work import UnitOfWork
from tradesync_dagster.sync.documents import alert
from tradesync_dagster.sync.tasks.desk import Detail, Job, Units
from tradesync_dagster.sync.telling import tell

POSITION_LIMIT = "position_limit"


def watch_positions(job: Job) -> Detail:
    """Bring an account's figures up to date, and alert on those beyond a limit, once a day each.

    Raises:
        TaskFailedError: The broker gave no whole answer.
    """
    result = job.refreshed("positions", "holdings")
    with job.desk.store.begin([job.books.account_id]) as work:
        values = _values(work, job.books.account_id)
        limit = work.limits(job.books.account_id).position_value
        above = {name: value for name, value in values.items() if abs(value) > limit}
        strategies = dict(_beyond_capital(job, work))
        found = [_message(job, name, value, limit) for name, value in sorted(above.items())]
        found += [
            _message(job, name, value, capital)
            for name, (value, capital) in sorted(strategies.items())
        ]
        if job.desk.alerts is not None:
            tell(work, found, job.desk.alerts.addresses)
    unrealised = result.unrealised_pnl
    return {
        "instruments": len(values),
        "value": format_price(sum(abs(value) for value in values.values())),
        "unrealised_pnl": None if unrealised is None else format_price(unrealised),
        "realised_pnl": format_price(result.realised_pnl),
        "beyond_limit": sorted([*above, *strategies]),
    }


def _values(work: UnitOfWork, account_id: int) -> Counter[str]:
    """Add up what each instrument is worth, signed, in millionths; one without a price is 0."""
    found: Counter[str] = Counter()
    for row in work.positions([account_id]):
        value = row["quantity"] * row["multiplier"] * (row["last_price"] or 0)
        found[f"{row['exchange']}:{row['symbol']}"] += value
    for row in work.holdings([account_id]):
        units = row["quantity"] + row["t1_quantity"]
        found[f"{row['exchange']}:{row['symbol']}"] += units * (row["last_price"] or 0)
    return found


def _beyond_capital(job: Job, work: UnitOfWork) -> Iterator[tuple[str, tuple[int, int]]]:
    """Find strategies whose positions are worth more than their capital."""
    mandates, units = job.mandates(work), Units.of(work, job.books.account_id)
    worth: Counter[str] = Counter()
    for rule in work.exits(job.books.account_id):
        multiplier, price = work.instrument(rule.exchange, rule.symbol) or (1, None)
        held = units.held(rule.strategy_id, rule.exchange, rule.symbol, rule.product)
        worth[rule.strategy_id] += held * multiplier * (price or 0)
    for name, mandate in mandates.items():
        if worth[name] > mandate.capital:
            yield f"strategy {name}", (worth[name], mandate.capital)


def _message(job: Job, name: str, value: int, limit: int) -> OutboxMessage:
    details = {
        "message": f"{job.books.key}: {name} is worth {format_price(value)}, and the limit is "
        f"{format_price(limit)}",
        "subject": name,
        "value": format_price(value),
        "limit": format_price(limit),
    }
    key = f"{POSITION_LIMIT}|{job.books.account_id}|{name}|{job.day}"
    return alert(POSITION_LIMIT, job.books, key, job.desk.clock.now(), details)
