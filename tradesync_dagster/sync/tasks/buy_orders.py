"""Turning what strategies wish into orders, within their capital and the account's limits.

What belongs here: which signals become orders of how many units. What does not: making signals
(``analysis``), the account's limits and the placement (``placing``).
"""

from collections.abc import Sequence
from dataclasses import replace

from tradesync_dagster.domain.errors import TradesyncError
from tradesync_dagster.domain.mandates import Mandate, Signal, SignalState, exit_of, units_for
from tradesync_dagster.domain.money import format_price
from tradesync_dagster.domain.order_requests import OrderText
from tradesync_dagster.domain.orders import OrderStatus
from tradesync_dagster.sync.tasks.capital import free_capital
from tradesync_dagster.sync.tasks.desk import Detail, Job, Units, check


def buy(job: Job) -> Detail:
    """Place an order for each new signal that its strategy has capital for, the best first.

    Raises:
        TaskFailedError: An order was not let out, or failed.
    """
    with job.desk.store.look() as work:
        mandates = job.mandates(work)
        found = work.signals(job.books.account_id, job.day_before)
    new = [one for one in found if one.state is SignalState.NEW and one.strategy_id in mandates]
    if new:
        job.refreshed("order_book", "positions", "holdings")
    done = [_one(job, mandates[one.strategy_id], one) for one in _latest(new)]
    errors = [
        f"{one.exchange}:{one.symbol} of {one.strategy_id}: {one.words}"
        for one in done
        if one.state is SignalState.REFUSED
    ]
    counts = {state.value: sum(one.state is state for one in done) for state in SignalState}
    return check(errors, {name: count for name, count in counts.items() if count})


def _latest(signals: Sequence[Signal]) -> list[Signal]:
    """Take each strategy's signals of its latest day; older wishes have been overtaken."""
    days = {one.strategy_id: one.made_on for one in reversed(signals)}
    return [one for one in signals if one.made_on == days[one.strategy_id]]


def _one(job: Job, mandate: Mandate, signal: Signal) -> Signal:
    done = _ordered(job, mandate, signal)
    with job.desk.store.begin([job.books.account_id]) as work:
        work.put_signals([done])
    return done


def _ordered(job: Job, mandate: Mandate, signal: Signal) -> Signal:
    with job.desk.store.begin([job.books.account_id]) as work:
        held = Units.of(work, job.books.account_id).held(
            signal.strategy_id, signal.exchange, signal.symbol, signal.product
        )
        free = free_capital(work, job.books.account_id, mandate, job.day_before)
        multiplier, _ = work.instrument(signal.exchange, signal.symbol) or (1, None)
        units = units_for(min(mandate.part, free), signal.price, multiplier)
        if held > 0 or units <= 0:
            why = "it is held already" if held > 0 else "no capital is left for one unit"
            return replace(signal, state=SignalState.SKIPPED, words=why)
        # Before the order: it may be filled before anybody writes again.
        work.put_exits([exit_of(mandate, signal, job.desk.clock.now())])
    try:
        order = job.desk.place(
            job.books.key, _text(job, signal, units), strategy=signal.strategy_id, key=_key(signal)
        )
    except TradesyncError as error:
        return replace(signal, state=SignalState.REFUSED, words=str(error))
    failed = order.status in (OrderStatus.FAILED, OrderStatus.REJECTED)
    state = SignalState.REFUSED if failed else SignalState.ORDERED
    words = order.failure_reason if failed else signal.words
    return replace(signal, state=state, words=words, order_id=order.order_id)


def _text(job: Job, signal: Signal, units: int) -> OrderText:
    is_open = job.desk.hours.is_open(job.desk.clock.now())
    instrument = f"{signal.exchange}:{signal.symbol}"
    price = format_price(signal.price)
    return OrderText(
        "BUY", str(units), instrument, product=signal.product, price=price, amo=not is_open
    )


def _key(signal: Signal) -> str:
    """Name a signal's order: asked for again after a crash, it is the same order."""
    name = f"{signal.exchange}:{signal.symbol}"
    return f"signal {signal.strategy_id} {name} {signal.product} {signal.made_on}"
