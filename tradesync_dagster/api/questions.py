"""The bodies that requests may have.

Strict, so that text is no number and a misspelt name is no silence. What belongs here: shapes.
What does not: their texts' bounds (``values``), whether what they name is there.
"""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from tradesync_dagster.api.values import Kind, Line, Name, Note, Reason, Subject

MOST_ORDERS = 500
"""That one request may give to a strategy."""


class Question(BaseModel):
    """Base of the bodies: nothing is converted, nothing unknown is taken."""

    model_config = ConfigDict(strict=True, extra="forbid")

    organization_id: Name


class TriggerSync(Question):
    """What to sync."""

    pseudo_account: Annotated[
        Name | None, Field(description="All enabled accounts of the organization if not given.")
    ] = None
    force: Annotated[
        bool, Field(description="Make positions anew and publish all, also where nothing changed.")
    ] = False


class Assign(Question):
    """Which orders a strategy shall own."""

    pseudo_account: Name
    order_ids: Annotated[
        list[Annotated[UUID, Field(strict=False)]], Field(min_length=1, max_length=MOST_ORDERS)
    ]
    strategy_id: Annotated[Line, Field(description="Empty to take the orders back.")]
    why: Annotated[Reason, Field(description="Stands in the audit trail beside the key's name.")]


class NameBreak(Question):
    """Which break is meant, as ``GET /breaks`` lists it."""

    pseudo_account: Name
    kind: Kind
    subject: Subject


class SayOfBreak(NameBreak):
    """What is said of a break; the key's name becomes its owner."""

    note: Annotated[Reason, Field(description="What it is.")]


class ReopenBreak(NameBreak):
    """Which break is open again; the key's name becomes its owner."""

    note: Annotated[Note, Field(description="What has come up.")] = ""
