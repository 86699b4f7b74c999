"""Write little of accounts that say nothing new, and know which payloads may be cleared."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_NEWS = "ix_raw_payloads_last_seen_at"


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "quiet_looks",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("tick_id", sa.Text(), nullable=False),
        sa.Column(
            "answers",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.account_id"],
            name=op.f("fk_quiet_looks_account_id_accounts"),
        ),
        sa.PrimaryKeyConstraint("account_id", "asked_at", name=op.f("pk_quiet_looks")),
    )
    op.create_index(
        op.f("ix_quiet_looks_organization_id_asked_at"),
        "quiet_looks",
        ["organization_id", "asked_at"],
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE quiet_looks ENABLE ROW LEVEL SECURITY")
        op.execute(
            "CREATE POLICY guard_organizations ON quiet_looks "
            "USING ((SELECT tradesync_organization()) IN ('*', organization_id))"
        )
    # Whose payloads of before are is not known: they stay as long as any account's break does.
    op.add_column("raw_payloads", sa.Column("account_id", sa.Integer()))
    op.add_column("raw_payloads", sa.Column("last_seen_at", sa.DateTime(timezone=True)))
    op.add_column(
        "raw_payloads",
        sa.Column("held", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.execute("UPDATE raw_payloads SET last_seen_at = first_seen_at")
    with op.batch_alter_table("raw_payloads") as batch_op:
        batch_op.alter_column("last_seen_at", nullable=False)
    op.create_index(_NEWS, "raw_payloads", ["last_seen_at"])
    op.add_column(
        "outbox",
        sa.Column("passing", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )


def downgrade() -> None:
    """Undo the change; looks that brought nothing are lost, as in books that never had them."""
    with op.batch_alter_table("outbox") as batch_op:
        batch_op.drop_column("passing")
    op.drop_index(_NEWS, "raw_payloads")
    with op.batch_alter_table("raw_payloads") as batch_op:
        for name in ("held", "last_seen_at", "account_id"):
            batch_op.drop_column(name)
    op.drop_table("quiet_looks")
