"""What those who watch the desk can set.

What belongs here: settings of metrics, health, logs and traces. What does not: what is measured.
"""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings

from tradesync_dagster.settings.fields import named


class ObservingSettings(BaseSettings):
    """Metrics, health, logs, traces."""

    sync_overdue_minutes: int = Field(default=15, ge=1, le=10_080)
    """How old the last tick may be before ``/health/sync`` says so."""
    metrics_accounts: int = Field(default=0, ge=0, le=10_000)
    """Most accounts with series of their own: each costs a monitor memory for good."""
    log_format: Literal["text", "json"] = "text"
    otlp_endpoint: str = Field(
        default="",
        pattern=r"^(https?://\S+)?$",
        validation_alias=named("OTEL_EXPORTER_OTLP_ENDPOINT"),
    )
    """Where traces go; nowhere when not set, or without the extra ``otel``."""
