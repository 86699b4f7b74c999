"""Runs migrations on the connection that ``store.engine`` hands over."""

from alembic import context

from tradesync_dagster.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
