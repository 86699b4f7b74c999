"""All settings together, read with errors in words.

Names without a prefix are those that desks already use; the others begin with ``TRADESYNC_``. A
``.env`` file in the working directory is read too, the environment winning. What belongs here:
where the books and their secrets are; reading. What does not: settings of one topic.
"""

import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from cryptography.fernet import MultiFernet
from pydantic import PrivateAttr, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.settings.brokers import BrokerSettings
from tradesync_dagster.settings.credentials import (
    credential_variables,
    credentials_variable,
    secrets_in,
)
from tradesync_dagster.settings.external import ExternalOrderSettings
from tradesync_dagster.settings.keys import SecretKeys
from tradesync_dagster.settings.moderation import ModerationSettings
from tradesync_dagster.settings.observing import ObservingSettings
from tradesync_dagster.settings.orders import OrderSettings
from tradesync_dagster.settings.pages import PageSettings
from tradesync_dagster.settings.positions import PositionSettings
from tradesync_dagster.settings.servers import PublicationSettings, vouched
from tradesync_dagster.settings.tasks import TaskSettings

_ENV_FILE = ".env"
_OURS = ("TRADESYNC_", "DAGSTER_", "REDIS_", "RABBITMQ_", "BROKER_", "OTEL_", "PG")
"""How names begin that a foreign process need not know: settings, credentials, addresses."""


class Settings(
    ExternalOrderSettings,
    BrokerSettings,
    PositionSettings,
    OrderSettings,
    PublicationSettings,
    PageSettings,
    ModerationSettings,
    ObservingSettings,
    TaskSettings,
    BaseSettings,
):
    """Everything that can be set; ``load_settings`` reads it with errors in words."""

    model_config = SettingsConfigDict(
        env_file=_ENV_FILE,
        env_ignore_empty=True,
        env_prefix="TRADESYNC_",
        extra="ignore",
        populate_by_name=True,
    )

    home: Path = Path(".tradesync")
    """Where the embedded database, the key and Dagster's history live."""
    database_url: SecretStr | None = None
    """The books; SQLite under ``home`` when not set."""
    secret_keys: SecretStr | None = None
    """Fernet keys, newest first, separated by commas; a key file under ``home`` when not set."""

    _credentials: dict[str, str] = PrivateAttr(
        default_factory=lambda: credential_variables(os.environ)
    )

    @property
    def books_url(self) -> str:
        """The books' database URL, with its password."""
        if self.database_url is not None:
            return vouched(self.database_url.get_secret_value(), self.server_ca_file)
        return f"sqlite:///{self.home.absolute() / 'books.sqlite3'}"

    @property
    def check_every(self) -> timedelta:
        """How often each account is looked at, at least: 30 minutes, 15 in production."""
        usual = 15 if self.is_production else 30
        return timedelta(minutes=self.external_order_check_minutes or usual)

    def cipher(self) -> MultiFernet:
        """Open the keys for what is secret in the books, making a key file on first use.

        Returns:
            A cipher that closes with the first key and opens with any.

        Raises:
            ConfigurationError: A key is not a Fernet key, or the file cannot be used.
        """
        return MultiFernet(self.keys.all())

    @property
    def keys(self) -> SecretKeys:
        """The keys that ``cipher`` uses."""
        return SecretKeys(
            self.secret_keys.get_secret_value() if self.secret_keys else "", self.home
        )

    def account_credentials(
        self, accounts: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], dict[str, str]]:
        """Read the credentials that the environment has in place of stored ones.

        Args:
            accounts: All accounts there are, as organization and account.

        Returns:
            Names to secrets, by account; most have none.

        Raises:
            ConfigurationError: A variable fits two accounts, or is no JSON object of text.
        """
        found: dict[str, tuple[str, str]] = {}
        for account in accounts if self._credentials else ():
            name = credentials_variable(*account)
            if name in self._credentials and found.setdefault(name, account) != account:
                both = " and ".join("/".join(one) for one in (found[name], account))
                raise ConfigurationError(f"{name} fits both {both}; store their credentials")
        return {who: secrets_in(name, self._credentials[name]) for name, who in found.items()}


def child_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Compose the environment of a process that tradesync starts.

    Args:
        extra: Variables to set on top of this process's own.

    Returns:
        The whole environment.
    """
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, **extra}


def foreign_environment() -> dict[str, str]:
    """Compose the environment of a process that runs a library's code: without our settings."""
    return {k: v for k, v in child_environment({}).items() if not k.startswith(_OURS)}


def load_settings() -> Settings:
    """Read the environment and ``.env``.

    Returns:
        The settings.

    Raises:
        ConfigurationError: A setting is malformed; each is named with what is wrong. Values are
            not repeated, since they may be secret.
    """
    try:
        settings = Settings()
        written = DotEnvSettingsSource(Settings, _ENV_FILE, case_sensitive=True).env_vars
    except UnicodeDecodeError:
        raise ConfigurationError(
            "the file .env in this folder is not UTF-8 text; save it as UTF-8"
        ) from None
    except ValidationError as error:
        problems = "; ".join(
            f"{_environment_name(str(found['loc'][0]))}: {found['msg']}" for found in error.errors()
        )
        raise ConfigurationError(f"settings that cannot be used: {problems}") from None
    except SettingsError as error:  # of a list, before it is looked at; it says in which field
        names = [
            _environment_name(name) for name in Settings.model_fields if f'"{name}"' in str(error)
        ]
        raise ConfigurationError(
            f"settings that cannot be used: {', '.join(names)}: write it as JSON"
        ) from None
    own = settings._credentials  # noqa: SLF001 - a field would be a setting, and be shown
    own |= {k: v for k, v in credential_variables(written).items() if k not in own}
    return settings


def _environment_name(location: str) -> str:
    field = Settings.model_fields.get(location.lower())
    bare = field is not None and field.validation_alias is not None
    return location.upper() if bare or field is None else f"TRADESYNC_{location.upper()}"
