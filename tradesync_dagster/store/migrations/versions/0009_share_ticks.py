"""Share the ticks out: what each came to, and which answers need not be read again."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    with op.batch_alter_table("book_states") as batch_op:
        batch_op.add_column(
            sa.Column("settled", sa.Boolean(), server_default=sa.text("false"), nullable=False)
        )
    with op.batch_alter_table("generations") as batch_op:
        batch_op.add_column(sa.Column("changed_from", sa.Date()))
        batch_op.add_column(
            sa.Column("changes", sa.Integer(), server_default=sa.text("0"), nullable=False)
        )
    op.create_table(
        "ticks",
        sa.Column("tick_id", sa.Text(), nullable=False),
        sa.Column("shard", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("accounts", sa.Integer(), nullable=False),
        sa.Column(
            "summary",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("tick_id", "shard", name=op.f("pk_ticks")),
    )
    op.create_index(op.f("ix_ticks_started_at"), "ticks", ["started_at"])


def downgrade() -> None:
    """Undo the change."""
    op.drop_table("ticks")
    with op.batch_alter_table("generations") as batch_op:
        batch_op.drop_column("changes")
        batch_op.drop_column("changed_from")
    with op.batch_alter_table("book_states") as batch_op:
        batch_op.drop_column("settled")
