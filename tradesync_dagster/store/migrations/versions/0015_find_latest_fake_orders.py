"""Find the latest fake order by an index: while orders keep coming, a run is kept alive."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_INDEX = "ix_fake_orders_created_at"


def upgrade() -> None:
    """Apply the change."""
    op.create_index(op.f(_INDEX), "fake_orders", ["created_at"])


def downgrade() -> None:
    """Undo the change."""
    op.drop_index(op.f(_INDEX), "fake_orders")
