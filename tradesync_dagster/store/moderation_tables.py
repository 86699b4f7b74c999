"""The tables of fake orders: virtual energy trades, their events and marks.

What belongs here: columns, keys and indexes. What does not: queries (``fake_orders``), units
(``domain.fake_orders``).
"""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Table, Text, Uuid, text

from tradesync_dagster.store.schema import UtcDateTime, json_type, metadata

PENDING = text("status = 'PENDING'")
"""As the index of pending orders has it: a query that says the same is answered by it."""
_MARKED = text("next_mark_at IS NOT NULL")

fake_orders = Table(
    "fake_orders",
    metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("organization_id", Text, nullable=False),
    Column("market", Text, nullable=False),
    Column("node", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("limit_price", BigInteger, nullable=False),
    Column("hour_start_utc", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("status", Text, nullable=False),
    Column("decided_at", UtcDateTime),
    Column("rt_lmp", BigInteger),
    Column("reason", Text, nullable=False),
    Column("last_lmp", BigInteger),
    Column("pnl", BigInteger),
    Column("marked_at", UtcDateTime),
    Column("next_mark_at", UtcDateTime),
    Index(None, "organization_id", "hour_start_utc"),
    Index(None, "created_at"),
    # Only what waits is in these two: however many orders are finished, a look costs the same.
    Index(
        "ix_fake_orders_pending",
        "hour_start_utc",
        "organization_id",
        postgresql_where=PENDING,
        sqlite_where=PENDING,
    ),
    Index("ix_fake_orders_live", "next_mark_at", postgresql_where=_MARKED, sqlite_where=_MARKED),
)

fake_order_events = Table(
    "fake_order_events",
    metadata,
    Column("order_id", Uuid, ForeignKey("fake_orders.order_id"), primary_key=True),
    Column("at", UtcDateTime, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("detail", json_type(), nullable=False),
)

fake_order_marks = Table(
    "fake_order_marks",
    metadata,
    Column("order_id", Uuid, ForeignKey("fake_orders.order_id"), primary_key=True),
    Column("at", UtcDateTime, primary_key=True),
    Column("lmp", BigInteger, nullable=False),
    Column("pnl", BigInteger, nullable=False),
)
