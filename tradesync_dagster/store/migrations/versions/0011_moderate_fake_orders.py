"""Moderate fake orders."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "fake_orders",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("market", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("limit_price", sa.BigInteger(), nullable=False),
        sa.Column("hour_start_utc", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rt_lmp", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("last_lmp", sa.BigInteger(), nullable=True),
        sa.Column("pnl", sa.BigInteger(), nullable=True),
        sa.Column("marked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_mark_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_fake_orders")),
    )
    op.create_index(
        op.f("ix_fake_orders_organization_id_hour_start_utc"),
        "fake_orders",
        ["organization_id", "hour_start_utc"],
    )
    _partial("ix_fake_orders_pending", ["hour_start_utc", "organization_id"], "status = 'PENDING'")
    _partial("ix_fake_orders_live", ["next_mark_at"], "next_mark_at IS NOT NULL")
    _of_orders(
        "fake_order_events",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "detail",
            sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"),
            nullable=False,
        ),
        key=["order_id", "at", "kind"],
    )
    _of_orders(
        "fake_order_marks",
        sa.Column("lmp", sa.BigInteger(), nullable=False),
        sa.Column("pnl", sa.BigInteger(), nullable=False),
        key=["order_id", "at"],
    )
    # What is told of an organization is of no account.
    with op.batch_alter_table("outbox") as outbox:
        outbox.alter_column("account_id", existing_type=sa.Integer(), nullable=True)


def downgrade() -> None:
    """Undo the change."""
    op.execute("DELETE FROM outbox WHERE account_id IS NULL")
    with op.batch_alter_table("outbox") as outbox:
        outbox.alter_column("account_id", existing_type=sa.Integer(), nullable=False)
    for table in ("fake_order_marks", "fake_order_events", "fake_orders"):
        op.drop_table(table)


def _partial(name: str, columns: list[str], where: str) -> None:
    clause = sa.text(where)
    op.create_index(name, "fake_orders", columns, postgresql_where=clause, sqlite_where=clause)


def _of_orders(table: str, *columns: sa.Column[Any], key: list[str]) -> None:
    op.create_table(
        table,
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(
            ["order_id"], ["fake_orders.order_id"], name=op.f(f"fk_{table}_order_id")
        ),
        sa.PrimaryKeyConstraint(*key, name=op.f(f"pk_{table}")),
    )
