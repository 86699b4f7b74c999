"""Telling people that a run failed, at once: when runs fail, no sync may come to take it along.

What belongs here: the alert's words, and sending it to people. What does not: noticing failures
(``defs.sensors``), the other alerts (``alerts``), RabbitMQ, which takes it with the next sync.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from tradesync_dagster.domain.ports import Clock, People, Store
from tradesync_dagster.domain.publications import OutboxMessage
from tradesync_dagster.sync.documents import EXCHANGE, as_json, for_people, timestamp

RUN_FAILED = "run_failed"
_NAMESPACE = UUID("3c9f5c1e-0c4b-5b8e-9d6a-6f2f7a1f5f07")
_MOST_CHARACTERS = 400
_MOST_WAITING = 1_000
"""Alerts that wait for an address, among which this one is looked for."""
_PATIENCE = 10.0
"""Seconds to wait for another process that sends: a sensor's look has a minute."""


@dataclass(frozen=True, slots=True)
class RunFailure:
    """A run that failed.

    Attributes:
        job: Whose run.
        run_id: Its id.
        partition: What it was for; empty for no partition.
        reason: Words of ours, or the names of errors: no text from outside.
        url: The run's page in Dagster; empty where nobody said how it is reached.
    """

    job: str
    run_id: str
    partition: str
    reason: str
    url: str = ""


def tell_failure(
    store: Store, people: People, clock: Clock, failure: RunFailure
) -> tuple[str, ...]:
    """Keep an alert in the outbox, and send one to people now.

    The outbox takes one an hour of each job and partition. People get one an hour of each job,
    since a broker that is down fails many accounts at once.

    Args:
        store: The books.
        people: Whom to tell.
        clock: The time.
        failure: What failed.

    Returns:
        What went wrong with sending, in sentences; what was not taken waits for the next sync,
        and so does all of it while another process has long been sending.
    """
    now = clock.now()
    message = failure_message(failure, now, f"{failure.job}|{failure.partition}")
    copies = for_people([failure_message(failure, now, failure.job)], len(people))
    with store.begin([]) as work:
        work.add_messages([message, *copies])
    if not copies:
        return ()
    with store.sending(_PATIENCE) as alone:
        return _send(store, people, clock, copies) if alone else ()


def _send(
    store: Store, people: People, clock: Clock, copies: Sequence[OutboxMessage]
) -> tuple[str, ...]:
    ids = {one.message_id for one in copies}
    waiting = [
        [
            one
            for one in store.pending_messages(_MOST_WAITING, copy.exchange)
            if one.message_id in ids
        ]
        for copy in copies
    ]
    told = people.tell(waiting)
    if told.taken:
        store.mark_sent(told.taken, clock.now())
    return told.errors


def failure_message(failure: RunFailure, at: datetime, name: str) -> OutboxMessage:
    """Write the alert.

    Args:
        failure: What failed.
        at: UTC.
        name: What counts as the same failure.

    Returns:
        The message; of one name within the clock's hour it is the same.
    """
    of = f" for {failure.partition}" if failure.partition else ""
    sentence = f"a run of {failure.job}{of} failed: {failure.reason}"[:_MOST_CHARACTERS]
    body = {
        "type": RUN_FAILED,
        "timestamp": timestamp(at),
        "message": f"{sentence} ({failure.url or f'run {failure.run_id}'})",
        "job": failure.job,
        "partition": failure.partition,
        "run_id": failure.run_id,
        **({"url": failure.url} if failure.url else {}),
    }
    return OutboxMessage(
        message_id=str(uuid5(_NAMESPACE, f"{name}|{at:%Y-%m-%dT%H}")),
        account_id=None,
        exchange=EXCHANGE,
        routing_key=f"desk.{RUN_FAILED}",
        body=as_json(body),
        created_at=at,
    )
