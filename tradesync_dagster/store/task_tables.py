"""The tables of the desk's tasks: schedules, turns, heartbeats, mandates, signals, exits, twins.

What belongs here: columns and keys. What does not: queries (``tasks``, ``mandates``), units
(``domain.task_schedules``, ``domain.mandates``).
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    Time,
    Uuid,
    text,
)

from tradesync_dagster.store.schema import UtcDateTime, account_key, json_type, metadata

task_schedules = Table(
    "task_schedules",
    metadata,
    # Empty for all, an organization, or ORG/ACCOUNT.
    Column("scope", Text, primary_key=True),
    Column("task", Text, primary_key=True),
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
    # Times of the day in Asia/Kolkata.
    Column("start_time", Time, nullable=False),
    Column("end_time", Time),
    Column("repeats", Text, nullable=False),
    Column("grace_minutes", Integer, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("who", Text, nullable=False),
)

task_turns = Table(
    "task_turns",
    metadata,
    account_key(),
    Column("task", Text, primary_key=True),
    Column("slot", Text, primary_key=True),
    Column("due_at", UtcDateTime, nullable=False),
    Column("state", Text, nullable=False),
    Column("started_at", UtcDateTime),
    Column("lease_until", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("words", Text, nullable=False, server_default=""),
    Column("detail", json_type(), nullable=False),
    Index(None, "due_at"),
)

heartbeats = Table(
    "heartbeats",
    metadata,
    account_key(),
    Column("service", Text, primary_key=True),
    Column("began_at", UtcDateTime, nullable=False),
    Column("beat_at", UtcDateTime, nullable=False),
    Column("good_until", UtcDateTime, nullable=False),
)

mandates = Table(
    "mandates",
    metadata,
    account_key(),
    Column("strategy_id", Text, primary_key=True),
    Column("plugin", Text, nullable=False),
    Column("capital", BigInteger, nullable=False),
    Column("positions", Integer, nullable=False),
    Column("target_bp", Integer, nullable=False),
    Column("stop_bp", Integer, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("options", json_type(), nullable=False),
    Column("who", Text, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)

signals = Table(
    "signals",
    metadata,
    account_key(),
    Column("strategy_id", Text, primary_key=True),
    Column("made_on", Date, primary_key=True),
    Column("exchange", Text, primary_key=True),
    Column("symbol", Text, primary_key=True),
    Column("price", BigInteger, nullable=False),
    Column("product", Text, nullable=False),
    Column("target", BigInteger, nullable=False),
    Column("stop", BigInteger, nullable=False),
    Column("score", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("order_id", Uuid),
)

exits = Table(
    "exits",
    metadata,
    account_key(),
    Column("strategy_id", Text, primary_key=True),
    Column("exchange", Text, primary_key=True),
    Column("symbol", Text, primary_key=True),
    Column("product", Text, primary_key=True),
    Column("target", BigInteger, nullable=False),
    Column("stop", BigInteger, nullable=False),
    Column("since", UtcDateTime, nullable=False),
)

paper_twins = Table(
    "paper_twins",
    metadata,
    account_key(),
    # The paper account that it trades through while it is on paper.
    Column("twin_id", Integer, ForeignKey("accounts.account_id"), nullable=False, unique=True),
    Column("through", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)
