"""The exchange as one thing: market, people, sessions and clock behind a journal.

Belongs here: every command that changes state, stamped, written down, then applied.
Does not belong here: HTTP, JSON shapes (the faces) and the rules of trading (market.py).
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from tradesync_dagster.brokers.exchange.journal import Journal
from tradesync_dagster.brokers.exchange.market import Market, MarketRules
from tradesync_dagster.brokers.exchange.orders import (
    Order,
    OrderChange,
    OrderRequest,
    RefusedError,
)
from tradesync_dagster.brokers.exchange.people import Habits, People
from tradesync_dagster.brokers.exchange.units import in_zone

UNDONE: ContextVar[bool] = ContextVar("undone", default=False)
"""Whether this request's change is acknowledged and not done (faults.py sets it)."""
_FARTHEST = timedelta(days=3660)


@dataclass(frozen=True, slots=True)
class Genesis:
    """What an exchange is made from; kept in the first line of its journal."""

    seed: int
    accounts: int
    people_rate: float
    tag_prefix: str
    history_days: int
    always_open: bool
    start_at: datetime | None


@dataclass(slots=True)
class Session:
    """One client's credentials; all follow from the seed and the number of logouts."""

    user_id: str
    seed: int
    logouts: int = 0

    def _secret(self, what: str, length: int) -> str:
        source = f"{self.seed}:{self.user_id}:{what}"
        return sha256(source.encode()).hexdigest()[:length]

    @property
    def api_key(self) -> str:
        """The key of the client's own app."""
        return self._secret("key", 16)

    @property
    def api_secret(self) -> str:
        """The secret the checksum is made with."""
        return self._secret("secret", 32)

    @property
    def request_token(self) -> str:
        """What the login page would have handed over."""
        return self._secret("request", 32)

    @property
    def access_token(self) -> str:
        """The token that is good now; every logout brings another."""
        return self._secret(f"access:{self.logouts}", 32)

    def checksum(self) -> str:
        """What a right login sends."""
        together = self.api_key + self.request_token + self.api_secret
        return sha256(together.encode()).hexdigest()


@dataclass(slots=True)
class SimClock:
    """The exchange's time: the wall's plus an offset, or standing still."""

    wall: Callable[[], datetime]
    offset: timedelta = field(default_factory=timedelta)
    stands_at: datetime | None = None

    def now(self) -> datetime:
        """Tell the time."""
        return self.stands_at if self.stands_at is not None else self.wall() + self.offset


