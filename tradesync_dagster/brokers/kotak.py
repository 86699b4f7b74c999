"""Kotak Neo's trade API over the shared transport.

What belongs here: Kotak's addresses, envelope and calls. What does not: the fields of what is asked
for (``kotak_orders``), the rows of its books (``kotak_rows``), its error codes (``kotak_errors``),
HTTP itself.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, TypeVar

from yarl import URL

from tradesync_dagster.brokers import fetching, kotak_errors, kotak_orders, kotak_rows, reading
from tradesync_dagster.brokers.calls import Answer, Call, Sender, not_sent
from tradesync_dagster.brokers.fetching import Book, Rows
from tradesync_dagster.brokers.kotak_errors import BROKER
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
from tradesync_dagster.domain.orders import BrokerOrder
from tradesync_dagster.domain.ports import Clock

RowT = TypeVar("RowT")

BASE_URL = "https://mis.kotaksecurities.com"
"""A login tells the account's own address as ``baseUrl``; this one serves most."""
_ORDERS = "/quick/user/orders"
_LIMITS = "/quick/user/limits"
_ALL = {"seg": "ALL", "exch": "ALL", "prod": "ALL"}
_BARE = frozenset({"holdings"})
"""Endpoints whose answers have no status words where all is well."""
_MOST_QUOTES = 50
_ENTITY = "account-"


