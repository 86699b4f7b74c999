"""How external orders are found, owned and told.

What belongs here: settings of detection, attribution and its alerts. What does not: when a sync
runs (``brokers``).
"""

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from tradesync_dagster.domain.attribution import RULES_VERSION, VERSIONS
from tradesync_dagster.settings.fields import named


class ExternalOrderSettings(BaseSettings):
    """Detection, attribution, alerts."""

    tag_prefix: str = Field(default="ts", pattern=r"^[A-Za-z0-9]{1,6}$")
    """How the tags of our own orders begin."""
    confirm_seconds: float = Field(default=30.0, ge=0, le=3600)
    """Least time between the two complete books that confirm an external order."""
    minimum_age_seconds: float = Field(default=60.0, ge=0, le=3600)
    """Least age, by the broker's clock, of an order that is confirmed as external."""
    looks_days: int = Field(default=7, ge=1, le=3660)
    """For how many days it is kept what was asked of brokers, what came and what was decided."""
    payload_days: int = Field(default=30, ge=1, le=3660)
    """For how many days brokers' answers are kept word for word."""
    external_order_detection_enabled: bool = Field(
        default=True, validation_alias=named("EXTERNAL_ORDER_DETECTION_ENABLED")
    )
    external_order_notification_enabled: bool = Field(
        default=True, validation_alias=named("EXTERNAL_ORDER_NOTIFICATION_ENABLED")
    )
    external_order_check_minutes: int | None = Field(
        default=None, ge=1, le=1440, validation_alias=named("EXTERNAL_ORDER_CHECK_MINUTES")
    )
    """How old an account's last complete order book may be; see ``check_every``."""
    external_order_spike_minimum: int = Field(
        default=5, ge=1, le=100_000, validation_alias=named("EXTERNAL_ORDER_SPIKE_MINIMUM")
    )
    external_order_spike_factor: int = Field(
        default=6, ge=1, le=1_000, validation_alias=named("EXTERNAL_ORDER_SPIKE_FACTOR")
    )
    confidence_threshold: int = Field(
        default=70, ge=1, le=100, validation_alias=named("EXTERNAL_ORDER_CONFIDENCE_THRESHOLD")
    )
    """The least score that gives an external order to a strategy."""
    attribution_rules: str = RULES_VERSION
    """By which version of the rules owners are found."""
    auto_create_strategy: bool = Field(
        default=False, validation_alias=named("AUTO_CREATE_EXTERNAL_STRATEGY")
    )
    """Whether what nobody owns goes to a strategy of its own."""

    @field_validator("attribution_rules")
    @classmethod
    def _rules_known(cls, name: str) -> str:
        if name not in VERSIONS:
            raise ValueError(f"there are: {', '.join(VERSIONS)}")
        return name
