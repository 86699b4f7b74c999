"""The tables of what brokers sent, word for word, and of looks that brought nothing.

What belongs here: columns, keys and indexes. What does not: what came of answers (``tables``),
units and types (``schema``), queries (``evidence``), schema changes (``migrations``).
"""

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, Table, Text, text

from tradesync_dagster.store.schema import UtcDateTime, account_key, json_type, metadata

raw_payloads = Table(
    "raw_payloads",
    metadata,
    Column("payload_hash", Text, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("first_seen_at", UtcDateTime, nullable=False),
    # Whose it is; None where several accounts' answers are the same.
    Column("account_id", Integer),
    # When it last came as something new.
    Column("last_seen_at", UtcDateTime, nullable=False, index=True),
    # Whether something of it was refused, so that it is never cleared.
    Column("held", Boolean, nullable=False, server_default=text("false")),
)

# Many accounts of one organization and tick in a row, named by the first one asked.
quiet_looks = Table(
    "quiet_looks",
    metadata,
    account_key(),
    Column("asked_at", UtcDateTime, primary_key=True),
    Column("organization_id", Text, nullable=False),
    Column("tick_id", Text, nullable=False),
    # By account id, as domain.quiet_looks packs it.
    Column("answers", json_type(), nullable=False),
    Index(None, "organization_id", "asked_at"),
)
