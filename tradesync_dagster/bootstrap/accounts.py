"""Which accounts are meant: by key, by organization, or all that are enabled.

What belongs here: finding them, and saying what there is none of. What does not: adding and
changing accounts (``store.accounts``).
"""

from collections.abc import Sequence

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.errors import AccountNotFoundError, ConfigurationError
from tradesync_dagster.domain.ports import Store

_MOST_NAMED = 80
"""Characters of a wrong name that an error repeats."""


def named(store: Store, keys: Sequence[str]) -> list[Account]:
    """Return the accounts of keys, disabled ones too.

    Args:
        store: The books.
        keys: ``ORG/ACCOUNT`` keys.

    Returns:
        In the order asked for, each once.

    Raises:
        AccountNotFoundError: A key names no account.
    """
    by_key = {account.key: account for account in store.accounts(enabled_only=False)}
    unknown = [key for key in keys if key not in by_key]
    if unknown:
        raise AccountNotFoundError(
            f"there is no account {unknown[0]!r}; see them with: tradesync accounts list"
        )
    return [by_key[key] for key in dict.fromkeys(keys)]


def named_or_enabled(store: Store, keys: Sequence[str] | None) -> list[Account]:
    """Return the accounts of keys as ``named`` does, or all enabled ones where none are given."""
    return store.accounts() if keys is None else named(store, keys)


def in_scope(store: Store, scope: str) -> list[Account]:
    """Return the accounts of a scope, disabled ones too.

    Args:
        store: The books.
        scope: Empty for all, an organization, or ``ORG/ACCOUNT``.

    Raises:
        AccountNotFoundError: There is none in it, unless it is that of all.
    """
    everyone = store.accounts(enabled_only=False)
    found = [one for one in everyone if scope in ("", one.organization_id, one.key)]
    if scope and not found:
        raise AccountNotFoundError(
            f"{scope[:_MOST_NAMED]!r} is no organization and no ORG/ACCOUNT; see: "
            "tradesync accounts list"
        )
    return found


def check_organization(store: Store, organization_id: str) -> None:
    """Refuse an organization that no account is of.

    Raises:
        ConfigurationError: It is one.
    """
    everyone = store.accounts(enabled_only=False)
    if organization_id not in {one.organization_id for one in everyone}:
        raise ConfigurationError(
            f"no account is of the organization {organization_id[:_MOST_NAMED]!r}; see them with: "
            "tradesync accounts list"
        )
