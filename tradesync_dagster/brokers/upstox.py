"""Upstox's API, v2 for reading and v3 for orders, over the shared transport.

What belongs here: Upstox's addresses and requests. What does not: the rows of its books
(``upstox_rows``), its envelope and error codes (``upstox_errors``), logging in (``upstox_login``),
HTTP itself.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, TypeVar

from yarl import URL

from tradesync_dagster.brokers import fetching, reading, upstox_errors, upstox_rows
from tradesync_dagster.brokers.calls import Answer, Call, Sender, not_sent
from tradesync_dagster.brokers.fetching import Book, Rows
from tradesync_dagster.brokers.limits import Window
from tradesync_dagster.brokers.upstox_errors import BROKER
from tradesync_dagster.domain import errors, money
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import (
    BrokerHolding,
    BrokerPosition,
    Fetch,
    Margin,
    OrderRequest,
)
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.orders import BrokerOrder
from tradesync_dagster.domain.ports import Clock

RowT = TypeVar("RowT")

BASE_URL = "https://api.upstox.com"
ORDER_URL = "https://api-hft.upstox.com"
"""Upstox takes orders at an address of their own."""
_PRODUCTS = {"CNC": "D", "NRML": "D", "MIS": "I", "MTF": "MTF"}
_SEGMENTS = {
    "NSE": ("NSE", "EQ", "NSE_EQ"), "BSE": ("BSE", "EQ", "BSE_EQ"),
    "NFO": ("NSE", "FO", "NSE_FO"), "BFO": ("BSE", "FO", "BSE_FO"),
    "CDS": ("NSE", "CURR", "NCD_FO"), "BCD": ("BSE", "CURR", "BCD_FO"),
    "MCX": ("MCX", "COMM", "MCX_FO"),
}  # fmt: skip
"""What the search of instruments is asked for, and the segment of its rows, by exchange."""
_MOST_FOUND = "30"
_PRICES, _QUANTITIES = ("price", "trigger_price"), ("quantity", "disclosed_quantity")
_WORDS = ("order_type", "validity")


class UpstoxClient:
    """One account at Upstox."""

    CREDENTIALS: ClassVar[tuple[str, ...]] = ("access_token",)
    WINDOWS = (
        Window(10, 1.0, writes=True),
        Window(50, 1.0),
        Window(500, 60.0),
        Window(2000, 1800.0),
    )

    def __init__(self, account: Account, transport: Sender, clock: Clock) -> None:
        """Check the account's ``access_token`` and base_url; send nothing."""
        token = reading.credential(account, "access_token")
        self._account = account
        self._transport = transport
        self._clock = clock
        self._base = reading.base_url(account, BASE_URL)
        self._orders = reading.base_url(account, ORDER_URL)
        self._secrets = (token,)
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}

    async def profile(self) -> Mapping[str, str]:
        """Check the session; return the broker's ``user_id`` and ``user_name``."""
        data = await self._read("profile", "/v2/user/profile")
        names = ("user_id", "user_name")
        return {name: reading.told(BROKER, "profile", data, name) for name in names}

    async def orders(self) -> Fetch[BrokerOrder]:
        """Fetch the day's order book."""
        return await self._fetch(
            Book(
                "orders",
                "/v2/order/retrieve-all",
                upstox_rows.order,
                "order_id",
                lambda row: row.broker_order_id,
                keeps_tags=True,
            )
        )

    async def trades(self) -> Fetch[Fill]:
        """Fetch the day's trades."""
        path = "/v2/order/trades/get-trades-for-day"
        book = Book("trades", path, upstox_rows.fill, "trade_id", fetching.fill_key)
        return upstox_rows.in_the_past(await self._fetch(book))

    async def positions(self) -> Fetch[BrokerPosition]:
        """Fetch the net positions, carried ones included."""
        path = "/v2/portfolio/short-term-positions"
        return await self._fetch(
            Book("positions", path, upstox_rows.position, "trading_symbol", fetching.whole_row)
        )

    async def holdings(self) -> Fetch[BrokerHolding]:
        """Fetch the holdings."""
        path = "/v2/portfolio/long-term-holdings"
        return await self._fetch(
            Book("holdings", path, upstox_rows.holding, "trading_symbol", fetching.whole_row)
        )

    async def margins(self) -> Fetch[Margin]:
        """Fetch what may still be used, by segment."""
        path = "/v2/user/get-funds-and-margin"
        book = Book("margins", path, upstox_rows.margin, "segment", lambda row: row.segment)

        def rows_of(data: Any) -> Sequence[Any]:
            return fetching.segments_of(BROKER, data)

        return await self._fetch(book, rows_of)

    async def place(self, request: OrderRequest) -> str:
        """Place an order once; return the broker's order id.

        Upstox knows an instrument by its key only, so that is looked up first.

        Raises:
            OrderRejectedError: The broker refused it, with its words.
            BrokerUnavailableError, UnreadableAnswerError: The order may exist, unless the error
                says that it was never sent.
        """
        product = _PRODUCTS.get(request.product)
        if product is None or request.variety not in ("regular", "amo"):
            what = f"{request.product} {request.variety} orders cannot be placed at Upstox"
            raise errors.RefusedRequestError(BROKER, "place", what)
        body: dict[str, Any] = {
            "instrument_token": await self._instrument_key(request),
            "transaction_type": request.side,
            "quantity": request.quantity,
            "product": product,
            "order_type": request.order_type,
            "validity": request.validity,
            "price": _number("place", request.price),
            "trigger_price": _number("place", request.trigger_price),
            "disclosed_quantity": 0,
            "is_amo": request.variety == "amo",
            "slice": False,
        }
        body |= {"tag": request.tag} if request.tag else {}
        data = await self._write("POST", "place", "/v3/order/place", body)
        ids = data.get("order_ids") if isinstance(data, Mapping) else None
        if not isinstance(ids, list) or len(ids) != 1:
            what = "data.order_ids is not a list of one id"
            raise errors.UnreadableAnswerError(BROKER, "place", what)
        return reading.told(BROKER, "place", {"order_id": ids[0]}, "order_id")

    async def modify(self, broker_order_id: str, changes: Mapping[str, str], variety: str) -> str:
        """Change an open order, once; return the broker's order id.

        Upstox wants the order's terms told anew, so those that stay are read first.
        """
        del variety  # an address at Kite, nothing to Upstox
        order_id = _id("modify", broker_order_id)
        odd = set(changes).difference(_PRICES, _QUANTITIES, _WORDS)
        if odd:
            what = f"Upstox cannot change an order's {', '.join(sorted(odd))}"
            raise errors.RefusedRequestError(BROKER, "modify", what)
        try:
            now = await self._read("order", _query("/v2/order/details", order_id=order_id))
            reading.told(BROKER, "order", now, "order_type")
        except (errors.BrokerUnavailableError, errors.UnreadableAnswerError) as error:
            raise not_sent("modify", error) from None
        body = _terms(now, changes) | {"order_id": order_id}
        data = await self._write("PUT", "modify", "/v3/order/modify", body)
        return reading.told(BROKER, "modify", data, "order_id")

    async def cancel(self, broker_order_id: str, variety: str) -> str:
        """Cancel an open order, once; return the broker's order id."""
        del variety  # an address at Kite, nothing to Upstox
        path = _query("/v3/order/cancel", order_id=_id("cancel", broker_order_id))
        return reading.told(
            BROKER, "cancel", await self._write("DELETE", "cancel", path), "order_id"
        )

    async def _instrument_key(self, request: OrderRequest) -> str:
        """Look up Upstox's key of an instrument; its search also gives what only sounds alike."""
        name = f"{request.exchange}:{request.symbol}"
        asked = _SEGMENTS.get(request.exchange)
        if asked is None:
            what = f"{name} is on no exchange that Upstox takes orders for"
            raise errors.RefusedRequestError(BROKER, "place", what)
        path = _query(
            "/v2/instruments/search",
            query=request.symbol, exchanges=asked[0], segments=asked[1], records=_MOST_FOUND,
        )  # fmt: skip
        try:
            found = fetching.rows_of(BROKER, "search", await self._read("search", path))
        except (errors.BrokerUnavailableError, errors.UnreadableAnswerError) as error:
            raise not_sent("place", error) from None
        keys = {
            str(row.get("instrument_key") or "")
            for row in found
            if isinstance(row, Mapping)
            and row.get("segment") == asked[2]
            and reading.plain_symbol(request.exchange, str(row.get("trading_symbol")))
            == request.symbol
        }
        if len(keys) != 1 or "" in keys:
            what = f"Upstox's search knows {len(keys)} instruments by the name {name}"
            raise errors.RefusedRequestError(BROKER, "place", what)
        return keys.pop()

    async def _fetch(
        self, book: Book[RowT], rows_of: Callable[[Any], Sequence[Any]] | None = None
    ) -> Fetch[RowT]:
        def unwrap(answer: Answer) -> Rows:
            data, shortfall = self._data(book.kind, answer, write=False)
            listed = rows_of or partial(fetching.rows_of, BROKER, book.kind)
            return Rows(listed(data), shortfall)

        send = partial(self._send, "GET", book.kind, book.path)
        return await fetching.fetch(self._clock, book, send, unwrap)

    async def _read(self, endpoint: str, path: str) -> Any:
        answer = await self._send("GET", endpoint, path)
        return self._data(endpoint, answer, write=False)[0]

    async def _write(
        self, method: str, endpoint: str, path: str, body: Mapping[str, Any] | None = None
    ) -> Any:
        answer = await self._send(method, endpoint, path, body)
        data, shortfall = self._data(endpoint, answer, write=True)
        if shortfall:
            raise errors.UnreadableAnswerError(BROKER, endpoint, shortfall)
        return data

    async def _send(
        self, method: str, endpoint: str, path: str, body: Mapping[str, Any] | None = None
    ) -> Answer:
        read = method == "GET"
        call = Call(
            method, f"{self._base if read else self._orders}{path}", BROKER, endpoint,
            self._account.key, read, self._headers, json=body, keep_errors=True,
            windows=self.WINDOWS,
        )  # fmt: skip
        return await self._transport.request(call)

    def _data(self, endpoint: str, answer: Answer, *, write: bool) -> tuple[Any, str]:
        return upstox_errors.data_of(
            endpoint, answer, self._account.key, self._secrets, write=write
        )


