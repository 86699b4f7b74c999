"""The pure market: prices, matching and the trading day. No HTTP and no wall clock.

Belongs here: what becomes of orders when prices move and days turn; the time is passed in.
Does not belong here: who trades by hand (people.py), persistence (journal.py), JSON (the faces).

Liquidity is plain: on every step an instrument gets a size. One order may fill up to that size at
the last price and as much again one tick worse; the rest waits for the next step. Twenty shares or
one lot therefore always fill at once, and large orders fill in parts.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from tradesync_dagster.brokers.exchange import risk
from tradesync_dagster.brokers.exchange.instruments import Instrument, listing
from tradesync_dagster.brokers.exchange.ledger import Account
from tradesync_dagster.brokers.exchange.orders import (
    Fill,
    Order,
    OrderChange,
    OrderRequest,
    RefusedError,
)
from tradesync_dagster.brokers.exchange.tape import Tape
from tradesync_dagster.brokers.exchange.units import IST, SCALE, Dice

_DAY_END = time(23, 59, 59)
_EXPIRED = "The order was cancelled by the exchange at the end of the day."
_NO_INSTRUMENT = "The instrument you are placing an order for has either expired or does not exist."
_NOT_NOW = "Order cannot be {} as it is being processed. Try later or contact us."


@dataclass(frozen=True, slots=True)
class MarketRules:
    """What a market is made from; the same rules give the same market."""

    seed: int
    accounts: int
    start: datetime
    always_open: bool = True


class Market:
    """All instruments, accounts and orders of the simulated exchange."""

    def __init__(self, rules: MarketRules) -> None:
        self.rules = rules
        self.dice = Dice(rules.seed)
        self.now = rules.start
        self.day: date = rules.start.date()
        self.instruments: dict[str, Instrument] = listing(self.day)
        self.tape = Tape(self.instruments, self.dice)
        self.version = 0
        self.accounts: dict[str, Account] = {}
        for row in range(1, rules.accounts + 1):
            user_id = f"SIM{row:03d}"
            self.accounts[user_id] = Account(user_id, self.dice.between(5, 40) * 100_000 * SCALE)
        self._working: dict[str, Order] = {}
        self._order_serial = 0
        self._exchange_serial = 0
        self._trade_serial = 0

    def admit(self, user_id: str, cash: int, *, charged: bool) -> None:
        """Open an account for somebody outside."""
        self.accounts[user_id] = Account(user_id, cash, opened=True, charged=charged)

    def is_open(self) -> bool:
        """Whether orders match now."""
        return self.rules.always_open or risk.is_open(self.now)

    def place(
        self, user_id: str, request: OrderRequest, at: datetime, *, by_hand: bool = False
    ) -> Order:
        """Take an order: it exists afterwards, though perhaps rejected.

        Raises:
            RefusedError: it never became an order.
        """
        self.advance(at)
        account = self.accounts[user_id]
        item = self.instruments.get(f"{request.exchange}:{request.symbol}")
        if item is None:
            raise RefusedError(_NO_INSTRUMENT, cause="instrument")
        risk.check_terms(item, request)
        order = self._order(account, item, request, by_hand=by_hand)
        risk.check_gateway(account, order, self.tape.last)
        if order.variety == "regular" and not self.is_open():
            raise RefusedError(
                "Markets are closed right now. Use an After Market Order (AMO) instead.",
                "OrderException",
                cause="closed",
            )
        self._order_serial += 1
        account.orders[order.order_id] = order
        account.version += 1
        order.enter("PUT ORDER REQ RECEIVED", self.now)
        if order.variety == "amo":
            order.enter("AMO REQ RECEIVED", self.now)
            self._working[order.order_id] = order
            return order
        self._admit(account, order)
        return order

    def modify(self, user_id: str, order_id: str, change: OrderChange, at: datetime) -> Order:
        """Change an open order.

        Raises:
            RefusedError: it is unknown, no longer open, already filled beyond the new quantity, or
                funds, holdings or limits do not allow it.
        """
        self.advance(at)
        order = self.find(user_id, order_id)
        if not order.is_open or (change.quantity or order.quantity) <= order.filled:
            raise RefusedError(_NOT_NOW.format("modified"), "OrderException", cause="modify")
        order_after = replace(order, history=[])
        order_after.apply(change)
        risk.check_terms(order.instrument, order_after)
        account = self.accounts[user_id]
        if order.status == "AMO REQ RECEIVED":
            account.version += 1
            order.apply(change)
            order.enter("AMO REQ RECEIVED", self.now)
            return order
        risk.check_change(account, order_after, self.tape.last, self.tape.closes)
        account.version += 1
        order.enter("MODIFY VALIDATION PENDING", self.now)
        order.enter("MODIFY PENDING", self.now)
        order.apply(change)
        order.exchange_at = self.now
        order.enter("MODIFIED", self.now)
        self._list(account, order)
        return order

    def cancel(self, user_id: str, order_id: str, at: datetime) -> Order:
        """Cancel an open order.

        Raises:
            RefusedError: it is unknown or no longer open.
        """
        self.advance(at)
        order = self.find(user_id, order_id)
        if not order.is_open:
            raise RefusedError(_NOT_NOW.format("cancelled"), "OrderException", cause="cancel")
        order.enter("CANCEL PENDING", self.now)
        self._drop(order)
        return order

    def find(self, user_id: str, order_id: str) -> Order:
        """Find one of today's orders.

        Raises:
            RefusedError: the account has no such order today.
        """
        order = self.accounts[user_id].orders.get(order_id)
        if order is None:
            raise RefusedError("Couldn't find that `order_id`.", "OrderException", 404, "order")
        return order

    def advance(self, at: datetime) -> None:
        """Move time on, turning every trading day passed; time never goes back."""
        at = at.replace(microsecond=0)
        while self.day < at.date():
            following = self.day + timedelta(days=1)
            if self.rules.always_open or self.day.weekday() < 5:
                self._turn()
            self.day = following
        self.now = max(self.now, at)

    def step(self, at: datetime) -> None:
        """Move every price one step and let resting orders fill."""
        self.advance(at)
        if not self.is_open():
            return
        self.version += 1
        self.tape.step()
        for order in list(self._working.values()):
            self._work(order)

    def _work(self, order: Order) -> None:
        account = self.accounts[order.user_id]
        if order.status == "AMO REQ RECEIVED":
            if self.day > order.placed_at.date() or not self.rules.always_open:
                order.day = self.day
                account.version += 1
                self._admit(account, order)
            return
        if order.validity == "TTL":
            deadline = order.placed_at + timedelta(minutes=order.validity_ttl)
            if self.now >= deadline:
                self._drop(order)
                return
        self._match(account, order)

    def _order(
        self, account: Account, item: Instrument, request: OrderRequest, *, by_hand: bool
    ) -> Order:
        serial = self._order_serial + 1
        return Order(
            order_id=f"{self.day:%y%m%d}{serial:09d}",
            user_id=account.user_id,
            instrument=item,
            side=request.side,
            product=request.product,
            variety=request.variety,
            tag=request.tag,
            by_hand=by_hand,
            placed_at=self.now,
            day=self.day,
            quantity=request.quantity,
            order_type=request.order_type,
            price=request.price,
            trigger_price=request.trigger_price,
            validity=request.validity,
            validity_ttl=request.validity_ttl,
            disclosed_quantity=request.disclosed_quantity,
            source=request.source or ("by_hand" if by_hand else ""),
            slice_of=request.slice_of,
        )

    def _admit(self, account: Account, order: Order) -> None:
        """Run the broker's and the exchange's checks, then let it into the market."""
        order.enter("VALIDATION PENDING", self.now)
        refused = risk.refusal(account, order, self.tape.last)
        if refused is None:
            order.enter("OPEN PENDING", self.now)
            refused = risk.exchange_refusal(order, self.tape.closes[order.instrument.key])
        if refused is not None:
            self._working.pop(order.order_id, None)
            order.reject(*refused, self.now)
            return
        self._exchange_serial += 1
        order.exchange_order_id = str(1_300_000_000_000_000 + self._exchange_serial)
        order.exchange_at = self.now
        self._list(account, order)

    def _list(self, account: Account, order: Order) -> None:
        waits = order.order_type in ("SL", "SL-M") and not order.triggered
        order.enter("TRIGGER PENDING" if waits else "OPEN", self.now)
        self._working[order.order_id] = order
        self._match(account, order)
        if order.validity == "IOC" and order.is_open:
            self._drop(order)

    def _match(self, account: Account, order: Order) -> None:
        """Fill what the market offers, at the last price and then one tick worse."""
        item, up = order.instrument, order.side == "BUY"
        last = self.tape.last[item.key]
        if order.status == "TRIGGER PENDING":
            if last < order.trigger_price if up else last > order.trigger_price:
                return
            order.triggered = True
            account.version += 1
            order.enter("OPEN", self.now)
        limit = order.price if order.order_type in ("LIMIT", "SL") else 0
        for level in range(2):
            price = max(last + level * (item.tick if up else -item.tick), item.tick)
            if not order.leaves or (limit and (price > limit if up else price < limit)):
                return
            self._fill(account, order, min(order.leaves, self.tape.sizes[item.key]), price)

    def _fill(self, account: Account, order: Order, quantity: int, price: int) -> None:
        self._trade_serial += 1
        fill = Fill(
            str(10_000_000 + self._trade_serial), order.order_id, order.exchange_order_id or "",
            order.instrument, order.side, order.product, quantity, price, self.now,
        )  # fmt: skip
        earlier = order.filled_value * order.instrument.multiplier
        order.filled += quantity
        order.filled_value += quantity * price
        order.exchange_at = self.now
        account.record(fill, earlier)
        if order.filled == order.quantity:
            self._working.pop(order.order_id, None)
            order.enter("COMPLETE", self.now)
        else:
            order.enter("OPEN", self.now)

    def _drop(self, order: Order, message: str | None = None) -> None:
        self._working.pop(order.order_id, None)
        order.cancel(self.now, message)
        self.accounts[order.user_id].version += 1

    def _turn(self) -> None:
        """End the trading day: orders of the day expire, books turn, the day's prices close."""
        for order in list(self._working.values()):
            if order.status == "AMO REQ RECEIVED":
                order.day = self.day + timedelta(days=1)
                continue
            order.expired = True
            self._working.pop(order.order_id)
            order.cancel(datetime.combine(self.day, _DAY_END, IST), _EXPIRED)
        for account in self.accounts.values():
            account.turn(self.day)
            account.opening_cash = risk.balance(account, self.tape.last)
        self.tape.turn()
        self._order_serial = self._trade_serial = 0
        self.version += 1
