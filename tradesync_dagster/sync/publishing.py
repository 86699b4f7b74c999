"""Sending what the store holds: snapshots first, then notifications, in order; people at last.

A server that is down stops nothing: what it did not take stays in the store for the next tick. What
belongs here: what is sent when, and what is marked after it. What does not: the protocols
(``publish``).
"""

from collections.abc import Callable, Mapping, Sequence

from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.domain.ports import Clock, MessagePublisher, People, SnapshotPublisher, Store
from tradesync_dagster.domain.publications import PEOPLE

_BATCH = 1_000
_ALERTS = 200
"""Most alerts for one address of people in one go."""


def publish(
    store: Store,
    snapshots: SnapshotPublisher | None,
    messages: MessagePublisher | None,
    people: People | None,
    clock: Clock,
    everything_of: Sequence[int] | None,
    bodies: Callable[[str], Mapping[str, bytes]],
) -> tuple[str, ...]:
    """Publish what is due.

    Args:
        store: Where it waits.
        snapshots: Redis; ``None`` when not configured: the store's own are then all there is.
        messages: RabbitMQ; ``None`` when not configured: the outbox is then the mailbox.
        people: Those who are told of alerts; ``None`` or empty when not configured.
        clock: The time.
        everything_of: Accounts whose snapshots are sent again even if already sent; ``None`` for
            just what is new.
        bodies: Gives the tick's message bodies once it is known how the snapshots fared.

    Returns:
        What went wrong, in sentences.
    """
    errors: list[str] = []
    redis_status = "disabled"
    if snapshots is not None:
        due = store.unpublished(everything_of)
        try:
            snapshots.publish(due)
        except ConfigurationError as error:
            errors.append(str(error))
            redis_status = "failed"
        else:
            store.mark_published(due)
            redis_status = "success"
    store.update_messages(bodies(redis_status))
    try:
        drain(store, messages, clock)
    except ConfigurationError as error:
        errors.append(str(error))
    return (*errors, *tell_people(store, people, clock))


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
    numbers = range(len(people))
    told = people.tell([store.pending_messages(_ALERTS, f"{PEOPLE}{n}") for n in numbers])
    if told.taken:
        store.mark_sent(told.taken, clock.now())
    return told.errors


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
    sent = 0
    while due := store.pending_messages(_BATCH):
        ids = [message.message_id for message in due]
        confirmed = ids if messages is None else list(messages.publish(due))
        store.mark_sent(confirmed, clock.now())
        sent += len(confirmed)
        if len(confirmed) < len(ids):
            raise ConfigurationError(
                f"RabbitMQ confirmed {len(confirmed)} of {len(ids)} notifications; the rest stay "
                "in the outbox for the next tick"
            )
    return sent
