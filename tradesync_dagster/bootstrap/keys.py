"""Keys of the HTTP API: making, listing, revoking, and telling whose a token is.

What belongs here: randomness and the clock put to the rules (``domain.api_keys``) and the rows
(``store.api_keys``). What does not: what a key may do (``api``).
"""

import secrets
from dataclasses import dataclass

from tradesync_dagster.bootstrap.accounts import check_organization
from tradesync_dagster.domain.api_keys import (
    ID_BYTES,
    SECRET_BYTES,
    ApiKey,
    digest_of,
    key_id_of,
    opens,
    token_of,
)
from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.domain.people import Role
from tradesync_dagster.domain.ports import Clock
from tradesync_dagster.store.api_keys import ApiKeys
from tradesync_dagster.store.store import SqlStore

_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys over the books."""

    store: SqlStore
    clock: Clock

    def add(
        self, organization_id: str, name: str, role: Role = Role.OPERATOR
    ) -> tuple[ApiKey, str]:
        """Make a key.

        Args:
            organization_id: The one organization that it shall open.
            name: Who or what will use it.
            role: What it may do.

        Returns:
            The key and its token, which is nowhere else from then on.

        Raises:
            ConfigurationError: The organization has no account, or the name is none.
        """
        if not name.strip() or not name.isprintable() or len(name) > _LONGEST_NAME:
            raise ConfigurationError(
                f"a key's name is one line of up to {_LONGEST_NAME} characters; it tells in the "
                "audit trail who did something"
            )
        check_organization(self.store, organization_id)
        token = token_of(secrets.token_hex(ID_BYTES), secrets.token_bytes(SECRET_BYTES))
        key_id = str(key_id_of(token))
        key = ApiKey(key_id, organization_id, name, role, self.clock.now())
        with self.store.writing() as connection:
            ApiKeys(connection).add(key, digest_of(token))
        return key, token

    def listed(self, organization_id: str | None = None) -> list[ApiKey]:
        """List the keys of one organization, or of all, oldest first; revoked ones too."""
        with self.store.reading() as connection:
            return ApiKeys(connection).listed(organization_id)

    def revoke(self, key_id: str) -> None:
        """Close a key for good; doing it again changes nothing.

        Raises:
            ConfigurationError: There is no such key.
        """
        with self.store.writing() as connection:
            keys = ApiKeys(connection)
            if keys.found(key_id) is None:
                raise ConfigurationError(
                    f"there is no key {key_id!r}; see them with: tradesync api keys list"
                )
            keys.revoke(key_id, self.clock.now())

    def holder(self, token: str) -> ApiKey | None:
        """Tell whose a token is.

        Args:
            token: As a caller sent it.

        Returns:
            The key, or ``None`` where the token opens nothing, for whatever reason.
        """
        key_id = key_id_of(token)
        if key_id is None:
            return None
        with self.store.reading() as connection:
            found = ApiKeys(connection).found(key_id)
        key, digest = found or (None, None)
        opened = opens(token, digest)  # also where there is no key, so that both take as long
        return key if opened and key is not None and key.revoked_at is None else None
