"""The points at which a sync may be killed, counted; and faults planted to see that they are found.

Only a process that ends soon calls these: they change classes for good. What belongs here: where a
point is, what happens there. What does not: which syncs run, and what must be true after them
(``crash_scenes``).
"""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from pika.adapters.blocking_connection import BlockingChannel
from sqlalchemy import Engine, event

from tradesync_dagster.domain.publications import OutboxMessage, Snapshot
from tradesync_dagster.publish.rabbitmq import RabbitPublisher
from tradesync_dagster.publish.redis_snapshots import RedisSnapshots
from tradesync_dagster.store.outbox import Outbox
from tradesync_dagster.store.store import SqlStore, SqlUnitOfWork
from tradesync_dagster.sync import publishing


@dataclass
class Points:
    """Counts what passes, and kills this process at one of them; at none if it is 0."""

    fatal: int = 0
    labels: list[str] = field(default_factory=list)

    def at(self, label: str) -> None:
        self.labels.append(label)
        if len(self.labels) == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: Any, name: str, label: Callable[..., str]) -> None:
        """Count a point before and one after each call of a method."""
        original = getattr(owner, name)

        def call(*given: Any, **named: Any) -> Any:
            told = label(*given)
            self.at(f"before {told}")
            result = original(*given, **named)
            self.at(f"after {told}")
            return result

        setattr(owner, name, call)


def watch(points: Points, engine: Engine, exchange: str) -> None:
    """Count every statement, commit, Redis write and publish of this process.

    Args:
        points: What counts.
        engine: The books'.
        exchange: Takes the place of the product's own in RabbitMQ, so that no other test's
            messages come between.
    """

    def short(statement: str) -> str:
        return " ".join(statement.split())[:60]

    @event.listens_for(engine, "before_cursor_execute")
    def before(*given: Any) -> None:
        points.at(f"before {short(given[2])}")

    @event.listens_for(engine, "after_cursor_execute")
    def after(*given: Any) -> None:
        points.at(f"after {short(given[2])}")

    points.around(engine.dialect, "do_commit", lambda *_: "commit")
    points.around(RedisSnapshots, "_deliver", lambda _, commands: f"redis {commands[0][0]}")
    points.around(BlockingChannel, "basic_publish", lambda *given: f"publish to {given[2]}")
    publish = RabbitPublisher.publish

    def renamed(self: RabbitPublisher, messages: Sequence[OutboxMessage]) -> Sequence[str]:
        return publish(self, [replace(message, exchange=exchange) for message in messages])

    setattr(RabbitPublisher, "publish", renamed)  # noqa: B010 - mypy refuses the assignment


def _sent_before_published() -> None:
    def drain(store: Any, messages: Any, clock: Any) -> int:
        due = store.pending_messages(1_000)
        store.mark_sent([message.message_id for message in due], clock.now())
        messages.publish(due)
        return len(due)

    publishing.drain = drain


def _only_what_changed() -> None:
    moved: set[int] = set()
    put, unpublished = Outbox.put_snapshots, Outbox.unpublished

    def remember(self: Outbox, documents: Any) -> set[int]:
        changed = put(self, documents)
        moved.update(changed)
        return changed

    def changed_only(self: Outbox, account_ids: Any) -> list[Snapshot]:
        return [one for one in unpublished(self, account_ids) if one.account_id in moved]

    SqlUnitOfWork.put_snapshots = remember  # type: ignore[method-assign]
    Outbox.unpublished = changed_only  # type: ignore[method-assign]


def _outbox_after_the_commit() -> None:
    begin = SqlStore.begin

    @contextmanager
    def split(self: SqlStore, account_ids: Sequence[int]) -> Iterator[SqlUnitOfWork]:
        late: list[OutboxMessage] = []
        with begin(self, account_ids) as work:
            work.add_messages = late.extend  # type: ignore[method-assign]
            yield work
        with self.writing() as connection:
            Outbox(connection).add_messages(late)

    SqlStore.begin = split  # type: ignore[method-assign]


MUTANTS: dict[str, Callable[[], None]] = {
    "sent before published": _sent_before_published,
    "only what changed": _only_what_changed,
    "outbox after the commit": _outbox_after_the_commit,
}
"""Faults as people make them; a harness that does not find one of them proves nothing."""
