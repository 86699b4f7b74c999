"""Runs migrations on the connection that ``store.engine`` hands over."""

from alembic import context

from tradesync_dagster.store import book_tables, tables

metadata = tables.orders.metadata
assert metadata is book_tables.fills.metadata  # noqa: S101 - importing both fills it
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
