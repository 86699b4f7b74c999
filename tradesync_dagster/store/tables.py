"""The tables of accounts, orders, evidence and what is published.

What belongs here: columns, keys and indexes. What does not: the books made from fills
(``book_tables``), units and types (``schema``), queries (one repository a concept), schema changes
(``migrations``).
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from tradesync_dagster.store.schema import UtcDateTime, account_key, json_type, metadata

accounts = Table(
    "accounts",
    metadata,
    Column("account_id", Integer, primary_key=True),
    Column("organization_id", Text, nullable=False),
    Column("pseudo_account", Text, nullable=False),
    Column("broker", Text, nullable=False),
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
    Column("live", Boolean, nullable=False, server_default=text("false")),
    Column("base_url", Text, nullable=False, server_default=""),
    Column("credentials", LargeBinary, nullable=False),
    UniqueConstraint("organization_id", "pseudo_account"),
)

strategies = Table(
    "strategies",
    metadata,
    Column("organization_id", Text, primary_key=True),
    Column("strategy_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("automatic", Boolean, nullable=False, server_default=text("false")),
    Column("created_at", UtcDateTime, nullable=False),
)

claims = Table(
    "claims",
    metadata,
    Column("claim_id", Uuid, primary_key=True),
    Column("organization_id", Text, nullable=False),
    # Of all the organization's accounts where empty.
    Column("account_id", Integer, ForeignKey("accounts.account_id")),
    Column("strategy_id", Text, nullable=False),
    Column("exchange", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("who", Text, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("organization_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    # SHA-256 of the token, which itself is kept nowhere.
    Column("digest", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("revoked_at", UtcDateTime),
    # A domain.people.Role.
    Column("role", Text, nullable=False),
)

book_states = Table(
    "book_states",
    metadata,
    account_key(),
    Column("kind", Text, primary_key=True),
    Column("trade_date", Date, nullable=False),
    Column("requested_at", UtcDateTime, nullable=False),
    Column("payload_hash", Text, nullable=False),
    Column("settled", Boolean, nullable=False, server_default=text("false")),
)

ticks = Table(
    "ticks",
    metadata,
    Column("tick_id", Text, primary_key=True),
    # Which part of the accounts it was over; empty where it was over all, or over chosen ones.
    Column("shard", Text, primary_key=True),
    Column("started_at", UtcDateTime, nullable=False, index=True),
    Column("status", Text, nullable=False),
    Column("accounts", Integer, nullable=False),
    Column("summary", json_type(), nullable=False),
)

_ID = ("account_id", "trade_date", "broker_order_id")
_UNIQUE_ID = "uq_orders_account_id_trade_date_broker_order_id"
_PLACED = text("broker_order_id <> ''")
orders = Table(
    "orders",
    metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("account_id", Integer, ForeignKey("accounts.account_id"), nullable=False),
    Column("trade_date", Date, nullable=False),
    Column("broker_order_id", Text, nullable=False),
    Column("exchange_order_id", Text, nullable=False),
    Column("parent_order_id", Text, nullable=False),
    Column("client_order_id", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("status_word", Text, nullable=False),
    Column("exchange", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("product", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("order_type", Text, nullable=False),
    Column("validity", Text, nullable=False),
    Column("variety", Text, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("filled_quantity", BigInteger, nullable=False),
    Column("pending_quantity", BigInteger, nullable=False),
    Column("cancelled_quantity", BigInteger, nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("trigger_price", BigInteger, nullable=False),
    Column("average_price", BigInteger, nullable=False),
    Column("placed_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("tag", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("source", Text, nullable=False, server_default="unknown"),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("strategy_id", Text, nullable=False),
    Column("confidence", Integer),
    # Its first units, where strategies share it: [{strategy_id, quantity}].
    Column("parts", json_type(), nullable=False, server_default="[]"),
    # How an order fails, is tried again, ends and fills, as the order monitor keeps it.
    Column("failure_reason", Text),
    Column("first_failed_at", UtcDateTime),
    Column("last_retry_attempt", UtcDateTime),
    Column("retry_count", Integer, nullable=False, server_default=text("0")),
    Column("rejection_reason", Text),
    Column("cancelled_reason", Text),
    Column("last_status_check", UtcDateTime),
    Column("execution_price", BigInteger),
    Column("execution_qty", BigInteger),
    Column("execution_time", UtcDateTime),
    Column("shortfall", BigInteger),
    Column("cancel_asked", Text, nullable=False, server_default=""),
    Column("retry_of", Uuid),
    # Orders of ours have no id before the broker gives one.
    Index(_UNIQUE_ID, *_ID, unique=True, postgresql_where=_PLACED, sqlite_where=_PLACED),
    Index(None, "account_id", "origin", "trade_date"),
)

order_events = Table(
    "order_events",
    metadata,
    Column("order_id", Uuid, ForeignKey("orders.order_id"), primary_key=True),
    Column("at", UtcDateTime, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("detail", json_type(), nullable=False),
)

attributions = Table(
    "attributions",
    metadata,
    Column("order_id", Uuid, ForeignKey("orders.order_id"), primary_key=True),
    Column("version", Text, primary_key=True),
    Column("decided_at", UtcDateTime, nullable=False),
    # Empty where the order stayed unassigned.
    Column("strategy_id", Text, nullable=False),
    Column("score", Integer, nullable=False),
    Column("runner_up", Text, nullable=False),
    Column("parts", json_type(), nullable=False),
)

intents = Table(
    "intents",
    metadata,
    account_key(),
    Column("client_order_id", Text, primary_key=True),
    Column("broker_order_id", Text, nullable=False),
    Column("exchange", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("product", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("order_type", Text, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("strategy_id", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("trigger_price", BigInteger, nullable=False, server_default=text("0")),
    Column("order_id", Uuid),
    Column("value", BigInteger, nullable=False, server_default=text("0")),
    Column("missed_at", UtcDateTime),
    Column("who", Text, nullable=False, server_default=""),
)

quarantine = Table(
    "quarantine",
    metadata,
    account_key(),
    Column("kind", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("row_id", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("raw", Text, nullable=False),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("seen_count", Integer, nullable=False, server_default=text("1")),
)

breaks = Table(
    "breaks",
    metadata,
    account_key(),
    Column("kind", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("seen_count", Integer, nullable=False, server_default=text("1")),
    Column("evidence", json_type(), nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("resolved_at", UtcDateTime),
)

looks = Table(
    "looks",
    metadata,
    account_key(),
    Column("asked_at", UtcDateTime, primary_key=True),
    Column("tick_id", Text, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("candidates", Integer, nullable=False),
    Column("confirmed", Integer, nullable=False),
    Column("answers", json_type(), nullable=False),
)

sync_results = Table(
    "sync_results",
    metadata,
    Column("tick_id", Text, primary_key=True),
    account_key(),
    Column("started_at", UtcDateTime, nullable=False),
    Column("status", Text, nullable=False),
    Column("results", json_type(), nullable=False),
    Index(None, "account_id", "started_at"),
)

snapshots = Table(
    "snapshots",
    metadata,
    account_key(),
    Column("version", BigInteger, nullable=False),
    Column("digest", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("published_version", BigInteger, nullable=False, server_default=text("0")),
)

outbox = Table(
    "outbox",
    metadata,
    Column(
        "outbox_id",
        BigInteger().with_variant(Integer(), "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    Column("message_id", Text, nullable=False, unique=True),
    # None where a message tells of an organization.
    Column("account_id", Integer, ForeignKey("accounts.account_id")),
    Column("exchange", Text, nullable=False),
    Column("routing_key", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("sent_at", UtcDateTime),
    # Soon of no use once it was sent: nothing had changed.
    Column("passing", Boolean, nullable=False, server_default=text("false")),
    Index(
        "ix_outbox_pending",
        "outbox_id",
        postgresql_where=text("sent_at IS NULL"),
        sqlite_where=text("sent_at IS NULL"),
    ),
)
