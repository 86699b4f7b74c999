"""The texts, days and numbers that requests may hold, and that answers hold.

What belongs here: bounds and forms, as OpenAPI tells them. What does not: bodies (``questions``),
answers (``answers``), whether a name is known.
"""

import re
from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

LONGEST_STRETCH = 3660
"""Days that one question may reach back."""
_DAY = r"^20[0-9]{2}-[0-9]{2}-[0-9]{2}$"
_ONE_LINE = r"^[^\x00-\x1f\x7f]*$"


def _day(value: Any) -> Any:
    """Take days as text only: numbers would be read as seconds since 1970."""
    if not isinstance(value, str) or not re.fullmatch(_DAY, value):
        raise ValueError("write a day as YYYY-MM-DD, from 2000 on")
    return value


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9._@-]{1,64}$", examples=["main"])]
"""An organization's or an account's, as ``tradesync accounts add`` allows them."""
Line = Annotated[str, Field(max_length=128, pattern=_ONE_LINE)]
Subject = Annotated[str, Field(min_length=1, max_length=500, pattern=_ONE_LINE)]
Reason = Annotated[str, Field(min_length=1, max_length=1000, pattern=_ONE_LINE)]
Note = Annotated[str, Field(max_length=1000, pattern=_ONE_LINE)]
Kind = Annotated[str, Field(pattern=r"^[a-z_]{1,64}$", examples=["filled_without_trades"])]
Day = Annotated[date, BeforeValidator(_day), Field(json_schema_extra={"pattern": _DAY})]
Days = Annotated[int, Field(ge=1, le=LONGEST_STRETCH)]

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
