"""Which pages stand in the navigation, in their order.

What belongs here: one entry a page, and the role from which on it is shown. What does not: who may
open a page (its route says so).
"""

from typing import Final, NamedTuple

from tradesync_dagster.domain.people import Role


class Link(NamedTuple):
    """One entry.

    Attributes:
        path: Below the pages' root.
        title: As people read it.
        role: The least that sees it.
    """

    path: str
    title: str
    role: Role = Role.VIEWER


NAVIGATION: Final = (
    Link("/", "Overview"),
    Link("/external", "External orders"),
    Link("/retries", "Failed orders"),
    Link("/breaks", "Breaks"),
    Link("/strategies", "Strategies"),
    Link("/schedules", "Schedules"),
    Link("/fake-orders", "Fake orders"),
    Link("/notifications", "Notifications"),
    Link("/audit", "Audit log", Role.ADMIN),
)
