"""Logging in at Zerodha: Kite's request token against the day's access token.

A person logs in on Kite's own page, which hands a request token to the application's redirect
address. What belongs here: that page's address and the exchange of the token. What does not: asking
the person and keeping what came (``cli.login``).
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import ClassVar

from yarl import URL

from tradesync_dagster.brokers import kite_errors, reading
from tradesync_dagster.brokers.calls import Call
from tradesync_dagster.brokers.kite_errors import LOGIN
from tradesync_dagster.brokers.transport import Transport
from tradesync_dagster.brokers.zerodha import SPEAKER, ZerodhaClient
from tradesync_dagster.domain.accounts import Account

PAGE = "https://kite.zerodha.com/connect/login"
_KEPT = ("access_token", "user_id")


class ZerodhaLogin:
    """One login of one account."""

    CREDENTIALS: ClassVar[tuple[str, ...]] = ("api_key", "api_secret")
    TOKEN: ClassVar[str] = "request_token"  # noqa: S105 - its name

    def __init__(self, account: Account, transport: Transport, state: str) -> None:
        """Check the account's credentials and base_url; send nothing. Kite has no state."""
        del state
        self._key, self._secret = (reading.credential(account, name) for name in self.CREDENTIALS)
        self._account = account
        self._transport = transport
        self._base = reading.base_url(account, ZerodhaClient.BASE_URL)

    @property
    def page(self) -> str:
        """Where the person logs in; of a simulated exchange, its own page."""
        page = f"{self._base}/connect/login" if self._account.base_url else PAGE
        return str(URL(page).with_query(api_key=self._key, v="3"))

    async def exchange(self, token: str) -> Mapping[str, str]:
        """Give the request token for an access token.

        Returns:
            ``access_token`` and the broker's ``user_id``.

        Raises:
            RefusedRequestError: The token is used up or too old, or the secret is another's.
            BrokerError: It could not be asked for.
        """
        told = sha256(f"{self._key}{token}{self._secret}".encode()).hexdigest()
        form = {"api_key": self._key, "request_token": token, "checksum": told}
        call = Call(
            "POST", f"{self._base}/session/token", SPEAKER.broker, LOGIN, self._account.key,
            idempotent=True,  # a token that was taken already is refused, which harms nothing
            headers={"X-Kite-Version": "3"}, form=form, keep_errors=True,
        )  # fmt: skip
        answer = await self._transport.request(call)
        secrets = (*form.values(), self._secret)
        data = kite_errors.data_of(SPEAKER, LOGIN, answer, self._account.key, secrets, write=False)
        return {name: reading.told(SPEAKER.broker, LOGIN, data, name) for name in _KEPT}
