"""The tables of what follows failures: the retry queue, and who is told of orders.

What belongs here: columns and keys. What does not: the orders themselves (``tables``).
"""

from sqlalchemy import Boolean, Column, ForeignKey, Integer, Table, Text, Uuid

from tradesync_dagster.store.schema import UtcDateTime, metadata

retries = Table(
    "retries",
    metadata,
    Column("order_id", Uuid, ForeignKey("orders.order_id"), primary_key=True),
    Column("account_id", Integer, ForeignKey("accounts.account_id"), nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
)

notification_preferences = Table(
    "notification_preferences",
    metadata,
    Column("organization_id", Text, primary_key=True),
    # rabbitmq, or people/ and the address's number, as the outbox names them.
    Column("recipient", Text, primary_key=True),
    Column("event", Text, primary_key=True),
    Column("wanted", Boolean, nullable=False),
    Column("who", Text, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)