def _terms(now: Mapping[str, Any], changes: Mapping[str, str]) -> dict[str, Any]:
    """Build an order's terms from what they are and what shall change."""
    row = {**now, **changes}
    try:
        terms: dict[str, Any] = {name: reading.text(row, name) for name in _WORDS}
        prices = {name: reading.price(row, name) for name in _PRICES}
        counted = [name for name in _QUANTITIES if name in changes]
        terms |= {name: money.parse_quantity(changes[name], name) for name in counted}
    except errors.ValueRefusedError as error:
        raise errors.RefusedRequestError(BROKER, "modify", str(error)) from None
    if terms["order_type"] in ("MARKET", "SL-M"):
        prices["price"] = 0
    if terms["order_type"] in ("MARKET", "LIMIT"):
        prices["trigger_price"] = 0
    return terms | {name: _number("modify", units) for name, units in prices.items()}


def _number(endpoint: str, units: int) -> int | float:
    try:
        return reading.json_number(money.format_price(units))
    except errors.ValueRefusedError as error:
        raise errors.RefusedRequestError(BROKER, endpoint, str(error)) from None


def _id(endpoint: str, word: str) -> str:
    return reading.path_word(BROKER, endpoint, word)


def _query(path: str, **fields: str) -> str:
    return str(URL.build(path=path, query=fields))
