"""What every table is made of: the metadata, times in UTC, JSON, the account's key.

Prices and averages are in millionths of the currency, quantities in shares or contracts, all
64-bit integers (``domain.money``); sums of money, which can pass 64 bits, are decimal text of the
same units. Times are UTC, dates the exchange's (Asia/Kolkata). Every key is natural or derived
from one, so that a rerun writes the same rows. What belongs here: types. What does not: tables
(``tables`` and its kin).
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Integer,
    MetaData,
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
_Read = Callable[[Any], datetime | None]


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

    def result_processor(self, dialect: Dialect, coltype: object) -> _Read:  # noqa: ARG002
        """Read aware UTC times; rows have many of them, and SQLite keeps them as text."""
        return _utc_of_text if dialect.name == "sqlite" else _utc


def _utc_of_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value + "+00:00")


def _utc(value: datetime | None) -> datetime | None:
    return None if value is None else value.astimezone(UTC)


def json_type() -> TypeEngine[Any]:
    """Return JSON, in PostgreSQL's binary form there."""
    return JSON().with_variant(JSONB(), "postgresql")


def account_key() -> Column[int]:
    """Return a fresh ``account_id`` column that is part of the key."""
    return Column("account_id", Integer, ForeignKey("accounts.account_id"), primary_key=True)
