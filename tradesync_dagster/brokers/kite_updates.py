"""Kite's websocket, of which one thing is taken: that an order of the account changed.

What a frame says of the order is not read, quotes are not asked for. The access token stands in the
address, so no address and no text of aiohttp's errors leaves this file. What belongs here: one
connection, from the handshake to its end. What does not: how long to wait before the next one
(``bootstrap.listening``), what becomes of a change (``bootstrap.hints``).
"""

import json
from collections.abc import Callable
from typing import Final, NoReturn

import aiohttp
from yarl import URL

from tradesync_dagster.brokers import network, reading
from tradesync_dagster.brokers.zerodha import SPEAKER, ZerodhaClient
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.errors import (
    BrokerError,
    BrokerUnavailableError,
    SessionExpiredError,
    UnreadableAnswerError,
)

ENDPOINT: Final = "order updates"
_ADDRESS = "https://ws.kite.trade"
_MOST_BYTES = 64 * 1024
"""Longest frame that is read; an order takes a fiftieth of it."""
_CONNECT_SECONDS = 10.0
_CLOSE_SECONDS = 2.0


class KiteUpdates:
    """Listens for changes of accounts' orders.

    Attributes:
        BROKER: Whose accounts.
        CREDENTIALS: What an account must have for it.
    """

    BROKER: Final = SPEAKER.broker
    CREDENTIALS: Final = ZerodhaClient.CREDENTIALS

    def __init__(self, silence_seconds: float = 20.0) -> None:
        """Keep how long nothing may come before a connection counts as lost.

        Args:
            silence_seconds: Kite sends a byte every second or so when there is nothing to say.
        """
        self._silence = silence_seconds

    async def follow(
        self, account: Account, opened: Callable[[], None], changed: Callable[[], None]
    ) -> NoReturn:
        """Listen on one connection until it ends, which it always does by an error.

        Args:
            account: With its credentials; its own base_url is where the websocket is, too.
            opened: Called once it listens.
            changed: Called for each change.

        Raises:
            ConfigurationError: The account lacks a credential, or its base_url is no address.
            SessionExpiredError: The token is not good.
            UnreadableAnswerError: A frame is too long, or is none.
            BrokerUnavailableError: No connection, or it was lost.
        """
        secrets = {name: reading.credential(account, name) for name in self.CREDENTIALS}
        url = URL(reading.base_url(account, _ADDRESS)).with_query(secrets)
        timeout = aiohttp.ClientWSTimeout(ws_receive=self._silence, ws_close=_CLOSE_SECONDS)
        head, most = {"X-Kite-Version": "3"}, _MOST_BYTES
        async with network.open_session(self._silence, _CONNECT_SECONDS, once=True) as session:
            try:
                connecting = session.ws_connect(
                    url, headers=head, timeout=timeout, max_msg_size=most
                )
                async with connecting as ws:
                    opened()
                    await _read(ws, changed)
            except aiohttp.WSServerHandshakeError as error:
                raise _refusal(account, error.status) from None
            except network.FAILURES as error:
                why, _ = network.failure(error, url.host, self._silence)
                raise BrokerUnavailableError(self.BROKER, ENDPOINT, why) from None


async def _read(ws: aiohttp.ClientWebSocketResponse, changed: Callable[[], None]) -> NoReturn:
    while True:
        frame = await ws.receive()
        if frame.type is aiohttp.WSMsgType.TEXT:
            if _is_order(frame.data):
                changed()
        elif frame.type is aiohttp.WSMsgType.ERROR:
            what = f"a frame that is longer than {_MOST_BYTES} bytes, or none of a websocket's"
            raise UnreadableAnswerError(SPEAKER.broker, ENDPOINT, what)
        elif frame.type is not aiohttp.WSMsgType.BINARY:
            what = f"the connection was closed (code {ws.close_code})"
            raise BrokerUnavailableError(SPEAKER.broker, ENDPOINT, what)


def _refusal(account: Account, status: int) -> BrokerError:
    what = f"the websocket was refused (HTTP {status})"
    if status in (401, 403):
        ended = SPEAKER.ended.format(account=account.key, what=what)
        return SessionExpiredError(SPEAKER.broker, ENDPOINT, ended)
    return BrokerUnavailableError(SPEAKER.broker, ENDPOINT, what)


def _is_order(text: str) -> bool:
    """Tell whether a frame says that an order changed; what is no message says nothing."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(message, dict) and message.get("type") == "order"
