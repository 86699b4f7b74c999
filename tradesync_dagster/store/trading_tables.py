"""The tables of what may be ordered: limits an account, and halts; how watched orders are found.

What belongs here: columns, keys and indexes. What does not: orders and their sendings
(``tables``).
"""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, text

from tradesync_dagster.store.schema import UtcDateTime, account_key, metadata
from tradesync_dagster.store.tables import orders

_WATCHED = text("status IN ('amo', 'open', 'pending_execution', 'trigger_pending', 'unknown')")
Index(
    "ix_orders_watched",
    orders.c.account_id,
    postgresql_where=_WATCHED,
    sqlite_where=_WATCHED,
)
"""What the order monitor looks for every minute: few orders of many."""

order_limits = Table(
    "order_limits",
    metadata,
    account_key(),
    Column("order_value", BigInteger, nullable=False),
    Column("day_value", BigInteger, nullable=False),
    Column("open_orders", Integer, nullable=False),
    Column("position_value", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)

halts = Table(
    "halts",
    metadata,
    # Empty for all, an organization, or ORG/ACCOUNT.
    Column("scope", Text, primary_key=True),
    Column("halted_at", UtcDateTime, primary_key=True),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("resumed_at", UtcDateTime),
    Column("resumed_by", Text, nullable=False, server_default=""),
    Column("resumed_why", Text, nullable=False, server_default=""),
    Index(
        "uq_halts_scope",
        "scope",
        unique=True,
        postgresql_where=text("resumed_at IS NULL"),
        sqlite_where=text("resumed_at IS NULL"),
    ),
)
