"""Kite Connect v3 over the shared transport, for every broker that speaks it.

What belongs here: Kite's addresses and fields. What does not: its envelope and error words
(``kite_errors``), its holdings (``kite_holdings``), where and as whom a broker speaks it
(``zerodha``, ``paper``), HTTP itself.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, TypeVar

from tradesync_dagster.brokers import fetching, kite_errors, kite_holdings, reading
from tradesync_dagster.brokers.calls import Answer, Call, Sender
from tradesync_dagster.brokers.fetching import Book, Rows
from tradesync_dagster.brokers.kite_errors import Speaker
from tradesync_dagster.brokers.limits import Window
from tradesync_dagster.brokers.reading import Row
from tradesync_dagster.domain import errors
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import (
    BrokerHolding,
    BrokerPosition,
    Fetch,
    Margin,
    OrderRequest,
)
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.money import format_price
from tradesync_dagster.domain.order_sources import KITE, source_of
from tradesync_dagster.domain.orders import BrokerOrder
from tradesync_dagster.domain.ports import Clock

RowT = TypeVar("RowT")
_SLICE = re.compile(r"autoslice:(\w{1,64})", re.ASCII)


class KiteClient:
    """One account at a broker that speaks Kite.

    Attributes:
        SPEAKER: Who answers.
        BASE_URL: Where, unless the account says otherwise.
        PREFIX: What its paths begin with.
    """

    SPEAKER: ClassVar[Speaker]
    BASE_URL: ClassVar[str]
    PREFIX: ClassVar[str] = ""
    CREDENTIALS: ClassVar[tuple[str, ...]] = ("api_key", "access_token")
    WINDOWS = (Window(10, 1.0),)  # Kite's limit for placements and for all calls made here

    def __init__(self, account: Account, transport: Sender, clock: Clock) -> None:
        """Check the account's ``api_key``, ``access_token`` and base_url; send nothing."""
        key, token = (reading.credential(account, name) for name in self.CREDENTIALS)
        self._account = account
        self._transport = transport
        self._clock = clock
        self._base = reading.base_url(account, self.BASE_URL) + self.PREFIX
        self._secrets = (key, token)
        self._headers = {"Authorization": f"token {key}:{token}", "X-Kite-Version": "3"}

    async def profile(self) -> Mapping[str, str]:
        """Check the session; return the broker's ``user_id`` and ``user_name``."""
        data = await self._ask("GET", "profile", "/user/profile")
        return {name: self._told("profile", data, name) for name in ("user_id", "user_name")}

    async def orders(self) -> Fetch[BrokerOrder]:
        """Fetch the day's order book; Kite lists it in no order."""
        return await self._fetch(
            Book(
                "orders",
                "/orders",
                _order,
                "order_id",
                lambda row: row.broker_order_id,
                keeps_tags=True,
            )
        )

    async def trades(self) -> Fetch[Fill]:
        """Fetch the day's trades."""
        return await self._fetch(Book("trades", "/trades", _fill, "trade_id", fetching.fill_key))

    async def positions(self) -> Fetch[BrokerPosition]:
        """Fetch the net positions, carried ones included."""
        book = Book(
            "positions", "/portfolio/positions", _position, "tradingsymbol", fetching.whole_row
        )
        return await self._fetch(book, part="net")

    async def holdings(self) -> Fetch[BrokerHolding]:
        """Fetch the holdings."""
        path, key = "/portfolio/holdings", fetching.whole_row
        book = Book("holdings", path, kite_holdings.holding, "tradingsymbol", key)
        return await self._fetch(book, parts=kite_holdings.rows)

    async def margins(self) -> Fetch[Margin]:
        """Fetch what may still be used, by segment."""
        book = Book("margins", "/user/margins", _margin, "segment", lambda row: row.segment)

        def unwrap(answer: Answer) -> Rows:
            data = self._data(book.kind, answer, write=False)
            return Rows(fetching.segments_of(self.SPEAKER.broker, data))

        send = partial(self._send, "GET", book.kind, book.path)
        return await fetching.fetch(self._clock, book, send, unwrap)

    async def place(self, request: OrderRequest) -> str:
        """Place an order once; return the broker's order id.

        Raises:
            OrderRejectedError: The broker refused it, with its words.
            BrokerUnavailableError, UnreadableAnswerError: The order may exist.
        """
        form = {
            "exchange": request.exchange,
            "tradingsymbol": request.symbol,
            "transaction_type": request.side,
            "quantity": str(request.quantity),
            "product": request.product,
            "order_type": request.order_type,
            "validity": request.validity,
        }
        for name, units in (("price", request.price), ("trigger_price", request.trigger_price)):
            form |= {name: format_price(units)} if units else {}
        form |= {"tag": request.tag} if request.tag else {}
        data = await self._ask("POST", "place", self._path("place", request.variety), form)
        return self._told("place", data, "order_id")

    async def modify(self, broker_order_id: str, changes: Mapping[str, str], variety: str) -> str:
        """Change an open order, once; return the broker's order id."""
        path = self._path("modify", variety, broker_order_id)
        return self._told("modify", await self._ask("PUT", "modify", path, changes), "order_id")

    async def cancel(self, broker_order_id: str, variety: str) -> str:
        """Cancel an open order, once; return the broker's order id."""
        data = await self._ask("DELETE", "cancel", self._path("cancel", variety, broker_order_id))
        return self._told("cancel", data, "order_id")

    async def _fetch(
        self,
        book: Book[RowT],
        part: str = "",
        parts: Callable[[Sequence[Any]], Sequence[Any]] = list,
    ) -> Fetch[RowT]:
        def unwrap(answer: Answer) -> Rows:
            data = self._data(book.kind, answer, write=False)
            raw = data.get(part) if part and isinstance(data, Mapping) else data
            where = f"data.{part}" if part else "data"
            return Rows(parts(fetching.rows_of(self.SPEAKER.broker, book.kind, raw, where)))

        send = partial(self._send, "GET", book.kind, book.path)
        return await fetching.fetch(self._clock, book, send, unwrap)

    async def _ask(
        self, method: str, endpoint: str, path: str, form: Mapping[str, str] | None = None
    ) -> Any:
        answer = await self._send(method, endpoint, path, form)
        return self._data(endpoint, answer, write=method != "GET")

    async def _send(
        self, method: str, endpoint: str, path: str, form: Mapping[str, str] | None = None
    ) -> Answer:
        place = (self.SPEAKER.broker, endpoint, self._account.key)
        url, read = self._base + path, method == "GET"
        call = Call(
            method, url, *place, read, self._headers, form, keep_errors=True, windows=self.WINDOWS
        )
        return await self._transport.request(call)

    def _data(self, endpoint: str, answer: Answer, *, write: bool) -> Any:
        return kite_errors.data_of(
            self.SPEAKER, endpoint, answer, self._account.key, self._secrets, write=write
        )

    def _told(self, endpoint: str, data: Any, name: str) -> str:
        return reading.told(self.SPEAKER.broker, endpoint, data, name)

    def _path(self, endpoint: str, *words: str) -> str:
        broker = self.SPEAKER.broker
        return "/".join(["/orders", *(reading.path_word(broker, endpoint, one) for one in words)])


