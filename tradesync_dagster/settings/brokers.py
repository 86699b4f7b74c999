"""How brokers are asked, and where the paper broker is.

What belongs here: settings of fetching. What does not: whose accounts (the books).
"""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings

from tradesync_dagster.settings.fields import named

_HERE = frozenset({"127.0.0.1", "localhost"})


def _address(text: str) -> str:
    parts = urlsplit(text)
    plain = f"{parts.scheme}://{parts.netloc}" == text.rstrip("/") and "@" not in parts.netloc
    if parts.scheme not in {"http", "https"} or not parts.hostname or not plain or parts.port == 0:
        raise ValueError("write it as http://HOST:PORT")
    return text.rstrip("/")


class BrokerSettings(BaseSettings):
    """Fetching, its limits, and how often."""

    concurrency: int = Field(default=64, ge=1, le=2000)
    """Most accounts that are fetched at once."""
    account_deadline_seconds: float = Field(default=120.0, gt=0, le=3600)
    """Most time that one account's fetch may take; the others do not wait for it longer."""
    sync_interval_minutes: int = Field(
        default=5, ge=1, le=59, validation_alias=named("EXTERNAL_ORDER_SYNC_INTERVAL_MINUTES")
    )
    """Minutes between two ticks of the sync schedule."""
    shard_size: int = Field(default=1000, ge=1, le=100_000)
    """Most accounts of one run of a tick; a larger desk's ticks are shared out to several."""
    retention_days: int = Field(default=7, ge=1, le=3650)
    """After how many days runs of syncs, and what syncs wrote of themselves, are deleted."""
    broker_api_timeout_seconds: float = Field(
        default=30.0, gt=0, le=600, validation_alias=named("BROKER_API_TIMEOUT_SECONDS")
    )
    broker_api_retry_attempts: int = Field(
        default=3, ge=0, le=10, validation_alias=named("BROKER_API_RETRY_ATTEMPTS")
    )
    broker_api_rate_limit_delay: float = Field(
        default=1.0, ge=0, le=60, validation_alias=named("BROKER_API_RATE_LIMIT_DELAY")
    )
    paper_url: Annotated[str, AfterValidator(_address)] = "http://127.0.0.1:8650"
    """The simulated exchange at which paper accounts are opened."""

    @property
    def paper_port(self) -> int | None:
        """The paper exchange's port where it is on this machine, so that it can be started."""
        parts = urlsplit(self.paper_url)
        here = parts.scheme == "http" and parts.hostname in _HERE
        return (parts.port or 80) if here else None
