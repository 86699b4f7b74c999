"""Finding what speaks for each strategy beside an external order.

What belongs here: turning strategies, claims, open units and owned orders into ``Evidence``. What
does not: what the evidence is worth (``attribution``), reading it (``store.attribution``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.attribution import Evidence
from tradesync_dagster.domain.attribution_rows import Claim, OpenUnits, OwnedOrder, Strategy
from tradesync_dagster.domain.facts import Facts
from tradesync_dagster.domain.market_calendar import IST
from tradesync_dagster.domain.orders import BrokerOrder, Order, Side

_SHORTEST = 3
"""A shorter name must be the whole tag: too many tags begin with it by chance."""


@dataclass(slots=True)
class Known:
    """All that is known of the strategies of some accounts; follows what is decided.

    Attributes:
        facts: Tell which listings are one instrument.
        open_units: As the books have them.
        owned: The strategies' orders within memory.
        leave_out: Strategies that only take what nobody owns.
    """

    facts: Facts
    strategies: Sequence[Strategy]
    claims: Sequence[Claim]
    open_units: OpenUnits
    owned: Sequence[OwnedOrder]
    leave_out: frozenset[str] = frozenset()
    _taken: dict[tuple[int, str, str, str], int] = field(default_factory=dict)

    def evidence(self, account: Account, order: Order) -> list[Evidence]:
        """Find what speaks for each strategy.

        Args:
            account: The order's.
            order: An external one.

        Returns:
            Of the strategies for which anything speaks.
        """
        named = self._named(account.organization_id, order.broker.tag)
        claimed = self._claimed(account, order.broker)
        owned = [one for one in self.owned if one.account_id == account.account_id]
        ids = {one.strategy_id for one in owned} | named | claimed
        queues = (*self.open_units, *self._taken)
        ids |= {key[1] for key in queues if key[0] == account.account_id}
        found = [
            self._evidence(
                name, order, [one for one in owned if one.strategy_id == name], named, claimed
            )
            for name in sorted(ids - self._automatic(account.organization_id))
        ]
        return [one for one in found if one != Evidence(one.strategy_id)]

    def available(self, order: Order, strategy_id: str) -> int:
        """Count the open units of a strategy that an order reduces, less those on their way out.

        Args:
            order: Its side tells whether long or short units count.
            strategy_id: Whose.

        Returns:
            Units; never negative.
        """
        return max(self.left(order, strategy_id), 0)

    def left(self, order: Order, strategy_id: str) -> int:
        """Count as ``available``; negative where more is on its way out than the strategy has."""
        row = order.broker
        key = self._queue(order.account_id, strategy_id, row)
        units = -row.side.sign * (self.open_units.get(key, 0) + self._taken.get(key, 0))
        # A working order of the same side will want the same units.
        units -= sum(
            one.working
            for one in self.owned
            if (one.strategy_id, one.side) == (strategy_id, row.side)
            and one.trade_date >= row.trade_date
            and self._queue(one.account_id, one.strategy_id, one) == key
        )
        return units

    def take(self, order: Order, strategy_id: str) -> None:
        """Follow a decision: the next order of this look finds what this one leaves."""
        row = order.broker
        key = self._queue(order.account_id, strategy_id, row)
        # A sell may still trade in full; a buy brings only what it has traded.
        units = wanted_by(order) if row.side is Side.SELL else row.filled_quantity
        self._taken[key] = self._taken.get(key, 0) + row.side.sign * units

    def _evidence(
        self,
        strategy_id: str,
        order: Order,
        owned: Sequence[OwnedOrder],
        named: set[str],
        claimed: set[str],
    ) -> Evidence:
        row = order.broker
        # A guess is no evidence for the next guess.
        sure = [one for one in owned if not one.guessed]
        wanted = self._instrument(row)
        same = [one for one in sure if self._instrument(one) == wanted]
        offs = [abs(_minute(one.placed_at) - _minute(row.placed_at)) for one in sure]
        sizes = sorted(one.quantity for one in same)
        days = [(row.trade_date - one.trade_date).days for one in same]
        alike = sum(one.product == row.product for one in sure)
        return Evidence(
            strategy_id=strategy_id,
            named=strategy_id in named,
            claimed=strategy_id in claimed,
            held=self.available(order, strategy_id),
            days_since=max(min(days), 0) if days else None,
            product_percent=100 * alike // len(sure) if sure else 0,
            minutes_off=min(offs) if offs else None,
            size_percent=100 * row.quantity // sizes[len(sizes) // 2] if sizes else None,
        )

    def _automatic(self, organization_id: str) -> set[str]:
        automatic = {
            one.strategy_id
            for one in self.strategies
            if one.automatic and one.organization_id == organization_id
        }
        return automatic | self.leave_out

    def _named(self, organization_id: str, tag: str) -> set[str]:
        """Return the strategies that a tag names; of ``mom`` and ``momentum`` the longer one."""
        lengths = {
            one.strategy_id: max(named_by(tag, one.strategy_id), named_by(tag, one.name))
            for one in self.strategies
            if one.organization_id == organization_id
        }
        longest = max(lengths.values(), default=0)
        return {name for name, length in lengths.items() if length == longest > 0}

    def _claimed(self, account: Account, row: BrokerOrder) -> set[str]:
        wanted = self._instrument(row)
        return {
            claim.strategy_id
            for claim in self.claims
            if claim.organization_id == account.organization_id
            and claim.account_id in {None, account.account_id}
            and self.facts.instrument(claim.exchange, claim.symbol, row.product) == wanted
        }

    def _instrument(self, row: BrokerOrder | OwnedOrder) -> str:
        return self.facts.instrument(row.exchange, row.symbol, row.product)

    def _queue(
        self, account_id: int, strategy_id: str, row: BrokerOrder | OwnedOrder
    ) -> tuple[int, str, str, str]:
        return account_id, strategy_id, self._instrument(row), row.product


def wanted_by(order: Order) -> int:
    """Count the units that an order needs: what it traded once it ended, all until then."""
    row = order.broker
    return row.filled_quantity if order.status.is_terminal and row.filled_quantity else row.quantity


def named_by(tag: str, name: str) -> int:
    """Tell how much of a tag is a strategy's name.

    Brokers take letters and digits only, so that ``mean-reversion`` is sent as ``meanreversion7``.

    Args:
        tag: The order's.
        name: The strategy's id or name.

    Returns:
        How many letters and digits; 0 where the tag does not begin with the name as a word.
    """
    said, word = _plain(tag), _plain(name)
    if not word or not said.startswith(word):
        return 0
    rest = said[len(word) :]
    if not rest:
        return len(word)
    runs_on = rest[0].isdigit() == word[-1].isdigit() and not _parted(tag, len(word))
    return 0 if runs_on or len(word) < _SHORTEST else len(word)


def _plain(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())


def _parted(tag: str, length: int) -> bool:
    """Tell whether a sign stands in a tag after so many letters and digits."""
    seen = 0
    for char in tag.casefold():
        if seen == length:
            return not char.isalnum()
        seen += char.isalnum()
    return False


def _minute(at: datetime) -> int:
    local = at.astimezone(IST)
    return 60 * local.hour + local.minute


def in_time_order(orders: Iterable[Order]) -> list[Order]:
    """Sort orders as they were placed, so that a sell finds what an earlier buy brought."""
    return sorted(orders, key=lambda one: (one.broker.placed_at, str(one.order_id)))
