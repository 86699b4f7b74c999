"""AutoTrader Web's API over the shared transport.

What belongs here: AutoTrader's addresses, envelope and requests. What does not: the rows of its
books (``autotrader_rows``), its words for failures (``autotrader_errors``), HTTP itself.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar

from yarl import URL

from tradesync_dagster.brokers import autotrader_errors, autotrader_rows, fetching, reading
from tradesync_dagster.brokers.autotrader_errors import BROKER
from tradesync_dagster.brokers.autotrader_rows import ORDER_TYPES, PRODUCTS
from tradesync_dagster.brokers.calls import Answer, Call, Sender
from tradesync_dagster.brokers.fetching import Book, Rows
from tradesync_dagster.brokers.limits import Window
from tradesync_dagster.domain import errors, money
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import (
    BrokerHolding,
    BrokerPosition,
    Fetch,
    Margin,
    OrderRequest,
    Outcome,
)
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.orders import BrokerOrder
from tradesync_dagster.domain.ports import Clock

RowT = TypeVar("RowT")

BASE_URL = "https://apix.stocksdeveloper.in"
_MARGINS = "/trading/readPlatformMargins"
_CHANGES = {
    "order_type": "orderType", "quantity": "quantity", "price": "price",
    "trigger_price": "triggerPrice",
}  # fmt: skip


class AutoTraderClient:
    """One account at any stock broker, through AutoTrader Web."""

    CREDENTIALS: ClassVar[tuple[str, ...]] = ("api_key",)
    WINDOWS = (Window(60, 5.0), Window(120, 60.0), Window(300, 300.0))

    def __init__(self, account: Account, transport: Sender, clock: Clock) -> None:
        """Check the account's ``api_key`` and base_url; send nothing.

        AutoTrader knows the account by the desk's own name for it, unless the credentials hold
        another ``pseudo_account``.
        """
        key = reading.credential(account, "api_key")
        self._account = account
        self._transport = transport
        self._clock = clock
        self._base = reading.base_url(account, BASE_URL)
        self._name = account.credentials.get("pseudo_account") or account.pseudo_account
        self._secrets = (key,)
        self._headers = {"api-key": key, "Accept": "application/json"}

    async def profile(self) -> Mapping[str, str]:
        """Check the session by its smallest book; AutoTrader has no profile to tell more."""
        result = self._result("profile", await self._read("profile", _MARGINS), write=False)
        fetching.rows_of(BROKER, "profile", result, "result")
        return {"user_id": self._name, "user_name": self._name}

    async def orders(self) -> Fetch[BrokerOrder]:
        """Fetch the day's order book."""
        path = "/trading/readPlatformOrders"
        return await self._fetch(
            Book("orders", path, autotrader_rows.order, "id", lambda row: row.broker_order_id)
        )

    async def trades(self) -> Fetch[Fill]:
        """Return no trades and ask nobody: AutoTrader has none.

        Its orders tell of fills, held against those in the books (``domain.watermarks``); without
        the books, here, nobody can say which of them are new.
        """
        now = self._clock.now()
        return Fetch("trades", Outcome.COMPLETE, trade_date_of(now), now, 0.0, derived=True)

    async def positions(self) -> Fetch[BrokerPosition]:
        """Fetch the net positions, carried ones included."""
        path = "/trading/readPlatformPositions"
        return await self._fetch(
            Book("positions", path, autotrader_rows.position, "symbol", fetching.whole_row)
        )

    async def holdings(self) -> Fetch[BrokerHolding]:
        """Fetch the holdings."""
        path = "/trading/readPlatformHoldings"
        return await self._fetch(
            Book("holdings", path, autotrader_rows.holding, "symbol", fetching.whole_row)
        )

    async def margins(self) -> Fetch[Margin]:
        """Fetch what may still be used, by segment."""
        book = Book("margins", _MARGINS, autotrader_rows.margin, "category", _segment)
        return await self._fetch(book)

    async def place(self, request: OrderRequest) -> str:
        """Place an order once; return the stock broker's order id.

        Shares go by their symbol. AutoTrader has names of its own for contracts, such as
        ``NIFTY_29-JAN-2026_FUT``; a symbol is sent as it was given.

        Raises:
            OrderRejectedError: It was refused, with the stock broker's words.
            BrokerUnavailableError, UnreadableAnswerError: The order may exist.
        """
        product, order_type = PRODUCTS.get(request.product), ORDER_TYPES.get(request.order_type)
        if not product or not order_type or request.variety not in ("regular", "amo"):
            what = (
                f"{request.product} {request.order_type} {request.variety} orders cannot be placed "
                "through AutoTrader"
            )
            raise errors.RefusedRequestError(BROKER, "place", what)
        form = {
            "exchange": request.exchange,
            "symbol": request.symbol,
            "tradeType": request.side,
            "orderType": order_type,
            "productType": product,
            "quantity": str(request.quantity),
            "price": money.format_price(request.price),
            "triggerPrice": money.format_price(request.trigger_price),
        }
        path, more = _placing(request)
        result = await self._write("place", path, form | more)
        return reading.told(BROKER, "place", {"result": result}, "result")

    async def modify(self, broker_order_id: str, changes: Mapping[str, str], variety: str) -> str:
        """Change an open order, once; return the stock broker's order id."""
        del variety  # an address at Kite, nothing to AutoTrader
        form = {"platformId": _id("modify", broker_order_id)} | _changed(changes)
        return await self._do("modify", "/trading/modifyOrderByPlatformId", form)

    async def cancel(self, broker_order_id: str, variety: str) -> str:
        """Cancel an open order, once; return the stock broker's order id."""
        del variety  # an address at Kite, nothing to AutoTrader
        form = {"platformId": _id("cancel", broker_order_id)}
        return await self._do("cancel", "/trading/cancelOrderByPlatformId", form)

    async def _do(self, endpoint: str, path: str, form: Mapping[str, str]) -> str:
        """Send a change; AutoTrader answers with whether it was done."""
        done = await self._write(endpoint, path, form)
        if not isinstance(done, bool):
            what = f"result is a {type(done).__name__}, expected true or false"
            raise errors.UnreadableAnswerError(BROKER, endpoint, what)
        if not done:
            what = "AutoTrader says that it was not done, and no reason"
            raise errors.OrderRejectedError(BROKER, endpoint, what, reason=what)
        return form["platformId"]

    async def _fetch(self, book: Book[RowT]) -> Fetch[RowT]:
        def unwrap(answer: Answer) -> Rows:
            result = self._result(book.kind, answer, write=False)
            rows = fetching.rows_of(BROKER, book.kind, result, "result")
            return _PARTS[book.kind](rows) if book.kind in _PARTS else Rows(rows)

        send = partial(self._read, book.kind, book.path)
        return await fetching.fetch(self._clock, book, send, unwrap)

    async def _read(self, endpoint: str, path: str) -> Answer:
        query = str(URL.build(path=path, query={"pseudoAccount": self._name}))
        return await self._send("GET", endpoint, query)

    async def _write(self, endpoint: str, path: str, form: Mapping[str, str]) -> Any:
        whole = {"pseudoAccount": self._name} | dict(form)
        return self._result(endpoint, await self._send("POST", endpoint, path, whole), write=True)

    async def _send(
        self, method: str, endpoint: str, path: str, form: Mapping[str, str] | None = None
    ) -> Answer:
        place = (BROKER, endpoint, self._account.key)
        url, read = self._base + path, method == "GET"
        call = Call(
            method, url, *place, read, self._headers, form, keep_errors=True, windows=self.WINDOWS
        )
        return await self._transport.request(call)

    def _result(self, endpoint: str, answer: Answer, *, write: bool) -> Any:
        """Take the result out of AutoTrader's envelope, or raise what the envelope tells."""
        document = reading.parse_json(BROKER, endpoint, answer, self._secrets)
        envelope = document if isinstance(document, Mapping) else {}
        status = envelope.get("status")
        if answer.status >= 400 or status is False:
            raise autotrader_errors.told(
                endpoint, answer, envelope, self._account.key, self._secrets, write=write
            )
        if answer.status >= 300 or status is not True or "result" not in envelope:
            what = f"the answer (HTTP {answer.status}) is not AutoTrader's envelope"
            raise errors.UnreadableAnswerError(BROKER, endpoint, what)
        return envelope["result"]


