"""The simulated exchange's own market as a broker in this process, with answers that go astray.

The rows are made from the market's objects, not from a wire format: those have tests of their own.
"""

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from typing import Any

from tradesync_dagster.brokers.exchange import orders as sim
from tradesync_dagster.brokers.exchange.market import Market, MarketRules
from tradesync_dagster.brokers.exchange.units import IST
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import Fetch, OrderRequest, Outcome
from tradesync_dagster.domain.errors import (
    BrokerUnavailableError,
    RefusedRequestError,
)
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.money import parse_price, parse_quantity
from tradesync_dagster.domain.orders import BrokerOrder, Side
from tradesync_dagster_tests.support.clocks import MovingClock

USER = "SIM001"
BROKER = "MARKET"


class KilledError(Exception):
    """The process ended here."""


@dataclass
class MarketBroker:
    """Every account's client at once: there is one account.

    Attributes:
        fate: Of the next write: ``answered``, ``lost`` (done, and nobody heard), ``never`` (not
            done, and nobody heard), or ``killed`` (done, and the process ended).
        silent: Whether reads fail.
    """

    clock: MovingClock
    fate: str = "answered"
    silent: bool = False

    def __post_init__(self) -> None:
        start = self.clock.moment.astimezone(IST)
        self.market = Market(MarketRules(seed=3, accounts=1, start=start, always_open=True))
        self._known: dict[str, str] = {}

    def client(self, account: Account, known: Mapping[str, str] | None = None) -> "MarketBroker":
        self._known = dict(known or {})
        return self

    async def close(self) -> None:
        return

    @property
    def at(self) -> datetime:
        return self.clock.moment.astimezone(IST)

    @property
    def all(self) -> list[sim.Order]:
        return list(self.market.accounts[USER].orders.values())

    async def orders(self) -> Fetch[BrokerOrder]:
        whole = self._fetch("orders", tuple(map(row_of, self.all)))
        known = self._known.get("orders")
        if known is None or whole.outcome is not Outcome.COMPLETE:
            return whole
        later = replace(whole, rows=(), unread=lambda: whole)
        same = whole.payload_hash == known
        return later if same else replace(later, differing=partial(differing, whole))

    async def trades(self) -> Fetch[Fill]:
        return self._fetch("trades", tuple(map(fill_of, self.market.accounts[USER].fills)))

    async def positions(self) -> Fetch[Any]:
        return self._fetch("positions", ())

    async def holdings(self) -> Fetch[Any]:
        return self._fetch("holdings", ())

    def _fetch(self, kind: str, rows: tuple[Any, ...]) -> Fetch[Any]:
        now = self.clock.now()
        if self.silent:
            return Fetch(kind, Outcome.FAILED, self.at.date(), now, 0.0, error="no answer")
        body = pickle.dumps(rows)
        return Fetch(
            kind, Outcome.COMPLETE, self.at.date(), now, 0.0, rows=rows, payload=body,
            payload_hash=sha256(body).hexdigest(), keeps_tags=True,
        )  # fmt: skip

    async def place(self, request: OrderRequest) -> str:
        wanted = sim.OrderRequest(
            request.symbol, request.exchange, request.side, request.quantity, request.product,
            request.order_type, request.price, request.trigger_price, tag=request.tag,
        )  # fmt: skip
        return self._write(lambda: self.market.place(USER, wanted, self.at).order_id)

    async def modify(self, broker_order_id: str, changes: Mapping[str, str], variety: str) -> str:
        change = sim.OrderChange(
            quantity=parse_quantity(changes["quantity"]) if "quantity" in changes else None,
            price=parse_price(changes["price"]) if "price" in changes else None,
        )
        return self._write(
            lambda: self.market.modify(USER, broker_order_id, change, self.at).order_id
        )

    async def cancel(self, broker_order_id: str, variety: str) -> str:
        return self._write(lambda: self.market.cancel(USER, broker_order_id, self.at).order_id)

    def _write(self, do: Any) -> str:
        fate, self.fate = self.fate, "answered"
        if fate == "never":
            raise BrokerUnavailableError(BROKER, "write", "the line broke")
        try:
            order_id: str = do()
        except sim.RefusedError as error:
            raise RefusedRequestError(BROKER, "write", error.message) from None
        if fate == "lost":
            raise BrokerUnavailableError(BROKER, "write", "the answer was lost")
        if fate == "killed":
            raise KilledError
        return order_id


def differing(whole: Fetch[BrokerOrder], earlier: bytes) -> Fetch[BrokerOrder] | None:
    """Read of a book what an earlier one says otherwise, as adapters do."""
    before = {row.broker_order_id: row for row in pickle.loads(earlier)}  # noqa: S301 - its own
    if not before or before.keys() != {row.broker_order_id for row in whole.rows}:
        return None
    rows = tuple(row for row in whole.rows if row != before[row.broker_order_id])
    return replace(whole, rows=rows)


def row_of(order: sim.Order) -> BrokerOrder:
    placed = order.placed_at.astimezone(UTC)
    return BrokerOrder(
        broker_order_id=order.order_id,
        trade_date=order.day,
        exchange=order.instrument.exchange,
        symbol=order.instrument.symbol,
        product=order.product,
        side=Side(order.side),
        order_type=order.order_type,
        validity=order.validity,
        variety=order.variety,
        status_word=order.status,
        quantity=order.quantity,
        filled_quantity=order.filled,
        pending_quantity=order.pending,
        cancelled_quantity=order.cancelled,
        price=order.price,
        trigger_price=order.trigger_price,
        average_price=order.average_price,
        placed_at=placed,
        updated_at=(order.updated_at or order.placed_at).astimezone(UTC),
        tag=order.tag or "",
        message=order.message or "",
    )


def fill_of(fill: sim.Fill) -> Fill:
    return Fill(
        trade_id=fill.trade_id,
        broker_order_id=fill.order_id,
        trade_date=fill.at.date(),
        exchange=fill.instrument.exchange,
        symbol=fill.instrument.symbol,
        product=fill.product,
        side=Side(fill.side),
        quantity=fill.quantity,
        price=fill.price,
        filled_at=fill.at.astimezone(UTC),
    )
