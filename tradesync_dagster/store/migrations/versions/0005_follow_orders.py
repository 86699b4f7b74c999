"""Follow orders from intent to end."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_UNIQUE = "uq_orders_account_id_trade_date_broker_order_id"
_KEY = ["account_id", "trade_date", "broker_order_id"]


def upgrade() -> None:
    """Apply the change."""
    op.add_column(
        "accounts", sa.Column("live", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column("orders", sa.Column("shortfall", sa.BigInteger(), nullable=True))
    op.add_column("orders", sa.Column("cancel_asked", sa.Text(), server_default="", nullable=False))
    op.add_column("orders", sa.Column("retry_of", sa.Uuid(), nullable=True))
    op.add_column(
        "intents",
        sa.Column("trigger_price", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
    )
    op.add_column("intents", sa.Column("order_id", sa.Uuid(), nullable=True))
    op.add_column(
        "intents", sa.Column("value", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column("intents", sa.Column("missed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("intents", sa.Column("who", sa.Text(), server_default="", nullable=False))
    _make_unique(placed_only=True)
    op.create_table(
        "order_limits",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("order_value", sa.BigInteger(), nullable=False),
        sa.Column("day_value", sa.BigInteger(), nullable=False),
        sa.Column("open_orders", sa.Integer(), nullable=False),
        sa.Column("position_value", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_order_limits_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_order_limits")),
    )
    op.create_table(
        "halts",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("halted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("resumed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resumed_by", sa.Text(), server_default="", nullable=False),
        sa.Column("resumed_why", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("scope", "halted_at", name=op.f("pk_halts")),
    )
    now = sa.text("resumed_at IS NULL")
    op.create_index(
        op.f("uq_halts_scope"),
        "halts",
        ["scope"],
        unique=True,
        postgresql_where=now,
        sqlite_where=now,
    )


def downgrade() -> None:
    """Undo the change; orders that never were at a broker go, and what happened to them."""
    op.drop_index(op.f("uq_halts_scope"), table_name="halts")
    op.drop_table("halts")
    op.drop_table("order_limits")
    unplaced = "SELECT order_id FROM orders WHERE broker_order_id = ''"
    for child in ("attributions", "order_events"):
        op.execute(f"DELETE FROM {child} WHERE order_id IN ({unplaced})")  # noqa: S608 - our names
    op.execute("DELETE FROM orders WHERE broker_order_id = ''")
    _make_unique(placed_only=False)
    for table, names in (
        ("intents", ("who", "missed_at", "value", "order_id", "trigger_price")),
        ("orders", ("retry_of", "cancel_asked", "shortfall")),
        ("accounts", ("live",)),
    ):
        for name in names:
            op.drop_column(table, name)


def _make_unique(*, placed_only: bool) -> None:
    """Let brokers' ids be there once a day: all of them, or only those that are there."""
    if op.get_bind().dialect.name == "sqlite":
        _lay_again(constrained=not placed_only)
    elif placed_only:
        op.drop_constraint(_UNIQUE, "orders", type_="unique")
    placed = sa.text("broker_order_id <> ''")
    if placed_only:
        op.create_index(
            op.f(_UNIQUE),
            "orders",
            _KEY,
            unique=True,
            postgresql_where=placed,
            sqlite_where=placed,
        )
    elif op.get_bind().dialect.name != "sqlite":
        op.drop_index(op.f(_UNIQUE), table_name="orders")
        op.create_unique_constraint(op.f(_UNIQUE), "orders", _KEY)


def _lay_again(*, constrained: bool) -> None:
    """Make SQLite's table anew, which cannot change a constraint.

    The rows wait in a copy and come back under the same name, so that what refers to them finds
    them again before the transaction's end: until then SQLite is asked not to look.
    """
    bind = op.get_bind()
    bind.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
    orders = sa.Table("orders", sa.MetaData(), autoload_with=bind)
    unique = {one for one in orders.constraints if isinstance(one, sa.UniqueConstraint)}
    orders.constraints -= unique
    orders.indexes = {one for one in orders.indexes if one.name != _UNIQUE}
    if constrained:
        orders.append_constraint(sa.UniqueConstraint(*_KEY, name=op.f(_UNIQUE)))
    op.execute("CREATE TABLE orders_kept AS SELECT * FROM orders")
    op.drop_table("orders")
    orders.create(bind)
    names = ", ".join(f'"{column.name}"' for column in orders.columns)
    op.execute(f"INSERT INTO orders ({names}) SELECT {names} FROM orders_kept")  # noqa: S608
    op.drop_table("orders_kept")
