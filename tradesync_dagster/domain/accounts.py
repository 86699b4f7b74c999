"""Accounts of the desk.

What belongs here: the account and its key. What does not: how credentials are kept (``store``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

NAME: Final = r"[A-Za-z0-9._@-]{1,64}"
"""What an organization, an account, a strategy or a person may be called, as a pattern."""


@dataclass(frozen=True, slots=True)
class Account:
    """A broker account of the desk.

    Attributes:
        account_id: The store's id.
        organization_id: Whose account it is.
        pseudo_account: The desk's own name for it, unique within the organization.
        broker: An adapter's name, such as ``ZERODHA``.
        enabled: Whether syncs include it.
        live: Whether orders may be placed at its broker, where settings allow that at all.
        base_url: Another address of the broker's API, such as a simulated exchange; empty for
            the broker's own.
        credentials: Names to secrets; never shown, logged or compared.
    """

    account_id: int
    organization_id: str
    pseudo_account: str
    broker: str
    enabled: bool = True
    base_url: str = ""
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    live: bool = False

    @property
    def key(self) -> str:
        """``ORG/ACCOUNT``, as people and partitions name it."""
        return f"{self.organization_id}/{self.pseudo_account}"
