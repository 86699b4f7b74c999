"""Schedule the desk's tasks."""

from datetime import UTC, datetime, time

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_DEFAULTS = (
    ("premarket_retry", time(9, 0), "once", 15),
    ("premarket_amo_adjustment", time(9, 5), "once", 8),
    ("sell_monitor", time(9, 15), "continuous", 0),
    ("position_monitor", time(9, 30), "hourly", 30),
    ("analysis", time(16, 0), "once", 240),
    ("buy_orders", time(16, 5), "once", 240),
    ("eod_cleanup", time(18, 0), "once", 300),
)
_TABLES = (
    "paper_twins", "exits", "signals", "mandates", "heartbeats", "task_turns", "task_schedules",
)  # fmt: skip


def upgrade() -> None:
    """Apply the change."""
    moment = sa.DateTime(timezone=True)
    json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    schedules = op.create_table(
        "task_schedules",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("start_time", sa.Time(), nullable=False),
        sa.Column("end_time", sa.Time()),
        sa.Column("repeats", sa.Text(), nullable=False),
        sa.Column("grace_minutes", sa.Integer(), nullable=False),
        sa.Column("changed_at", moment, nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "task", name=op.f("pk_task_schedules")),
    )
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    names = ("task", "start_time", "repeats", "grace_minutes")
    more = {"scope": "", "enabled": True, "end_time": None, "changed_at": epoch}
    op.bulk_insert(
        schedules,
        [dict(zip(names, row, strict=True)) | more | {"who": "tradesync"} for row in _DEFAULTS],
    )
    op.create_table(
        "task_turns",
        _account(),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("slot", sa.Text(), nullable=False),
        sa.Column("due_at", moment, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("started_at", moment),
        sa.Column("lease_until", moment),
        sa.Column("ended_at", moment),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("words", sa.Text(), server_default="", nullable=False),
        sa.Column("detail", json, nullable=False),
        *_keys("task_turns", "account_id", "task", "slot"),
    )
    op.create_index(op.f("ix_task_turns_due_at"), "task_turns", ["due_at"])
    op.create_table(
        "heartbeats",
        _account(),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("began_at", moment, nullable=False),
        sa.Column("beat_at", moment, nullable=False),
        sa.Column("good_until", moment, nullable=False),
        *_keys("heartbeats", "account_id", "service"),
    )
    op.create_table(
        "mandates",
        _account(),
        sa.Column("strategy_id", sa.Text(), nullable=False),
        sa.Column("plugin", sa.Text(), nullable=False),
        sa.Column("capital", sa.BigInteger(), nullable=False),
        sa.Column("positions", sa.Integer(), nullable=False),
        sa.Column("target_bp", sa.Integer(), nullable=False),
        sa.Column("stop_bp", sa.Integer(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("options", json, nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("changed_at", moment, nullable=False),
        *_keys("mandates", "account_id", "strategy_id"),
    )
    op.create_table(
        "signals",
        _account(),
        sa.Column("strategy_id", sa.Text(), nullable=False),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.Column("exchange", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("target", sa.BigInteger(), nullable=False),
        sa.Column("stop", sa.BigInteger(), nullable=False),
        sa.Column("score", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid()),
        *_keys("signals", "account_id", "strategy_id", "made_on", "exchange", "symbol"),
    )
    op.create_table(
        "exits",
        _account(),
        sa.Column("strategy_id", sa.Text(), nullable=False),
        sa.Column("exchange", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("target", sa.BigInteger(), nullable=False),
        sa.Column("stop", sa.BigInteger(), nullable=False),
        sa.Column("since", moment, nullable=False),
        *_keys("exits", "account_id", "strategy_id", "exchange", "symbol", "product"),
    )
    op.create_table(
        "paper_twins",
        _account(),
        sa.Column("twin_id", sa.Integer(), nullable=False),
        sa.Column("through", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("changed_at", moment, nullable=False),
        sa.ForeignKeyConstraint(
            ["twin_id"], ["accounts.account_id"], name=op.f("fk_paper_twins_twin_id")
        ),
        sa.UniqueConstraint("twin_id", name=op.f("uq_paper_twins_twin_id")),
        *_keys("paper_twins", "account_id"),
    )


def downgrade() -> None:
    """Undo the change."""
    for table in _TABLES:
        op.drop_table(table)


def _account() -> sa.Column[int]:
    return sa.Column("account_id", sa.Integer(), nullable=False)


def _keys(table: str, *key: str) -> tuple[sa.Constraint, ...]:
    return (
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f(f"fk_{table}_account_id")
        ),
        sa.PrimaryKeyConstraint(*key, name=op.f(f"pk_{table}")),
    )
