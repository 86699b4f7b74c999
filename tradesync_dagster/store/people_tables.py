"""The tables of the people who sign in, and of what they did.

What belongs here: columns, keys and indexes. What does not: queries (``people``), the books.
"""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text

from tradesync_dagster.store.schema import UtcDateTime, json_type, metadata

people = Table(
    "people",
    metadata,
    Column("name", Text, primary_key=True),
    # Empty for a person of all organizations.
    Column("organization_id", Text, nullable=False),
    Column("role", Text, nullable=False),
    # Argon2's own form, with its salt and costs.
    Column("password_hash", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("disabled_at", UtcDateTime),
)

people_sessions = Table(
    "people_sessions",
    metadata,
    # SHA-256 of the token, which itself is kept nowhere.
    Column("digest", Text, primary_key=True),
    Column("name", Text, ForeignKey("people.name"), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Index(None, "name"),
)

sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("since", UtcDateTime, nullable=False),
    Column("count", Integer, nullable=False),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column(
        "audit_id",
        BigInteger().with_variant(Integer(), "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    Column("at", UtcDateTime, nullable=False),
    Column("who", Text, nullable=False),
    # Empty for what concerns no single organization.
    Column("organization_id", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", json_type(), nullable=False),
    # "asked" until it is known what came of it.
    Column("outcome", Text, nullable=False),
    Index(None, "organization_id", "audit_id"),
)
