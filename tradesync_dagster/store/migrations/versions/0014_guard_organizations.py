"""Guard organizations from one another, by row-level security in PostgreSQL.

A role that does not own the tables sees the rows of one organization: that which the transaction
names in ``tradesync.organization`` (``store.scope``), or all where it names ``*``. Where it names
none, it is refused, since an empty answer would look like empty books. The owner sees everything;
SQLite has no roles. Tables of a later schema need their own policy: a test finds those without.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_NOBODYS = {
    # Read to find out who asks, or told of before that is known.
    "api_keys", "people", "people_sessions", "sign_in_failures", "audit_log",
    # The market's, or of a tick as a whole.
    "alembic_version", "instruments", "closing_prices", "corporate_actions", "settlements",
    "raw_payloads", "ticks",
}  # fmt: skip
_FUNCTION = """
CREATE FUNCTION tradesync_organization() RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $body$
BEGIN
    IF coalesce(current_setting('tradesync.organization', true), '') = '' THEN
        RAISE insufficient_privilege
            USING MESSAGE = 'the transaction names no organization in tradesync.organization';
    END IF;
    RETURN current_setting('tradesync.organization');
END
$body$
"""
_OWN = "(SELECT tradesync_organization()) IN ('*', {name})"


def upgrade() -> None:
    """Apply the change."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(_FUNCTION)
    for table, rule in _rules().items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY guard_organizations ON {table} USING ({rule})")
    for table in _scoped():
        op.execute(f"CREATE POLICY show_everyones ON {table} FOR SELECT USING (scope = '')")


def downgrade() -> None:
    """Undo the change."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in _scoped():
        op.execute(f"DROP POLICY show_everyones ON {table}")
    for table in _rules():
        op.execute(f"DROP POLICY guard_organizations ON {table}")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    op.execute("DROP FUNCTION tradesync_organization()")


def _scoped() -> list[str]:
    """Name the tables with rows that hold for everyone: each sees them, none but ``*`` writes."""
    found = sa.inspect(op.get_bind())
    return [
        table
        for table in sorted(set(found.get_table_names()) - _NOBODYS)
        if "scope" in {column["name"] for column in found.get_columns(table)}
    ]


def _rules() -> dict[str, str]:
    """Say of each table whose a row is, by the column that tells."""
    found = sa.inspect(op.get_bind())
    rules = {}
    for table in sorted(set(found.get_table_names()) - _NOBODYS):
        columns = {column["name"] for column in found.get_columns(table)}
        parents = {key["referred_table"] for key in found.get_foreign_keys(table)}
        if "organization_id" in columns:
            rules[table] = _OWN.format(name="organization_id")
        elif "account_id" in columns:
            rules[table] = "account_id IN (SELECT account_id FROM accounts)"
        elif "scope" in columns:
            rules[table] = _OWN.format(name="split_part(scope, '/', 1)")
        elif parents:
            (parent,) = parents
            rules[table] = f"EXISTS (SELECT FROM {parent} p WHERE p.order_id = {table}.order_id)"
        else:
            raise RuntimeError(f"nothing says whose the rows of {table} are")
    return rules
