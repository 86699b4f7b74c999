"""Accounts and their credentials, encrypted at rest.

What belongs here: the registry of accounts, and turning secrets into what may lie in a database.
What does not: where keys, and secrets that are not stored, come from (``settings``).
"""

from collections.abc import Callable, Mapping, Sequence

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import ColumnElement, select, update
from sqlalchemy.engine import RowMapping

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.errors import AccountNotFoundError, ConfigurationError
from tradesync_dagster.store import tables
from tradesync_dagster.store.rows import Repository, insert_into

Elsewhere = Callable[[Sequence[tuple[str, str]]], Mapping[tuple[str, str], Mapping[str, str]]]
"""Gives secrets that stand before the stored ones, by (organization, account), of all there are."""


def nowhere(_: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Mapping[str, str]]:
    """Have no secrets but the stored ones."""
    return {}


class Accounts(Repository):
    """Reads and writes accounts."""

    def listed(
        self,
        cipher: MultiFernet,
        *,
        enabled_only: bool,
        elsewhere: Elsewhere = nowhere,
        key: str | None = None,
    ) -> list[Account]:
        """Read the accounts by key.

        Args:
            cipher: Opens the credentials.
            enabled_only: Leave out those that syncs leave out.
            elsewhere: Where secrets come from that are not stored, or stand before those.
            key: Only this one, ``ORG/ACCOUNT``; the others' credentials are not opened.

        Returns:
            The accounts with their credentials.

        Raises:
            ConfigurationError: The credentials were closed with another key.
        """
        table = tables.accounts
        query = select(table).order_by(table.c.organization_id, table.c.pseudo_account)
        rows = list(self._connection.execute(query).mappings())
        given = elsewhere([(row["organization_id"], row["pseudo_account"]) for row in rows])
        return [
            _account_of(row, cipher, given.get((row["organization_id"], row["pseudo_account"]), {}))
            for row in rows
            if (row["enabled"] or not enabled_only)
            and key in (None, f"{row['organization_id']}/{row['pseudo_account']}")
        ]

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
        key = {
            "organization_id": account.organization_id,
            "pseudo_account": account.pseudo_account,
        }
        mine = [table.c[name] == value for name, value in key.items()]
        known = self._connection.execute(select(table.c.account_id).where(*mine)).scalar()
        if known is None:
            # No upsert: tradesync_api may open accounts, and change none.
            insert = insert_into(self._connection, table).values(key | row)
            made = insert.on_conflict_do_nothing().returning(table.c.account_id)
            if self._connection.execute(made).first():
                return
        # It was there, or another has just added it.
        self._connection.execute(update(table).where(*mine).values(row))

    def put_credentials(self, key: str, changes: Mapping[str, str], cipher: MultiFernet) -> None:
        """Add secrets to an account's stored ones, or change them.

        Args:
            key: ``ORG/ACCOUNT``.
            changes: Names to secrets.
            cipher: Opens and closes the credentials.

        Raises:
            AccountNotFoundError: There is no such account.
        """
        table = tables.accounts
        where = named(key)
        query = select(table).where(*where).with_for_update()
        row = self._connection.execute(query).mappings().first()
        if row is None:
            raise _unknown(key)
        stored = _account_of(row, cipher, {}).credentials
        text = orjson.dumps({**stored, **changes})
        self._connection.execute(
            update(table).where(*where).values(credentials=cipher.encrypt(text))
        )

    def rotate(self, cipher: MultiFernet, newest: Fernet) -> int:
        """Close every account's credentials with the newest key.

        Args:
            cipher: Opens them.
            newest: Its first key.

        Returns:
            How many were not yet closed with it.

        Raises:
            ConfigurationError: An account's were closed with a key that is not there any more.
        """
        table = tables.accounts
        done = 0
        query = select(table).order_by(table.c.account_id).with_for_update()
        for row in list(self._connection.execute(query).mappings()):
            try:
                newest.decrypt(row["credentials"])
            except InvalidToken:
                _account_of(row, cipher, {})  # says whose cannot be opened
                self._connection.execute(
                    update(table)
                    .where(table.c.account_id == row["account_id"])
                    .values(credentials=cipher.rotate(row["credentials"]))
                )
                done += 1
        return done

    def enable(self, key: str) -> int | None:
        """Switch an account's syncs on; give its id where they were off.

        Raises:
            AccountNotFoundError: There is no such account.
        """
        table = tables.accounts
        query = select(table.c.account_id).where(*named(key), table.c.enabled.is_(False))
        found = self._connection.execute(query.with_for_update()).scalar()
        self.change(key, enabled=True)
        return found

    def change(self, key: str, **values: bool) -> None:
        """Set an account's ``enabled`` or ``live``.

        Raises:
            AccountNotFoundError: There is no such account.
        """
        statement = update(tables.accounts).where(*named(key)).values(**values)
        if self._connection.execute(statement).rowcount == 0:
            raise _unknown(key)


def named(key: str) -> tuple[ColumnElement[bool], ...]:
    """Choose the account that ``ORG/ACCOUNT`` names."""
    organization, _, pseudo_account = key.partition("/")
    table = tables.accounts
    return (table.c.organization_id == organization, table.c.pseudo_account == pseudo_account)


def _unknown(key: str) -> AccountNotFoundError:
    return AccountNotFoundError(
        f"there is no account {key!r}; see them with: tradesync accounts list"
    )


def _account_of(row: RowMapping, cipher: MultiFernet, given: Mapping[str, str]) -> Account:
    try:
        credentials = orjson.loads(cipher.decrypt(row["credentials"]))
    except InvalidToken:
        raise ConfigurationError(
            f"the credentials of {row['organization_id']}/{row['pseudo_account']} were closed "
            "with another key; set TRADESYNC_SECRET_KEYS to the key they were stored with, or, if "
            "keys were changed since, start this process anew"
        ) from None
    return Account(
        account_id=row["account_id"],
        organization_id=row["organization_id"],
        pseudo_account=row["pseudo_account"],
        broker=row["broker"],
        enabled=row["enabled"],
        live=row["live"],
        base_url=row["base_url"],
        credentials={**credentials, **given},
    )
