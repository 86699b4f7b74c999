"""Watch orders."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    watched = sa.text(
        "status IN ('amo', 'open', 'pending_execution', 'trigger_pending', 'unknown')"
    )
    op.create_index(
        op.f("ix_orders_watched"),
        "orders",
        ["account_id"],
        postgresql_where=watched,
        sqlite_where=watched,
    )


def downgrade() -> None:
    """Undo the change."""
    op.drop_index(op.f("ix_orders_watched"), table_name="orders")
