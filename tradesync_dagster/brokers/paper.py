"""The paper broker: an account at a simulated exchange, spoken to in Kite's wire format.

Orders meet the exchange's own prices, depth, margins and charges, and no money. What belongs here:
where that exchange is, and opening an account there. What does not: Kite's wire format (``kite``),
the exchange itself (``exchange``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from tradesync_dagster.brokers import kite_errors, reading
from tradesync_dagster.brokers.calls import Call
from tradesync_dagster.brokers.kite import KiteClient
from tradesync_dagster.brokers.kite_errors import Speaker
from tradesync_dagster.brokers.transport import Transport
from tradesync_dagster.domain.accounts import Account

SPEAKER = Speaker(
    "PAPER",
    "the exchange does not know {account}: {what}; if it began anew, open the account there with "
    "`tradesync accounts add {account} --broker PAPER`",
)


class PaperClient(KiteClient):
    """One paper account."""

    SPEAKER: ClassVar[Speaker] = SPEAKER
    BASE_URL: ClassVar[str] = "http://127.0.0.1:8650"
    PREFIX: ClassVar[str] = "/paper"


@dataclass(frozen=True, slots=True)
class Opened:
    """An account at its exchange.

    Attributes:
        credentials: What ``PaperClient`` needs.
        cash: Rupees that it has, as a decimal number.
        new: Whether it was not open before.
    """

    credentials: Mapping[str, str] = field(repr=False)
    cash: str
    new: bool


async def open_account(transport: Transport, account: Account, cash: str) -> Opened:
    """Open an account at its exchange; one that is open there already stays as it is.

    Args:
        transport: What it is asked over.
        account: The account, with the exchange's address as its ``base_url``.
        cash: Rupees to begin with, as a decimal number.

    Returns:
        What the account has and is called with.

    Raises:
        BrokerUnavailableError: No exchange answers there.
        BrokerError: It refused, or it is no exchange of ours.
    """
    url = reading.base_url(account, PaperClient.BASE_URL) + "/sim/accounts"
    wanted = {"user_id": f"{account.organization_id}:{account.pseudo_account}", "cash": cash}
    place = (SPEAKER.broker, "open", account.key)
    # Once open, it is found: asking twice is harmless.
    answer = await transport.request(Call("POST", url, *place, idempotent=True, json=wanted))
    data: Any = kite_errors.data_of(SPEAKER, "open", answer, account.key, (), write=False)
    found = data if isinstance(data, Mapping) else {}
    names = PaperClient.CREDENTIALS
    given = {name: reading.told(*place[:2], found.get("credentials"), name) for name in names}
    return Opened(given, reading.told(*place[:2], found, "cash"), found.get("opened") is True)
