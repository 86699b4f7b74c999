"""How fake orders are moderated.

What belongs here: settings of the decision, the simulated prices, the marks. What does not: the
decision (``domain.moderation``).
"""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings

Reason = Annotated[str, Field(min_length=1, max_length=200)]
Weight = Annotated[int, Field(ge=1, le=1_000_000)]
Market = Literal["IESO", "ISONE", "MISO", "NYISO"]
_MOST_LMP = 10_000


def _divides_an_hour(minutes: int) -> int:
    if 60 % minutes:
        raise ValueError("write a divisor of 60, up to 30")
    return minutes


Minutes = Annotated[int, Field(ge=1, le=30), AfterValidator(_divides_an_hour)]


class ModerationSettings(BaseSettings):
    """Moderation of fake orders."""

    moderation_seed: str = Field(default="tradesync", pattern=r"^[ -~]{1,64}$")
    """What decisions and simulated prices are drawn by; with another one they are others."""
    moderation_approval_percent: Decimal = Field(
        default=Decimal(70), ge=0, le=100, decimal_places=4
    )
    moderation_lmp_base: Decimal = Field(
        default=Decimal(40), ge=-_MOST_LMP, le=_MOST_LMP, decimal_places=2
    )
    moderation_lmp_spread: Decimal = Field(
        default=Decimal(10), ge=0, le=_MOST_LMP, decimal_places=2
    )
    moderation_reasons: dict[Reason, Weight] | None = Field(
        default=None, min_length=1, max_length=100
    )
    """Reasons of rejections with their weights; those of ``domain.moderation`` when not set."""
    moderation_real_prices: list[Market] = Field(default=[], max_length=4)
    """Markets whose real prices are asked for by ``gridstatus``; all others' are simulated."""
    moderation_real_prices_python: Path | None = None
    """The Python that has ``gridstatus``; tradesync's own when not set."""
    moderation_mark_minutes: Minutes = 5
    """Between two marks of an approved order, within its hour."""
