"""What the faces may ask about notifications: who is told of what, following them, sending them.

What belongs here: names of recipients, and following through interruptions. What does not: the
messages (``sync.telling``), the protocol (``publish.rabbitmq``).
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tradesync_dagster.bootstrap.accounts import check_organization
from tradesync_dagster.bootstrap.reading import Reading
from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.domain.notifications import RABBITMQ, Happening
from tradesync_dagster.domain.order_requests import plain
from tradesync_dagster.domain.publications import PEOPLE
from tradesync_dagster.publish.rabbitmq import Received, follow
from tradesync_dagster.store.preferences import Preferences
from tradesync_dagster.sync.documents import EXCHANGE
from tradesync_dagster.sync.publishing import send

_REMEMBERED = 10_000
_SHORTEST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0


@dataclass(slots=True)
class Once:
    """Hands each message on once, as long as it remembers it; a message may come twice."""

    handle: Callable[[Received], None]
    _known: OrderedDict[str, None] = field(default_factory=OrderedDict)

    def __call__(self, received: Received) -> None:
        """Hand on a message that is new; what fails to be handled is not remembered."""
        if received.message_id and received.message_id in self._known:
            return
        self.handle(received)
        self._known[received.message_id] = None
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Notifications:
    """Preferences and messages, over the books and RabbitMQ."""

    reading: Reading

    def preferences(self, organization: str) -> list[dict[str, Any]]:
        """List what each recipient is told: a row a recipient, a key an event.

        Raises:
            ConfigurationError: No account is of the organization.
        """
        check_organization(self.reading.store, organization)
        with self.reading.store.reading() as connection:
            said = Preferences(connection).preferences(organization)
        wanted = {(row["recipient"], row["event"]): bool(row["wanted"]) for row in said}
        return [
            {"to": name}
            | {one.value: wanted.get((recipient, one.value), True) for one in Happening}
            for name, recipient in self._recipients().items()
        ]

    def prefer(self, organization: str, to: str, event: str, *, wanted: bool, who: str) -> None:
        """Say whether a recipient is told of an event of an organization's orders.

        Args:
            organization: Whose orders.
            to: ``rabbitmq``, or the number of an address of people, from 1.
            event: One of ``Happening``, or ``all``.
            wanted: Whether they are told from now on.
            who: Who says so.

        Raises:
            ConfigurationError: There is no such organization, recipient or event.
            PlacementRefusedError: Nobody is named.
        """
        plain("who", who)
        check_organization(self.reading.store, organization)
        recipients = self._recipients()
        if to not in recipients:
            raise ConfigurationError(
                f"{to[:80]!r} is no recipient; there are {', '.join(recipients)} (the numbers "
                "are places in TRADESYNC_NOTIFY_URLS)"
            )
        chosen = [one for one in Happening if event in ("all", one.value)]
        if not chosen:
            names = ", ".join([*Happening, "all"])
            raise ConfigurationError(f"{event[:80]!r} is no event; there are {names}")
        now = self.reading.clock.now()
        with self.reading.store.writing() as connection:
            for one in chosen:
                key = (organization, recipients[to], one)
                Preferences(connection).put_preference(key, wanted=wanted, who=who, at=now)

    def send(self) -> tuple[int, tuple[str, ...]]:
        """Send what waits in the outbox now, without a sync.

        Returns:
            How many went to RabbitMQ, and what went wrong, in sentences.
        """
        reading = self.reading
        return send(reading.store, reading.messages(), reading.people(), reading.clock)

    def follow(
        self,
        handle: Callable[[Received], None],
        *,
        stop: threading.Event,
        account: str | None = None,
        queue: str = "",
        ready: threading.Event | None = None,
        lost: Callable[[ConfigurationError, float], None] | None = None,
        exchange: str = EXCHANGE,
    ) -> None:
        """Hand over messages as they arrive, through interruptions, until told to stop.

        Args:
            handle: Called with each message, once; if it raises, the message goes back.
            stop: Looked at several times a second.
            account: Only of this ``ORG/ACCOUNT``; messages carry the account's name alone, and
                the document its organization.
            queue: The name of a durable queue that collects while nobody follows; empty for what
                comes from now on.
            ready: Set when from now on nothing is missed.
            lost: Called with why and for how many seconds, before each new try to connect.
            exchange: Where messages are published.

        Raises:
            ConfigurationError: RabbitMQ is not configured, or refused the first connection.
        """
        url = self.reading.settings.rabbitmq_address
        if url is None:
            raise ConfigurationError("RABBITMQ_URL is not set, so there is nothing to follow")
        name = "*" if account is None else self.reading.chosen(account)[0].pseudo_account
        once, first, pause = Once(handle), ready or threading.Event(), _SHORTEST_PAUSE
        stands = first
        while not stop.is_set():
            try:
                follow(
                    url, exchange, f"account.{name}.#", once, stop=stop, queue=queue, ready=stands,
                )  # fmt: skip
            except ConfigurationError as error:
                if not first.is_set():
                    raise
                if stands.is_set():
                    stands, pause = threading.Event(), _SHORTEST_PAUSE
                if lost is not None:
                    lost(error, pause)
                stop.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    def _recipients(self) -> dict[str, str]:
        count = len(self.reading.people())
        return {RABBITMQ: RABBITMQ} | {str(n + 1): f"{PEOPLE}{n}" for n in range(count)}
