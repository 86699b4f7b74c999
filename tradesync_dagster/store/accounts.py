"""Accounts and their credentials, encrypted at rest.

What belongs here: the registry of accounts, and turning secrets into what may lie in a database.
What does not: where the key comes from (``settings``).
"""

from collections.abc import Mapping

import orjson
from cryptography.fernet import InvalidToken, MultiFernet
from sqlalchemy import select, update
from sqlalchemy.engine import RowMapping

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.errors import AccountNotFoundError, ConfigurationError
from tradesync_dagster.store import tables
from tradesync_dagster.store.rows import Repository, insert_new, upsert


class Accounts(Repository):
    """Reads and writes accounts."""

    def listed(self, cipher: MultiFernet, *, enabled_only: bool) -> list[Account]:
        """Read the accounts by key.

        Args:
            cipher: Opens the credentials.
            enabled_only: Leave out those that syncs leave out.

        Returns:
            The accounts with their credentials.

        Raises:
            ConfigurationError: The credentials were closed with another key.
        """
        table = tables.accounts
        query = select(table).order_by(table.c.organization_id, table.c.pseudo_account)
        if enabled_only:
            query = query.where(table.c.enabled)
        return [_account_of(row, cipher) for row in self._connection.execute(query).mappings()]

    def put(self, account: Account, cipher: MultiFernet) -> None:
        """Insert an account, or bring the one with its key up to date.

        Args:
            account: ``account_id`` is ignored.
            cipher: Closes the credentials.
        """
        table = tables.accounts
        row = {
            "broker": account.broker,
            "enabled": account.enabled,
            "base_url": account.base_url,
            "credentials": cipher.encrypt(orjson.dumps(dict(account.credentials))),
        }
        where = (
            table.c.organization_id == account.organization_id,
            table.c.pseudo_account == account.pseudo_account,
        )
        known = self._connection.execute(select(table.c.account_id).where(*where)).scalar()
        if known is None:
            row |= {
                "organization_id": account.organization_id,
                "pseudo_account": account.pseudo_account,
            }
            insert_new(self._connection, table, [row])
        else:
            self._connection.execute(update(table).where(*where).values(row))

    def set_enabled(self, key: str, *, enabled: bool) -> None:
        """Switch an account's syncs on or off.

        Args:
            key: ``ORG/ACCOUNT``.
            enabled: Whether syncs include it.

        Raises:
            AccountNotFoundError: There is no such account.
        """
        organization, _, pseudo_account = key.partition("/")
        table = tables.accounts
        done = self._connection.execute(
            update(table)
            .where(
                table.c.organization_id == organization,
                table.c.pseudo_account == pseudo_account,
            )
            .values(enabled=enabled)
        )
        if done.rowcount == 0:
            raise AccountNotFoundError(
                f"there is no account {key!r}; see them with: tradesync accounts list"
            )

    def put_strategies(self, rows: list[Mapping[str, object]]) -> None:
        """Insert strategies, or bring their names up to date."""
        upsert(self._connection, tables.strategies, rows, keep=("created_at",))


def _account_of(row: RowMapping, cipher: MultiFernet) -> Account:
    try:
        credentials = orjson.loads(cipher.decrypt(row["credentials"]))
    except InvalidToken:
        raise ConfigurationError(
            f"the credentials of {row['organization_id']}/{row['pseudo_account']} were closed "
            "with another key; set TRADESYNC_SECRET_KEYS to the key they were stored with"
        ) from None
    return Account(
        account_id=row["account_id"],
        organization_id=row["organization_id"],
        pseudo_account=row["pseudo_account"],
        broker=row["broker"],
        enabled=row["enabled"],
        base_url=row["base_url"],
        credentials=credentials,
    )
