"""The texts, days and numbers that requests may hold, and that answers hold.

What belongs here: bounds and forms, as OpenAPI tells them. What does not: bodies (``questions``),
answers (``answers``), whether a name is known.
"""

import re
from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from tradesync_dagster.domain.accounts import NAME

LONGEST_STRETCH = 3660
"""Days that one question may reach back."""
_DAY = r"^20[0-9]{2}-[0-9]{2}-[0-9]{2}$"
_ONE_LINE = r"^[^\x00-\x1f\x7f]*$"


def _day(value: Any) -> Any:
    """Take days as text only: numbers would be read as seconds since 1970."""
    if not isinstance(value, str) or not re.fullmatch(_DAY, value):
        raise ValueError("write a day as YYYY-MM-DD, from 2000 on")
    return value


def _whole(value: Any) -> Any:
    """Take 60.0 for 60, as JSON does, which has one kind of numbers; within the bounds exact."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)
Name = Annotated[str, Field(pattern=f"^{NAME}$", examples=["main"])]
"""An organization's or an account's, as ``tradesync accounts add`` allows them."""
NameOrNobody = Annotated[str, Field(pattern=f"^({NAME})?$", examples=["momentum"])]
Recipient = Annotated[str, Field(pattern=r"^(rabbitmq|[1-9][0-9]{0,2})$", examples=["rabbitmq"])]
"""Who is told: RabbitMQ, or the place of an address of people, from 1."""
Line = Annotated[str, Field(max_length=128, pattern=_ONE_LINE)]
Subject = Annotated[str, Field(min_length=1, max_length=500, pattern=_ONE_LINE)]
Reason = Annotated[str, Field(min_length=1, max_length=1000, pattern=_ONE_LINE)]
ShortNote = Annotated[str, Field(max_length=200, pattern=_ONE_LINE)]
Note = Annotated[str, Field(max_length=1000, pattern=_ONE_LINE)]
Kind = Annotated[str, Field(pattern=r"^[a-z_]{1,64}$", examples=["filled_without_trades"])]
Exchange = Annotated[str, Field(pattern=r"^[A-Z_]{1,16}$", examples=["NSE"])]
Symbol = Annotated[str, Field(pattern=r"^[A-Z0-9&._ -]{1,64}$", examples=["INFY"])]
Units = Annotated[
    int,
    Field(ge=1, le=2**53 - 1, description="Shares or contracts."),
    WHOLE,
]
Day = Annotated[date, BeforeValidator(_day), Field(json_schema_extra={"pattern": _DAY})]
Days = Annotated[int, Field(ge=1, le=LONGEST_STRETCH)]
TimeOfDay = Annotated[
    str,
    Field(
        pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$",
        examples=["09:15"],
        description="In Asia/Kolkata.",
    ),
]

Money = Annotated[
    str,
    Field(
        pattern=r"^-?\d+(\.\d+)?$", examples=["1500.05"], description="Decimal text, never a float."
    ),
]
Moment = Annotated[
    str, Field(json_schema_extra={"format": "date-time"}, description="ISO 8601, in UTC.")
]
DayText = Annotated[
    str,
    Field(json_schema_extra={"format": "date"}, description="The exchange's day (Asia/Kolkata)."),
]
