"""Telling people of alerts by Telegram, e-mail, Slack and others: whatever Apprise has an URL for.

An address is a secret as a whole, since tokens and passwords are parts of it: errors name it by its
number and its scheme only, and Apprise's own log, which quotes addresses, is silent. What belongs
here: sending, within a bounded time. What does not: what an alert says (``sync.alerts``), and what
is still to be sent (``store``).
"""

import logging
import re
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from datetime import timedelta

import orjson

from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.domain.notifications import HAPPENING_OF, digest, type_of
from tradesync_dagster.domain.publications import OutboxMessage, Told

with warnings.catch_warnings():
    # Apprise 2.2 loads its plugins on first use, and one of them needs a module that Python drops.
    warnings.simplefilter("ignore", DeprecationWarning)
    from apprise import Apprise, NotifyFormat, NotifyType

_SECONDS = 15.0
"""Most time that telling people takes, all addresses at once: a sync waits for it."""
_MOST_CHARACTERS = 3_500
"""Most text in one note: Telegram takes 4,096 characters, and counts some of them twice."""
_MOST_IN_A_LINE = 500
_BURST = 5
"""From more order events than these on, all are one digest."""

logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)


def addresses_of(text: str) -> list[str]:
    """Take a list of addresses apart.

    Args:
        text: URLs with commas between; a comma that no URL follows is part of the one before.

    Returns:
        The addresses.
    """
    parts = re.split(r"[,\s]+(?=[A-Za-z0-9]+://)", text)
    return [part for part in (part.strip(", \t\n") for part in parts) if part]


class ApprisePeople:
    """People's addresses; nothing is opened before there is something to send."""

    def __init__(
        self,
        addresses: Sequence[str],
        *,
        seconds: float = _SECONDS,
        pause: timedelta = timedelta(),
    ) -> None:
        """Keep the addresses.

        Args:
            addresses: Apprise URLs, such as ``tgram://TOKEN/CHAT``.
            seconds: Most time for ``tell``.
            pause: Least time between two notes about orders to one address.
        """
        self._addresses = list(addresses)
        self._seconds = seconds
        self._pause = pause

    @property
    def pause(self) -> timedelta:
        """See ``ports.People``."""
        return self._pause

    def __len__(self) -> int:
        """See ``ports.People``."""
        return len(self._addresses)

    def check(self) -> None:
        """Make sure that each address is one; sends nothing.

        Raises:
            ConfigurationError: One is not; it says which.
        """
        wrong = [n for n, address in enumerate(self._addresses) if _open(address) is None]
        if wrong:
            names = ", ".join(_name(n, self._addresses[n]) for n in wrong)
            raise ConfigurationError(
                f"TRADESYNC_NOTIFY_URLS: {names} is no address that Apprise knows; see "
                "https://appriseit.com/services"
            )

    def tell(self, waiting: Sequence[Sequence[OutboxMessage]]) -> Told:
        """See ``ports.People``.

        Each address has a thread of its own: one that hangs keeps no other waiting, and is left
        to its sockets' timeouts when the time is up. What it took after that is sent again.
        """
        jobs = [
            _Job(number, address, messages, self._seconds)
            for number, (address, messages) in enumerate(zip(self._addresses, waiting, strict=True))
            if messages
        ]
        for job in jobs:
            job.start()
        until = time.monotonic() + self._seconds
        for job in jobs:
            job.join(max(0.0, until - time.monotonic()))
        # What is read here stays as it is, whatever a late thread adds.
        taken = [tuple(job.taken) for job in jobs]
        errors = [job.error(len(done)) for job, done in zip(jobs, taken, strict=True)]
        return Told(sum(taken, ()), tuple(error for error in errors if error))


class _Job(threading.Thread):
    """Sends one address what waits for it."""

    def __init__(
        self, number: int, address: str, messages: Sequence[OutboxMessage], seconds: float
    ) -> None:
        super().__init__(name=f"people-{number}", daemon=True)
        self._number, self._address, self._messages = number, address, messages
        self._service = _open(address)  # here, since Python's filters of warnings have no threads
        self._until = time.monotonic() + seconds
        self.taken: list[str] = []

    def run(self) -> None:
        """Send note by note, until one is refused or the time is up."""
        for texts, ids in _notes(self._messages):
            late = time.monotonic() >= self._until
            if self._service is None or late or not _send(self._service, texts):
                return
            self.taken += ids

    def error(self, taken: int) -> str:
        """Say what is missing; empty when all was taken."""
        left = len(self._messages) - taken
        if not left:
            return ""
        how = "did not answer in time" if self.is_alive() else "was not reached, or refused"
        return (
            f"people: {_name(self._number, self._address)} {how}; {left} alert(s) wait for the "
            "next sync; try the address with the command `apprise`"
        )


def _open(address: str) -> Apprise | None:
    service = Apprise()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return service if service.add(address) else None


def _send(service: Apprise, texts: Sequence[str]) -> bool:
    title = "tradesync" if len(texts) == 1 else f"tradesync: {len(texts)} alerts"
    return bool(
        service.notify(
            body="\n".join(texts),
            title=title,
            notify_type=NotifyType.WARNING,
            body_format=NotifyFormat.TEXT,
        )
    )


def _notes(messages: Sequence[OutboxMessage]) -> Iterator[tuple[list[str], list[str]]]:
    """Put alerts together into few notes: services count notes, and so do people."""
    orders = [one for one in messages if type_of(one.routing_key) in HAPPENING_OF]
    if len(orders) > _BURST:
        bodies = [orjson.loads(one.body) for one in orders]
        yield [digest(bodies, _MOST_CHARACTERS)], [one.message_id for one in orders]
        messages = [one for one in messages if type_of(one.routing_key) not in HAPPENING_OF]
    texts: list[str] = []
    ids: list[str] = []
    for message in messages:
        text = str(orjson.loads(message.body)["message"])[:_MOST_IN_A_LINE]
        if texts and sum(map(len, texts)) + len(texts) + len(text) > _MOST_CHARACTERS:
            yield texts, ids
            texts, ids = [], []
        texts.append(text)
        ids.append(message.message_id)
    if texts:
        yield texts, ids


def _name(number: int, address: str) -> str:
    scheme = re.match(r"[A-Za-z0-9]{1,20}(?=://)", address)
    return f"address {number + 1} ({scheme[0] if scheme else 'without a scheme'})"
