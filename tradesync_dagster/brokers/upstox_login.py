"""Logging in at Upstox: the code of a login against the day's access token.

A person logs in on Upstox's own dialog, which hands a code to the application's redirect address.
What belongs here: that dialog's address and the exchange of the code. What does not: asking the
person and keeping what came (``cli.login``).
"""

from collections.abc import Mapping
from typing import ClassVar

from yarl import URL

from tradesync_dagster.brokers import reading, upstox_errors
from tradesync_dagster.brokers.calls import Call
from tradesync_dagster.brokers.transport import Transport
from tradesync_dagster.brokers.upstox_errors import BROKER, LOGIN
from tradesync_dagster.domain.accounts import Account

BASE_URL = "https://api.upstox.com"
_PATH = "/v2/login/authorization"
_KEPT = ("access_token", "user_id")


class UpstoxLogin:
    """One login of one account."""

    CREDENTIALS: ClassVar[tuple[str, ...]] = ("api_key", "api_secret", "redirect_uri")
    TOKEN: ClassVar[str] = "code"  # noqa: S105 - its name

    def __init__(self, account: Account, transport: Transport, state: str) -> None:
        """Check the account's credentials and base_url; send nothing."""
        found = [reading.credential(account, name) for name in self.CREDENTIALS]
        self._key, self._secret, self._redirect = found
        self._account = account
        self._transport = transport
        self._base = reading.base_url(account, BASE_URL)
        self._state = state

    @property
    def page(self) -> str:
        """Where the person logs in."""
        query = {
            "response_type": "code", "client_id": self._key, "redirect_uri": self._redirect,
            "state": self._state,
        }  # fmt: skip
        return str(URL(f"{self._base}{_PATH}/dialog").with_query(query))

    async def exchange(self, token: str) -> Mapping[str, str]:
        """Give the code for an access token; the answer has no envelope.

        Returns:
            ``access_token`` and the broker's ``user_id``.

        Raises:
            RefusedRequestError: The code is used up or too old, or the secret is another's.
            BrokerError: It could not be asked for.
        """
        form = {
            "code": token, "client_id": self._key, "client_secret": self._secret,
            "redirect_uri": self._redirect, "grant_type": "authorization_code",
        }  # fmt: skip
        call = Call(
            "POST", f"{self._base}{_PATH}/token", BROKER, LOGIN, self._account.key,
            idempotent=True,  # a code that was taken already is refused, which harms nothing
            headers={"Accept": "application/json"}, form=form, keep_errors=True,
        )  # fmt: skip
        answer = await self._transport.request(call)
        secrets = (token, self._key, self._secret)
        told = upstox_errors.envelope_of(LOGIN, answer, self._account.key, secrets, write=False)
        return {name: reading.told(BROKER, LOGIN, told, name) for name in _KEPT}