def _order(row: Row) -> BrokerOrder:
    placed_at = reading.ist_time(row, "order_timestamp")
    names = ("exchange_timestamp", "exchange_update_timestamp")
    later = [reading.optional_ist_time(row, name) for name in names]
    return BrokerOrder(
        broker_order_id=reading.text(row, "order_id"),
        trade_date=trade_date_of(placed_at),
        **_instrument(row),
        side=reading.side(row),
        order_type=reading.text(row, "order_type"),
        validity=reading.text(row, "validity"),
        variety=reading.text(row, "variety"),
        status_word=reading.text(row, "status"),
        quantity=reading.quantity(row, "quantity", least=1),
        filled_quantity=reading.quantity(row, "filled_quantity"),
        pending_quantity=reading.quantity(row, "pending_quantity"),
        cancelled_quantity=reading.quantity(row, "cancelled_quantity"),
        price=reading.price(row, "price"),
        trigger_price=reading.price(row, "trigger_price"),
        average_price=reading.average(row),
        placed_at=placed_at,
        updated_at=max([placed_at, *filter(None, later)]),
        tag=reading.optional_text(row, "tag"),
        message=reading.optional_text(row, "status_message"),
        exchange_order_id=reading.optional_text(row, "exchange_order_id"),
        parent_order_id=reading.optional_text(row, "parent_order_id") or _first_slice(row),
        source=source_of(KITE, row),
    )


def _first_slice(row: Row) -> str:
    """Return the order that a slice belongs to: Kite tells it in a tag only."""
    tags = row.get("tags")
    words = [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
    found = (_SLICE.fullmatch(word.strip()) for word in words)
    return next((slice_of[1] for slice_of in found if slice_of), "")


def _fill(row: Row) -> Fill:
    """Read a trade. What Kite names its average_price is the price it traded at: read exactly."""
    at = reading.optional_ist_time
    filled_at = at(row, "fill_timestamp") or at(row, "exchange_timestamp")
    if filled_at is None:
        raise errors.ValueRefusedError("fill_timestamp: missing, and so is exchange_timestamp")
    return Fill(
        trade_id=reading.text(row, "trade_id"),
        broker_order_id=reading.text(row, "order_id"),
        trade_date=trade_date_of(filled_at),
        **_instrument(row),
        side=reading.side(row),
        quantity=reading.quantity(row, "quantity", least=1),
        price=reading.price(row, "average_price"),
        filled_at=filled_at,
    )


def _position(row: Row) -> BrokerPosition:
    return BrokerPosition(
        **_instrument(row),
        quantity=reading.signed_quantity(row, "quantity"),
        overnight_quantity=reading.signed_quantity(row, "overnight_quantity"),
        multiplier=reading.quantity(row, "multiplier", least=1),
        average_price=reading.average(row),
        last_price=reading.price(row, "last_price"),
        close_price=reading.optional_price(row, "close_price"),
        overnight_price=_overnight_price(row),
    )


def _overnight_price(row: Row) -> int:
    """Take the day's trading out of what the position cost: Kite gives both sums exactly."""
    carried = reading.signed_quantity(row, "overnight_quantity")
    side = "buy" if carried > 0 else "sell"
    total = reading.optional_price(row, f"{side}_value")
    value = total - reading.optional_price(row, f"day_{side}_value")
    return reading.price_per_unit(row, value, carried)


def _margin(row: Row) -> Margin:
    """Read a segment's funds, rounded: Kite computes them, and they show it (99725.05000000002)."""
    used = row.get("utilised")
    if not isinstance(used, Mapping):
        raise errors.ValueRefusedError("utilised: expected an object")
    return Margin(
        segment=reading.text(row, "segment").lower(),
        available=reading.average(row, "net"),
        used=reading.average(used, "debits"),
    )


def _instrument(row: Row) -> dict[str, str]:
    names = {"exchange": "exchange", "symbol": "tradingsymbol", "product": "product"}
    return {ours: reading.text(row, theirs) for ours, theirs in names.items()}
