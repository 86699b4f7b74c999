"""Guard brokers' answers, and let messages of no account be written where rows are guarded.

A message that tells of an organization, or of the desk as a whole, has no account: the rule of 0014
refused it to everybody but the tables' owner.
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_OF_AN_ACCOUNT = "account_id IN (SELECT account_id FROM accounts)"
# Their routing keys are "organization.ORGANIZATION.KIND" (sync.moderation_messages); the desk's own
# are for those who see every organization.
_OF_NONE = r"""account_id IS NULL AND (
    (SELECT tradesync_organization()) = '*'
    OR regexp_replace(routing_key, '\.[^.]*$', '')
        = 'organization.' || (SELECT tradesync_organization())
)"""


def upgrade() -> None:
    """Apply the change."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(f"ALTER POLICY guard_organizations ON outbox USING ({_OF_AN_ACCOUNT} OR {_OF_NONE})")
    op.execute("ALTER TABLE raw_payloads ENABLE ROW LEVEL SECURITY")
    # Without an account it is several accounts' the same, such as an empty book.
    op.execute(
        "CREATE POLICY guard_organizations ON raw_payloads "
        f"USING (account_id IS NULL OR {_OF_AN_ACCOUNT})"
    )


def downgrade() -> None:
    """Undo the change."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("DROP POLICY guard_organizations ON raw_payloads")
    op.execute("ALTER TABLE raw_payloads DISABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER POLICY guard_organizations ON outbox USING ({_OF_AN_ACCOUNT})")