def _placing(request: OrderRequest) -> tuple[str, dict[str, str]]:
    """Choose the address for a placement; the plain one takes neither a tag nor other validity."""
    if (request.variety, request.validity, request.tag) == ("regular", "DAY", ""):
        return "/trading/placeRegularOrder", {}
    more = {
        "variety": "REGULAR",
        "validity": request.validity,
        "amo": "true" if request.variety == "amo" else "false",
        "disclosedQuantity": "0",
        "target": "0",
        "stoploss": "0",
        "trailingStoploss": "0",
    }
    more |= {"publisherId": request.tag} if request.tag else {}
    return "/trading/placeAdvancedOrder", more


def _changed(changes: Mapping[str, str]) -> dict[str, str]:
    """Put changes into AutoTrader's words; to it a zero means that something stays as it is."""
    odd = set(changes).difference(_CHANGES)
    if odd:
        what = f"AutoTrader cannot change an order's {', '.join(sorted(odd))}"
        raise errors.RefusedRequestError(BROKER, "modify", what)
    try:
        form = {_CHANGES[name]: _change(name, value) for name, value in changes.items()}
    except errors.ValueRefusedError as error:
        raise errors.RefusedRequestError(BROKER, "modify", str(error)) from None
    form = {name: value for name, value in form.items() if value}
    if not form:
        raise errors.RefusedRequestError(BROKER, "modify", "nothing of the order would change")
    return form


def _change(name: str, value: str) -> str:
    if name == "order_type":
        if value not in ORDER_TYPES:
            raise errors.ValueRefusedError(f"order_type: {value[:20]!r} is none of AutoTrader's")
        return ORDER_TYPES[value]
    if name == "quantity":
        return str(money.parse_quantity(value, name) or "")
    units = money.parse_price(value, name)
    return money.format_price(units) if units else ""


def _categories(rows: Sequence[Any]) -> list[Any]:
    return [row.get("category") if isinstance(row, Mapping) else None for row in rows]


def _net(rows: Sequence[Any]) -> Rows:
    """Leave out the day's own positions, which net ones hold too; without net ones, say so."""
    named = _categories(rows)
    net = [row for row, category in zip(rows, named, strict=True) if category != "DAY"]
    if "DAY" in named and "NET" not in named:
        return Rows(net, "AutoTrader sent the day's positions only, and none that are net")
    return Rows(net)


def _segments(rows: Sequence[Any]) -> Rows:
    """Leave out the sum of all segments where they are there themselves."""
    named = _categories(rows)
    parts = [row for row, category in zip(rows, named, strict=True) if category != "ALL"]
    return Rows(parts or rows)


_PARTS: Mapping[str, Callable[[Sequence[Any]], Rows]] = MappingProxyType(
    {"positions": _net, "margins": _segments}
)
"""Books in which some rows are sums of others."""


def _segment(row: Margin) -> str:
    return row.segment


def _id(endpoint: str, word: str) -> str:
    return reading.path_word(BROKER, endpoint, word)
