"""Tell what placed orders, keep what was asked of brokers, and when a break was resolved."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    with op.batch_alter_table("orders") as batch_op:
        batch_op.add_column(
            sa.Column("source", sa.Text(), server_default="unknown", nullable=False)
        )
    with op.batch_alter_table("breaks") as batch_op:
        batch_op.add_column(sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "looks",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tick_id", sa.Text(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("candidates", sa.Integer(), nullable=False),
        sa.Column("confirmed", sa.Integer(), nullable=False),
        sa.Column(
            "answers",
            sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_looks_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("account_id", "asked_at", name=op.f("pk_looks")),
    )


def downgrade() -> None:
    """Undo the change."""
    op.drop_table("looks")
    with op.batch_alter_table("breaks") as batch_op:
        batch_op.drop_column("resolved_at")
    op.drop_column("orders", "source")  # in place: rows of other tables refer to it