class Venue:
    """The running exchange."""

    def __init__(
        self, genesis: Genesis, journal: Path | None, wall: Callable[[], datetime]
    ) -> None:
        self.clock = SimClock(wall)
        self.heard_by: list[Callable[[], None]] = []
        """Told after every command, be it done or refused."""
        self._seed = genesis.seed
        self._journal = Journal(journal)
        commands = self._journal.commands()
        first = next(commands, None)
        if first is None:
            start = in_zone(genesis.start_at or wall())
            self._journal.append(start, "genesis", _plain(genesis))
        else:
            start = first[0]
            self._same(first[2], _plain(genesis), journal)
        if genesis.start_at is not None:
            self.clock.stands_at = start
        self.market, self.people = _world(genesis, start)
        self.sessions = {user: Session(user, genesis.seed) for user in self.market.accounts}
        self._tokens: dict[str, str] = {}
        self._remember_tokens()
        for at, name, args in commands:
            self._replay(at, name, args)
        self._remember_tokens()

    @staticmethod
    def _same(kept: dict[str, Any], asked: dict[str, Any], path: Path | None) -> None:
        if kept != asked:
            differing = sorted(key for key in asked if kept.get(key) != asked[key])
            raise ValueError(
                f"The journal {path} belongs to another exchange: {', '.join(differing)} differ. "
                "Use the same settings, or another journal."
            )

    def now(self) -> datetime:
        """Tell the exchange's time and bring the market up to it."""
        self.market.advance(self.clock.now())
        return self.market.now

    def user_of(self, token: str) -> str | None:
        """Tell whose "api_key:access_token" this is, if it is good."""
        return self._tokens.get(token)

    def session_of(self, api_key: object) -> Session | None:
        """Find whose app's key this is."""
        return next((one for one in self.sessions.values() if one.api_key == api_key), None)

    def place(self, user_id: str, request: OrderRequest, *, by_hand: bool = False) -> Order:
        """Take an order."""
        args = {"user": user_id, "request": asdict(request), "by_hand": by_hand}
        order: Order = self._do("place", args)
        return order

    def modify(self, user_id: str, order_id: str, change: OrderChange) -> Order:
        """Change an order."""
        if UNDONE.get():
            return self.market.find(user_id, order_id)
        args = {"user": user_id, "order": order_id, "change": asdict(change)}
        order: Order = self._do("modify", args)
        return order

    def cancel(self, user_id: str, order_id: str) -> Order:
        """Cancel an order."""
        if UNDONE.get():
            return self.market.find(user_id, order_id)
        order: Order = self._do("cancel", {"user": user_id, "order": order_id})
        return order

    def step(self, steps: int = 1) -> int:
        """Let prices move, orders fill and people act; gives the orders people placed."""
        placed: int = self._do("step", {"steps": steps})
        return placed

    def open_account(self, user_id: str, cash: int, *, charged: bool) -> bool:
        """Open an account for somebody outside; says whether it was not open before.

        Raises:
            RefusedError: the name is one of the exchange's own people's.
        """
        known = self.market.accounts.get(user_id)
        if known is not None and not known.opened:
            raise RefusedError("There is another account of that name.", status=409)
        if known is None:
            self._do("open", {"user": user_id, "cash": cash, "charged": charged})
            self._remember_tokens()
        return known is None

    def logout(self, user_id: str) -> None:
        """End a client's session: the token is dead, the next login brings another."""
        self._do("logout", {"user": user_id})
        self._remember_tokens()

    def set_clock(self, now: datetime, *, frozen: bool | None = None) -> datetime:
        """Move the exchange's time forward.

        Raises:
            RefusedError: the new time lies in the past, or too far ahead.
        """
        if now < self.now():
            raise RefusedError("The exchange's clock only goes forward.")
        if now > self.now() + _FARTHEST:
            raise RefusedError("The exchange's clock goes forward ten years at most.")
        stands = self.clock.stands_at is not None if frozen is None else frozen
        offset = (now - self.clock.wall()).total_seconds()
        self._do("clock", {"now": now.isoformat(), "offset": offset, "frozen": stands})
        return self.now()

    def close(self) -> None:
        """Close the journal."""
        self._journal.close()

    def _do(self, name: str, args: dict[str, Any]) -> Any:
        """Write a command down, then apply it."""
        at = self.now()
        self._journal.append(at, name, args)
        try:
            return getattr(self, f"_apply_{name}")(at, args)
        finally:
            for hear in self.heard_by:
                hear()

    def _replay(self, at: datetime, name: str, args: dict[str, Any]) -> None:
        try:
            self.market.advance(at)
            getattr(self, f"_apply_{name}")(at, args)
        except RefusedError:
            return  # it was refused the first time too

    def _apply_place(self, at: datetime, args: dict[str, Any]) -> Order:
        request = OrderRequest(**args["request"])
        return self.market.place(args["user"], request, at, by_hand=args["by_hand"])

    def _apply_modify(self, at: datetime, args: dict[str, Any]) -> Order:
        change = OrderChange(**args["change"])
        return self.market.modify(args["user"], args["order"], change, at)

    def _apply_cancel(self, at: datetime, args: dict[str, Any]) -> Order:
        return self.market.cancel(args["user"], args["order"], at)

    def _apply_step(self, at: datetime, args: dict[str, Any]) -> int:
        placed = 0
        for _ in range(args["steps"]):
            self.market.step(at)
            placed += self.people.act(self.market, at)
        return placed

    def _apply_open(self, at: datetime, args: dict[str, Any]) -> None:
        del at
        self.market.admit(args["user"], args["cash"], charged=args["charged"])
        self.sessions[args["user"]] = Session(args["user"], self._seed)

    def _apply_logout(self, at: datetime, args: dict[str, Any]) -> None:
        del at
        self.sessions[args["user"]].logouts += 1

    def _apply_clock(self, at: datetime, args: dict[str, Any]) -> None:
        del at
        now = datetime.fromisoformat(args["now"])
        self.clock.offset = timedelta(seconds=args["offset"])
        self.clock.stands_at = now if args["frozen"] else None
        self.market.advance(now)

    def _remember_tokens(self) -> None:
        self._tokens = {
            f"{session.api_key}:{session.access_token}": user
            for user, session in self.sessions.items()
        }


def _plain(genesis: Genesis) -> dict[str, Any]:
    kept = asdict(genesis)
    kept["start_at"] = genesis.start_at.isoformat() if genesis.start_at else None
    return kept


def _world(genesis: Genesis, start: datetime) -> tuple[Market, People]:
    """Make the market and let people trade in it before the first day."""
    first = start
    weekdays = genesis.history_days
    while weekdays:
        first -= timedelta(days=1)
        weekdays -= first.weekday() < 5
    if genesis.history_days:
        first = first.replace(hour=9, minute=15, second=0)
    rules = MarketRules(genesis.seed, genesis.accounts, first, genesis.always_open)
    market = Market(rules)
    people = People(genesis.seed, Habits(genesis.people_rate, genesis.tag_prefix))
    people.live_through(market, start)
    return market, people