class KotakClient:
    """One account at Kotak Neo."""

    CREDENTIALS: ClassVar[tuple[str, ...]] = ("api_key", "access_token", "sid")
    WINDOWS = (Window(10, 1.0, writes=True), Window(25, 1.0))

    def __init__(self, account: Account, transport: Sender, clock: Clock) -> None:
        """Check the account's credentials and base_url; send nothing.

        They are ``api_key``, the application's token that never changes, and what a login gave:
        ``access_token`` and ``sid``.
        """
        key, token, sid = (reading.credential(account, name) for name in self.CREDENTIALS)
        self._account = account
        self._transport = transport
        self._clock = clock
        self._base = reading.base_url(account, BASE_URL)
        self._secrets = (key, token, sid)
        self._app = {"Authorization": key, "Accept": "application/json"}
        self._session = {
            "Auth": token,
            "Sid": sid,
            "neo-fin-key": "neotradeapi",
            "Accept": "application/json",
        }

    async def profile(self) -> Mapping[str, str]:
        """Check the session by the funds; return the ``user_id``, all that Kotak tells there."""
        answer = await self._send("POST", "profile", _LIMITS, _ALL)
        found = self._success("profile", answer, write=False)
        if not isinstance(found.get("EntityId"), str):
            what = "EntityId is missing"
            raise errors.UnreadableAnswerError(BROKER, "profile", what)
        return {"user_id": found["EntityId"].removeprefix(_ENTITY), "user_name": ""}

    async def orders(self) -> Fetch[BrokerOrder]:
        """Fetch the day's order book."""
        return await self._fetch(
            Book("orders", _ORDERS, kotak_rows.order, "nOrdNo", lambda row: row.broker_order_id)
        )

    async def trades(self) -> Fetch[Fill]:
        """Fetch the day's trades."""
        path = "/quick/user/trades"
        return await self._fetch(Book("trades", path, kotak_rows.fill, "flId", fetching.fill_key))

    async def positions(self) -> Fetch[BrokerPosition]:
        """Fetch the net positions, carried ones included, and then their last prices.

        Kotak's positions have no price; its quotes have. A position without a quote is a position
        all the same, so a failure of the quotes leaves prices out and nothing else.
        """

        def read(row: Row) -> tuple[BrokerPosition, str]:
            return kotak_rows.position(row), kotak_rows.quote_key(row)

        path = "/quick/user/positions"
        answer = await self._fetch(Book("positions", path, read, "trdSym", fetching.whole_row))
        fetch: Fetch[Any] = answer.read()  # the same positions have new prices
        prices = await self._last_prices(sorted({key for _, key in fetch.rows}))
        rows = tuple(replace(row, last_price=prices.get(key)) for row, key in fetch.rows)
        return replace(fetch, rows=rows)

    async def holdings(self) -> Fetch[BrokerHolding]:
        """Fetch the holdings."""
        path = "/portfolio/v1/holdings"
        return await self._fetch(
            Book("holdings", path, kotak_rows.holding, "symbol", fetching.whole_row)
        )

    async def margins(self) -> Fetch[Margin]:
        """Fetch what may still be used, of all segments together."""
        book = Book("margins", _LIMITS, kotak_rows.margin, "Category", fetching.whole_row)
        send = partial(self._send, "POST", "margins", _LIMITS, _ALL)

        def unwrap(answer: Answer) -> Rows:
            funds = self._success("margins", answer, write=False)
            if funds.get("Net") is None:
                raise errors.UnreadableAnswerError(BROKER, "margins", "the answer has no funds")
            return Rows([funds])

        return await fetching.fetch(self._clock, book, send, unwrap)

    async def place(self, request: OrderRequest) -> str:
        """Place an order once; return the broker's order id.

        Raises:
            OrderRejectedError: The broker refused it, with its words.
            BrokerUnavailableError, UnreadableAnswerError: The order may exist.
        """
        path = "/quick/order/rule/ms/place"
        return await self._write("place", path, kotak_orders.placement(request))

    async def modify(self, broker_order_id: str, changes: Mapping[str, str], variety: str) -> str:
        """Change an open order, once; return the broker's order id.

        Kotak wants the order's terms told anew, so those that stay are read first.
        """
        del variety  # an address at Kite; here the order's status tells
        kotak_orders.check_changes(changes)
        row = await self._row("modify", _id("modify", broker_order_id))
        body = kotak_orders.modification(row, changes)
        return await self._write("modify", "/quick/order/vr/modify", body)

    async def cancel(self, broker_order_id: str, variety: str) -> str:
        """Cancel an open order, once; return the broker's order id.

        An after-market order must be named by its symbol too, so that is read first.
        """
        order_id = _id("cancel", broker_order_id)
        row = await self._row("cancel", order_id) if variety == "amo" else None
        body = kotak_orders.cancellation(order_id, row)
        return await self._write("cancel", "/quick/order/cancel", body)

    async def _row(self, endpoint: str, order_id: str) -> Row:
        """Look an order's row up; the whole book is the documented way."""
        try:
            answer = await self._send("GET", "order", _ORDERS)
            rows = self._rows("order", answer).rows
        except (errors.BrokerUnavailableError, errors.UnreadableAnswerError) as error:
            raise not_sent(endpoint, error) from None
        for row in rows:
            if isinstance(row, Mapping) and str(row.get("nOrdNo")) == order_id:
                return row
        raise errors.RefusedRequestError(BROKER, endpoint, f"no order {order_id} in the book")

    async def _last_prices(self, keys: Sequence[str]) -> dict[str, int]:
        """Ask for last prices, in millionths, by segment and number; what fails is left out."""
        prices: dict[str, int] = {}
        for start in range(0, len(keys), _MOST_QUOTES):
            names = ",".join(keys[start : start + _MOST_QUOTES])
            path = str(URL.build(path=f"/script-details/1.0/quotes/neosymbol/{names}/all"))
            try:
                answer = await self._send("GET", "quotes", path, headers=self._app)
                found = self._parsed("quotes", answer)
            except errors.BrokerError:
                return prices  # the transport has counted it; the rest would fail alike
            listed = found if answer.status == 200 and isinstance(found, list) else []
            prices.update(filter(None, map(kotak_rows.quoted, listed)))
        return prices

    async def _fetch(self, book: Book[RowT]) -> Fetch[RowT]:
        send = partial(self._send, "GET", book.kind, book.path)
        return await fetching.fetch(self._clock, book, send, partial(self._rows, book.kind))

    def _rows(self, kind: str, answer: Answer) -> Rows:
        """Take a book's rows out of an answer."""
        document = self._parsed(kind, answer)
        if isinstance(document, Mapping):
            if kotak_errors.is_empty_book(document, answer.status):
                return Rows(())
            if kotak_errors.is_success(document, answer.status, bare=kind in _BARE):
                return Rows(fetching.rows_of(BROKER, kind, document.get("data")))
        raise self._told(kind, answer, document, write=False)

    def _success(self, endpoint: str, answer: Answer, *, write: bool) -> Mapping[str, Any]:
        """Return an answer that is no book."""
        document = self._parsed(endpoint, answer)
        if isinstance(document, Mapping) and kotak_errors.is_success(
            document, answer.status, bare=False
        ):
            return document
        raise self._told(endpoint, answer, document, write=write)

    async def _write(self, endpoint: str, path: str, fields: Mapping[str, str]) -> str:
        answer = await self._send("POST", endpoint, path, fields, write=True)
        done = self._success(endpoint, answer, write=True)
        return reading.told(BROKER, endpoint, done, "nOrdNo")

    async def _send(
        self,
        method: str,
        endpoint: str,
        path: str,
        fields: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        write: bool = False,
    ) -> Answer:
        form = {"jData": json.dumps(fields)} if fields else None
        known = headers or (self._session | self._app if write else self._session)
        call = Call(
            method, self._base + path, BROKER, endpoint, self._account.key, not write, known, form,
            keep_errors=True, windows=self.WINDOWS,
        )  # fmt: skip
        return await self._transport.request(call)

    def _parsed(self, endpoint: str, answer: Answer) -> Any:
        return reading.parse_json(BROKER, endpoint, answer, self._secrets)

    def _told(
        self, endpoint: str, answer: Answer, document: Any, *, write: bool
    ) -> errors.BrokerError:
        envelope = document if isinstance(document, Mapping) else {}
        return kotak_errors.told(
            endpoint, answer, envelope, self._account.key, self._secrets, write=write
        )


def _id(endpoint: str, word: str) -> str:
    return reading.path_word(BROKER, endpoint, word)
