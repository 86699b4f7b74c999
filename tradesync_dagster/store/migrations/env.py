"""Runs migrations on the connection that ``store.engine`` hands over."""

from alembic import context

from tradesync_dagster.store import (
    book_tables,
    evidence_tables,
    moderation_tables,
    people_tables,
    retry_tables,
    tables,
    task_tables,
    trading_tables,
)

metadata = tables.orders.metadata
assert metadata is book_tables.fills.metadata  # noqa: S101 - importing all of them fills it
assert metadata is evidence_tables.raw_payloads.metadata  # noqa: S101
assert metadata is moderation_tables.fake_orders.metadata  # noqa: S101
assert metadata is people_tables.people.metadata  # noqa: S101
assert metadata is retry_tables.retries.metadata  # noqa: S101
assert metadata is task_tables.task_turns.metadata  # noqa: S101
assert metadata is trading_tables.halts.metadata  # noqa: S101
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
