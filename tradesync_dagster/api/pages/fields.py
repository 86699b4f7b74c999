"""The fields that forms and filters of pages may hold.

A form sends empty text for what is left open. What belongs here: bounds, and taking empty text for
nothing. What does not: the bounds that programs have too (``api.values``).
"""

import re
from typing import Annotated, Any
from uuid import UUID

from fastapi import Form, Query
from pydantic import BeforeValidator, Field

from tradesync_dagster.api.values import Day, Line, Name, Reason, Subject


def _open(value: Any) -> Any:
    return None if value == "" else value


def _trimmed(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


Open = BeforeValidator(_open)
Trimmed = BeforeValidator(_trimmed)
DayField = Annotated[Day | None, Open, Query()]
FilterField = Annotated[Annotated[str, Field(pattern=r"^[a-z_]{1,32}$")] | None, Open, Query()]
OrganizationField = Annotated[Name | None, Open, Query()]
OrderIds = Annotated[list[UUID], Query(min_length=1, max_length=50)]
OrderIdsSent = Annotated[list[UUID], Form(min_length=1, max_length=50)]
Why = Annotated[Reason, Form()]
BreakKind = Annotated[str, Query(pattern=r"^[a-z_]{1,64}$")]
BreakKindSent = Annotated[str, Form(pattern=r"^[a-z_]{1,64}$")]
BreakSubject = Annotated[Subject, Query()]
BreakSubjectSent = Annotated[Subject, Form()]

BookField = Annotated[Line, Query(min_length=1)]
"""An exchange or a product, as the books have it."""
SymbolField = Annotated[Subject, Query()]

_BACK = re.compile(r"/desk/[A-Za-z0-9._@/?&=%+:-]{0,500}")


def way_back(path: str) -> str:
    """Return where a sign-in leads: a path of these pages, whatever was asked for."""
    return path if _BACK.fullmatch(path) and "//" not in path else "/desk/"
