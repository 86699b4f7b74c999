"""The bodies that requests may have.

Strict, so that text is no number and a misspelt name is no silence. What belongs here: shapes.
What does not: their texts' bounds (``values``), whether what they name is there.
"""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from tradesync_dagster.api.values import (
    Exchange,
    Kind,
    Line,
    Name,
    NameOrNobody,
    Note,
    Reason,
    Recipient,
    Subject,
    Symbol,
    Units,
)
from tradesync_dagster.domain.notifications import Happening
from tradesync_dagster.domain.order_parts import MOST_PARTS

MOST_ORDERS = 500
"""That one request may give to a strategy."""


class Strict(BaseModel):
    """Base of all that requests hold: nothing is converted, nothing unknown is taken."""

    model_config = ConfigDict(strict=True, extra="forbid")


class Question(Strict):
    """Base of the bodies that name their organization."""

    organization_id: Name


class TriggerSync(Question):
    """What to sync."""

    pseudo_account: Annotated[
        Name | None, Field(description="All enabled accounts of the organization if not given.")
    ] = None
    force: Annotated[
        bool, Field(description="Make positions anew and publish all, also where nothing changed.")
    ] = False


class NameOrders(Question):
    """Which orders are meant, and why."""

    pseudo_account: Name
    order_ids: Annotated[
        list[Annotated[UUID, Field(strict=False)]], Field(min_length=1, max_length=MOST_ORDERS)
    ]
    why: Annotated[Reason, Field(description="Stands in the audit trail beside the key's name.")]
    allow_short: Annotated[
        bool, Field(description="Give strategies sells of what they have not.")
    ] = False


class PartOfOrder(Strict):
    """Units of an order that are one strategy's."""

    strategy_id: Name
    quantity: Units


class Assign(NameOrders):
    """Which strategies shall own the orders."""

    strategy_id: Annotated[
        NameOrNobody,
        Field(description="Owns what no part takes; empty for nobody, to take the orders back."),
    ]
    parts: Annotated[
        list[PartOfOrder],
        Field(
            max_length=MOST_PARTS,
            description="Each order's first units, part by part, in the order in which they trade.",
        ),
    ] = []


class UndoAssignment(NameOrders):
    """Which assignment shall be undone, for which of its orders."""

    assignment_id: Annotated[UUID, Field(strict=False, description="As `/external/assign` says.")]


class SetPreference(Question):
    """Whether a recipient is told of an event."""

    to: Recipient
    event: Annotated[Happening, Field(strict=False)]
    wanted: bool


class AddStrategy(Question):
    """A strategy to be known."""

    strategy_id: Name
    name: Annotated[Line, Field(description="For people; tags may begin with it too.")] = ""


class AddClaim(Question):
    """Which instrument is whose."""

    pseudo_account: Annotated[
        Name | None, Field(description="All accounts of the organization if not given.")
    ] = None
    strategy_id: Name
    exchange: Exchange
    symbol: Symbol


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
