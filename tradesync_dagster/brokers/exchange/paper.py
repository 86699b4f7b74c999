"""The paper broker's side of the exchange: Kite's wire format under ``/paper``.

Belongs here: what sets a paper account's door apart from Zerodha's: its paths, its tokens, and what
it says to whom it does not know.
Does not belong here: the wire format (kite.py), opening an account (control.py).
"""

from typing import ClassVar

from tradesync_dagster.brokers.exchange.kite import KiteFace
from tradesync_dagster.brokers.exchange.venue import Session

_MARK = "paper."


class PaperFace(KiteFace):
    """The handlers."""

    broker: ClassVar[str] = "PAPER"
    prefixes: ClassVar[tuple[str, ...]] = ("/paper/",)
    root: ClassVar[str] = "/paper"
    unknown: ClassVar[str] = "This exchange has no account with that `access_token`."

    def credentials(self, session: Session) -> dict[str, str]:
        """Give what a client calls with; a token is good at this door alone."""
        return {"api_key": session.api_key, "access_token": _MARK + session.access_token}

    def _owner(self, token: str) -> str | None:
        key, _, secret = token.partition(":")
        if not secret.startswith(_MARK):
            return None
        return super()._owner(f"{key}:{secret.removeprefix(_MARK)}")
