"""Whose rows the present request may see, where PostgreSQL holds it to them.

The pages and the HTTP API name it once they know who asks; every transaction of that request then
carries it, so that a query that forgot to ask for one organization gets no other's rows either.
What belongs here: keeping and applying it. What does not: the policies (``migrations``), and roles
(``deploy``).
"""

from contextvars import ContextVar
from typing import Final

from sqlalchemy import Connection, text

EVERY_ONE: Final = "*"
_seen: ContextVar[str] = ContextVar("tradesync_organization", default="")
_SET = text("SELECT set_config('tradesync.organization', :organization, true)")


def see_only(organization: str | None) -> None:
    """Let the rest of this request see one organization's rows.

    It holds for the present context and what is started from it, so call it where the request's
    own context is: in a coroutine, not in a thread beside it.

    Args:
        organization: Its id; ``None`` for every one.
    """
    _seen.set(EVERY_ONE if organization is None else organization)


def apply(connection: Connection) -> None:
    """Tell a transaction that has begun whose rows it may see, for as long as it lasts."""
    seen = _seen.get()
    if seen and connection.dialect.name == "postgresql":
        connection.execute(_SET, {"organization": seen})
