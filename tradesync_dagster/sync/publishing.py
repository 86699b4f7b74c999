"""Sending what the store holds: snapshots first, then notifications, in order; people at last.

A server that is down stops nothing: what it did not take stays in the store for the next tick. What
belongs here: what is sent when, and what is marked after it. What does not: the protocols
(``publish``).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tradesync_dagster.domain.errors import ConfigurationError, MessagesStalledError
from tradesync_dagster.domain.notifications import HAPPENING_OF, type_of
from tradesync_dagster.domain.ports import Clock, MessagePublisher, People, SnapshotPublisher, Store
from tradesync_dagster.domain.publications import PEOPLE, OutboxMessage

_BATCH = 1_000
_BREAKS = 3
"""After how many connections that broke off the rest is left to the next tick."""
_ALERTS = 2_000
"""Most alerts for one address of people in one go."""


class OneWait:
    """Messages of one tick: a server that let it wait in vain is not waited for again in it."""

    def __init__(self, publisher: MessagePublisher) -> None:
        """Begin with hope.

        Args:
            publisher: RabbitMQ.
        """
        self._publisher = publisher
        self._stalled = ""

    def publish(self, messages: Sequence[OutboxMessage]) -> Sequence[str]:
        """See ``ports.MessagePublisher``."""
        if self._stalled:
            raise MessagesStalledError(self._stalled)
        try:
            return self._publisher.publish(messages)
        except MessagesStalledError as error:
            self._stalled = str(error)
            raise


@dataclass(frozen=True, slots=True)
class Synced:
    """The accounts that a tick is done with.

    Attributes:
        force: Send all their snapshots again, also those that the server has.
    """

    account_ids: Sequence[int] = ()
    force: bool = False


def publish(
    store: Store,
    snapshots: SnapshotPublisher | None,
    messages: MessagePublisher | None,
    people: People | None,
    clock: Clock,
    synced: Synced,
    bodies: Callable[[str], Mapping[str, bytes]],
) -> tuple[str, ...]:
    """Publish what is due.

    Args:
        store: Where it waits.
        snapshots: Redis; ``None`` when not configured: the store's own are then all there is.
        messages: RabbitMQ; ``None`` when not configured: the outbox is then the mailbox.
        people: Those who are told of alerts; ``None`` or empty when not configured.
        clock: The time.
        synced: Whose snapshots are sent again where the server has lost them.
        bodies: Gives the tick's message bodies once it is known how the snapshots fared.

    Returns:
        What went wrong, in sentences.
    """
    errors: list[str] = []
    redis_status = "disabled"
    if snapshots is not None:
        ids = synced.account_ids
        checked = store.published(ids) if ids and not synced.force else []
        due = store.unpublished(ids if synced.force else None)
        try:
            held = snapshots.held([one.key for one in checked]) if checked else {}
            lost = [one.account_id for one in checked if held.get(one.key, 0) < one.version]
            due += store.unpublished(lost) if lost else []
            snapshots.publish(due)
        except ConfigurationError as error:
            errors.append(str(error))
            redis_status = "failed"
        else:
            store.mark_published(due)
            redis_status = "success"
    store.update_messages(bodies(redis_status))
    _, failed = send(store, messages, people, clock)
    return (*errors, *failed)


def send(
    store: Store, messages: MessagePublisher | None, people: People | None, clock: Clock
) -> tuple[int, tuple[str, ...]]:
    """Send what waits in the outbox, as the only one who does so.

    Args:
        store: Where it waits.
        messages: RabbitMQ; see ``drain``.
        people: Those who are told of alerts; see ``tell_people``.
        clock: The time.

    Returns:
        How many went to RabbitMQ, and what went wrong, in sentences.
    """
    with store.sending() as alone:
        if not alone:
            return 0, ("another process has long been sending; what waits is left to it",)
        sent, errors = 0, list[str]()
        try:
            sent = drain(store, messages, clock)
        except ConfigurationError as error:
            errors.append(str(error))
        return sent, (*errors, *tell_people(store, people, clock))


def tell_people(store: Store, people: People | None, clock: Clock) -> tuple[str, ...]:
    """Send alerts to people; what an address does not take waits for it.

    Args:
        store: Where the alerts wait, each address by itself.
        people: The addresses.
        clock: The time.

    Returns:
        What went wrong, in sentences.
    """
    if people is None or not len(people):
        return ()
    told = people.tell([_due(store, people, n, clock) for n in range(len(people))])
    if told.taken:
        store.mark_sent(told.taken, clock.now())
    return told.errors


def _due(store: Store, people: People, number: int, clock: Clock) -> list[OutboxMessage]:
    """Read what an address is told now; of orders alone not before its pause is over."""
    exchange = f"{PEOPLE}{number}"
    waiting = store.pending_messages(_ALERTS, exchange)
    if waiting and all(type_of(one.routing_key) in HAPPENING_OF for one in waiting):
        last = store.last_sent(exchange)
        if last is not None and clock.now() - last < people.pause:
            return []
    return waiting


def drain(store: Store, messages: MessagePublisher | None, clock: Clock) -> int:
    """Send the outbox until it is empty.

    Args:
        store: Where the outbox is.
        messages: Where to; ``None`` counts everything as delivered, the outbox being the mailbox.
        clock: The time.

    Returns:
        How many were sent.

    Raises:
        ConfigurationError: The server took nothing, or stopped taking.
    """
    sent = broken = 0
    while due := store.pending_messages(_BATCH):
        ids = [message.message_id for message in due]
        try:
            confirmed = ids if messages is None else list(messages.publish(due))
        except MessagesStalledError as error:
            store.mark_sent(error.confirmed, clock.now())
            raise
        store.mark_sent(confirmed, clock.now())
        sent += len(confirmed)
        broken += len(confirmed) < len(ids)
        if broken == _BREAKS:
            raise ConfigurationError(
                f"RabbitMQ confirmed {len(confirmed)} of {len(ids)} notifications; the rest stay "
                "in the outbox for the next tick"
            )
    return sent
