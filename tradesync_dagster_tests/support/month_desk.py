"""Orders of our own through a simulated month, answers of brokers lost now and then.

What belongs here: what our desk places, changes, cancels and tries again, through the services as
the command line would. What does not: what people do by hand (``month_people``).
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from uuid import UUID

from tradesync_dagster.bootstrap.trading import Trading
from tradesync_dagster.domain.errors import PlacementRefusedError
from tradesync_dagster.domain.order_requests import OrderText
from tradesync_dagster.domain.orders import OrderStatus
from tradesync_dagster.sync.verifying import Verified
from tradesync_dagster_tests.support.month_people import CLAIMED, TRADED, People

_SHARES = {**TRADED, **dict.fromkeys(CLAIMED, "alpha")}
_WHO = "asha"


@dataclass
class OwnOrders:
    """What a desk's programs do.

    Attributes:
        came_to: How many placements were how, right after.
        owners: The strategy of each, by our order id.
    """

    people: People
    dice: Random
    came_to: Counter[str] = field(default_factory=Counter)
    owners: dict[UUID, str] = field(default_factory=dict)
    resting: list[tuple[str, UUID]] = field(default_factory=list)
    failed: list[tuple[str, UUID]] = field(default_factory=list)

    def act(self, trading: Trading, rate: float) -> None:
        """Place an order for some accounts; change, cancel or try again some earlier ones."""
        self.people.look()
        for user in self.people.users:
            if self.dice.random() < rate:
                self._place(trading, f"desk/{user}")
        for account, order_id in [one for one in self.resting if self.dice.random() < 0.3]:
            self._meddle(trading, account, order_id)
        again, self.failed = self.failed, []
        for account, order_id in again:
            self._keep(account, self._tried(lambda: trading.retry(account, order_id, who=_WHO)))  # noqa: B023 - called at once

    def _place(self, trading: Trading, account: str) -> None:
        symbol = self.dice.choice(sorted(_SHARES))
        limit = self.dice.random() < 0.4
        price = self.people.limit(f"NSE:{symbol}", "SELL", ticks=6) if limit else ""
        text = OrderText("BUY", str(self.dice.randint(1, 9)), f"NSE:{symbol}", price=price)
        verify = self.dice.random() < 0.5

        def place() -> Verified:
            return trading.place(
                account, text, who=_WHO, strategy=_SHARES[symbol], verify=verify,
                key=f"{self.dice.getrandbits(64):x}",
            )  # fmt: skip

        if (placed := self._tried(place)) is not None:
            self.owners[placed.order.order_id] = _SHARES[symbol]
            self._keep(account, placed)

    def _keep(self, account: str, placed: Verified | None) -> None:
        if placed is None:
            return
        status = placed.order.status
        self.came_to[status.value] += 1
        if status in (OrderStatus.OPEN, OrderStatus.PENDING_EXECUTION):
            self.resting.append((account, placed.order.order_id))
        elif status is OrderStatus.FAILED:
            self.failed.append((account, placed.order.order_id))

    def _meddle(self, trading: Trading, account: str, order_id: UUID) -> None:
        self.resting.remove((account, order_id))
        if self.dice.random() < 0.5:
            self._tried(lambda: trading.cancel(account, order_id, who=_WHO, why="no longer"))
        else:
            changes = {"quantity": str(self.dice.randint(10, 20))}
            self._tried(lambda: trading.modify(account, order_id, changes, who=_WHO))

    def _tried(self, act: Callable[[], Verified]) -> Verified | None:
        """Do it; a refusal by our own rules, such as that the order has ended, is counted."""
        try:
            return act()
        except PlacementRefusedError:
            self.came_to["refused by our own rules"] += 1
            return None
