"""The tables of the books.

Prices and averages are in millionths of the currency, quantities in shares or contracts, all
64-bit integers (``domain.money``). Times are UTC, dates the exchange's (Asia/Kolkata). Every key is
natural or derived from one, so that a rerun writes the same rows. What belongs here: columns, keys
and indexes. What does not: queries (one repository a concept), schema changes (``migrations``).
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator, TypeEngine

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time; SQLite, which has no zones, keeps the same UTC time without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times, turn the others to UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone cannot be stored: {value!r}")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return aware UTC times."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _json() -> TypeEngine[Any]:
    return JSON().with_variant(JSONB(), "postgresql")


def _account() -> Column[int]:
    return Column("account_id", Integer, ForeignKey("accounts.account_id"), primary_key=True)


accounts = Table(
    "accounts",
    metadata,
    Column("account_id", Integer, primary_key=True),
    Column("organization_id", Text, nullable=False),
    Column("pseudo_account", Text, nullable=False),
    Column("broker", Text, nullable=False),
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
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

book_states = Table(
    "book_states",
    metadata,
    _account(),
    Column("kind", Text, primary_key=True),
    Column("trade_date", Date, nullable=False),
    Column("requested_at", UtcDateTime, nullable=False),
    Column("payload_hash", Text, nullable=False),
)

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
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("strategy_id", Text, nullable=False),
    Column("confidence", Integer),
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
    UniqueConstraint("account_id", "trade_date", "broker_order_id"),
    Index(None, "account_id", "origin", "trade_date"),
)

order_events = Table(
    "order_events",
    metadata,
    Column("order_id", Uuid, ForeignKey("orders.order_id"), primary_key=True),
    Column("at", UtcDateTime, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("detail", _json(), nullable=False),
)

intents = Table(
    "intents",
    metadata,
    _account(),
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
)

fills = Table(
    "fills",
    metadata,
    _account(),
    Column("trade_date", Date, primary_key=True),
    Column("fill_id", Text, primary_key=True),
    Column("trade_id", Text, nullable=False),
    Column("broker_order_id", Text, nullable=False),
    Column("exchange", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("product", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("filled_at", UtcDateTime, nullable=False),
)

instruments = Table(
    "instruments",
    metadata,
    Column("exchange", Text, primary_key=True),
    Column("symbol", Text, primary_key=True),
    Column("isin", Text, nullable=False, server_default=""),
    Column("multiplier", BigInteger, nullable=False, server_default=text("1")),
    Column("last_price", BigInteger),
    Column("priced_at", UtcDateTime),
)

lots = Table(
    "lots",
    metadata,
    _account(),
    Column("exchange", Text, primary_key=True),
    Column("symbol", Text, primary_key=True),
    Column("product", Text, primary_key=True),
    Column("trade_date", Date, primary_key=True),
    Column("fill_id", Text, primary_key=True),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("price", BigInteger, nullable=False),
)

positions = Table(
    "positions",
    metadata,
    _account(),
    Column("exchange", Text, primary_key=True),
    Column("symbol", Text, primary_key=True),
    Column("product", Text, primary_key=True),
    Column("quantity", BigInteger, nullable=False),
    Column("average_price", BigInteger, nullable=False),
    Column("buy_quantity", BigInteger, nullable=False),
    Column("sell_quantity", BigInteger, nullable=False),
    Column("multiplier", BigInteger, nullable=False),
    Column("realised_pnl", Text, nullable=False),
    Column("unrealised_pnl", Text),
    Column("last_price", BigInteger),
)

holdings = Table(
    "holdings",
    metadata,
    _account(),
    Column("exchange", Text, primary_key=True),
    Column("symbol", Text, primary_key=True),
    Column("quantity", BigInteger, nullable=False),
    Column("t1_quantity", BigInteger, nullable=False),
    Column("average_price", BigInteger, nullable=False),
    Column("unrealised_pnl", Text),
    Column("last_price", BigInteger),
)

raw_payloads = Table(
    "raw_payloads",
    metadata,
    Column("payload_hash", Text, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("first_seen_at", UtcDateTime, nullable=False),
)

quarantine = Table(
    "quarantine",
    metadata,
    _account(),
    Column("kind", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("row_id", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("raw", Text, nullable=False),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
)

breaks = Table(
    "breaks",
    metadata,
    _account(),
    Column("kind", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("evidence", _json(), nullable=False),
)

sync_results = Table(
    "sync_results",
    metadata,
    Column("tick_id", Text, primary_key=True),
    _account(),
    Column("started_at", UtcDateTime, nullable=False),
    Column("status", Text, nullable=False),
    Column("results", _json(), nullable=False),
    Index(None, "account_id", "started_at"),
)

snapshots = Table(
    "snapshots",
    metadata,
    _account(),
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
    Column("account_id", Integer, ForeignKey("accounts.account_id"), nullable=False),
    Column("exchange", Text, nullable=False),
    Column("routing_key", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("sent_at", UtcDateTime),
    Index(
        "ix_outbox_pending",
        "outbox_id",
        postgresql_where=text("sent_at IS NULL"),
        sqlite_where=text("sent_at IS NULL"),
    ),
)
