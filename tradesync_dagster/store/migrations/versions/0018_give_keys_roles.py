"""Give each key of the API a role; those that there are may go on to do everything."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    role = sa.Column("role", sa.Text(), server_default="admin", nullable=False)
    op.add_column("api_keys", role)
    with op.batch_alter_table("api_keys") as batch_op:
        batch_op.alter_column("role", server_default=None)


def downgrade() -> None:
    """Undo the change: every key may do everything again."""
    with op.batch_alter_table("api_keys") as batch_op:
        batch_op.drop_column("role")
