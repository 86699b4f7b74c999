"""How orders of our own are placed.

What belongs here: settings of placement. What does not: limits, halts and which accounts are live,
which are in the books and change without a restart.
"""

from pathlib import Path
from typing import Final, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.domain.trading_hours import TradingHours, read_sessions
from tradesync_dagster.settings.fields import named

DUAL_WRITE: Final = "dual_write"
DUAL_READ: Final = "dual_read"
DB_ONLY: Final = "db_only"


class OrderSettings(BaseSettings):
    """Placement and its verification."""

    live_orders_enabled: bool = False
    """Whether orders may be placed at real brokers at all; each account is marked besides."""
    verify_seconds: float = Field(default=15.0, ge=0, le=300)
    """How long after an order was placed, changed or cancelled its broker's book is looked at."""
    order_monitor_enabled: bool = True
    """Whether open orders are looked at once a minute while the exchanges are open."""
    order_updates_enabled: bool = True
    """Whether the API's process listens where brokers say at once that an order changed."""
    order_updates_most: int = Field(default=200, ge=1, le=5000)
    """Most accounts that it listens for, one connection each."""
    special_sessions: str = ""
    """Days whose hours differ from the calendar, such as ``2026-11-08 18:00-19:15``."""

    retry_enabled: bool = True
    """Whether orders whose failure may pass are tried again by themselves."""
    retry_first_seconds: int = Field(default=60, ge=10, le=3600)
    """Pause before the first such retry; each later one is twice as long, at most half an hour."""
    retry_attempts: int = Field(default=5, ge=0, le=50)
    """How often an order is tried again by itself."""
    retry_stop_minutes: int = Field(default=0, ge=0, le=300)
    """How long before the market's close failed orders expire."""

    pending_orders_mode: Literal["dual_write", "dual_read", "db_only"] = Field(
        default=DB_ONLY, validation_alias=named("PENDING_ORDERS_MODE")
    )
    """Whether the file of an older system is written too, compared with the books, or left."""
    pending_orders_file: Path | None = Field(
        default=None, validation_alias=named("PENDING_ORDERS_FILE")
    )
    """That file; without it there is nothing to keep in step."""

    @field_validator("special_sessions")
    @classmethod
    def _sessions_read(cls, text: str) -> str:
        try:
            read_sessions(text)
        except ConfigurationError as error:
            raise ValueError(str(error)) from None
        return text

    @property
    def trading_hours(self) -> TradingHours:
        """When the exchanges are open."""
        return read_sessions(self.special_sessions)
