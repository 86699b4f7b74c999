"""When books are made from fills.

What belongs here: settings of positions and of history. What does not: how they are made.
"""

from datetime import date

from pydantic import Field
from pydantic_settings import BaseSettings

from tradesync_dagster.settings.fields import named


class PositionSettings(BaseSettings):
    """Positions, holdings, past days."""

    position_generation_enabled: bool = Field(
        default=True, validation_alias=named("POSITION_GENERATION_ENABLED")
    )
    position_generation_interval_minutes: int = Field(
        default=60, ge=1, le=1440, validation_alias=named("POSITION_GENERATION_INTERVAL_MINUTES")
    )
    """After how long positions are made again without any new fill or price."""
    positions_refresh_minutes: int = Field(
        default=10, ge=0, le=1440, validation_alias=named("POSITIONS_REFRESH_MINUTES")
    )
    """After how long new prices alone bring new positions; new fills do at once."""
    history_start: date = Field(default=date(2024, 1, 1), ge=date(2000, 1, 1))
    """The first day that Dagster shows of the books' history."""
