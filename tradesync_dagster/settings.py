"""The only reader of the environment.

Names without a prefix are those that desks already use; the others begin with ``TRADESYNC_``. A
``.env`` file in the working directory is read too, the environment winning. What belongs here: each
setting, its default and its check; keys and credentials that come from outside the books. What does
not: opening what it names (``bootstrap``).
"""

import os
import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import orjson
from cryptography.fernet import Fernet, MultiFernet
from pydantic import AliasChoices, Field, PrivateAttr, SecretStr, ValidationError
from pydantic_settings import BaseSettings, DotEnvSettingsSource, SettingsConfigDict

from tradesync_dagster.domain.errors import ConfigurationError

_CREDENTIALS = "TRADESYNC_CREDENTIALS_"
_ENV_FILE = ".env"


def _named(name: str) -> AliasChoices:
    return AliasChoices(name.lower(), name)


class Settings(BaseSettings):
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
    live_orders_enabled: bool = False
    """Whether orders may be placed at real brokers at all; nothing places orders yet."""
    tag_prefix: str = Field(default="ts", pattern=r"^[A-Za-z0-9]{1,6}$")
    """How the tags of our own orders begin."""
    confirm_seconds: float = Field(default=30.0, ge=0, le=3600)
    """Least time between the two complete books that confirm an external order."""
    minimum_age_seconds: float = Field(default=60.0, ge=0, le=3600)
    """Least age, by the broker's clock, of an order that is confirmed as external."""
    concurrency: int = Field(default=64, ge=1, le=2000)
    """Most accounts that are fetched at once."""
    account_deadline_seconds: float = Field(default=120.0, gt=0, le=3600)
    """Most time that one account's fetch may take; the others do not wait for it longer."""
    notify_urls: SecretStr | None = None
    """Apprise URLs of people who are told of alerts, separated by commas."""
    history_start: date = Field(default=date(2024, 1, 1), ge=date(2000, 1, 1))
    """The first day that Dagster shows of the books' history."""

    environment: str = Field(default="local", validation_alias=_named("ENVIRONMENT"))
    redis_url: SecretStr | None = Field(default=None, validation_alias=_named("REDIS_URL"))
    redis_cluster_hosts: str = Field(default="", validation_alias=_named("REDIS_CLUSTER_HOSTS"))
    rabbitmq_url: SecretStr | None = Field(default=None, validation_alias=_named("RABBITMQ_URL"))
    rabbitmq_notifications_enabled: bool = Field(
        default=True, validation_alias=_named("RABBITMQ_NOTIFICATIONS_ENABLED")
    )
    position_generation_enabled: bool = Field(
        default=True, validation_alias=_named("POSITION_GENERATION_ENABLED")
    )
    position_generation_interval_minutes: int = Field(
        default=60, ge=1, le=1440, validation_alias=_named("POSITION_GENERATION_INTERVAL_MINUTES")
    )
    """After how long positions are made again without any new fill or price."""
    positions_refresh_minutes: int = Field(
        default=10, ge=0, le=1440, validation_alias=_named("POSITIONS_REFRESH_MINUTES")
    )
    """After how long new prices alone bring new positions; new fills do at once."""
    external_order_detection_enabled: bool = Field(
        default=True, validation_alias=_named("EXTERNAL_ORDER_DETECTION_ENABLED")
    )
    external_order_notification_enabled: bool = Field(
        default=True, validation_alias=_named("EXTERNAL_ORDER_NOTIFICATION_ENABLED")
    )
    external_order_check_minutes: int | None = Field(
        default=None, ge=1, le=1440, validation_alias=_named("EXTERNAL_ORDER_CHECK_MINUTES")
    )
    """How old an account's last complete order book may be; see ``check_every``."""
    external_order_spike_minimum: int = Field(
        default=5, ge=1, le=100_000, validation_alias=_named("EXTERNAL_ORDER_SPIKE_MINIMUM")
    )
    external_order_spike_factor: int = Field(
        default=6, ge=1, le=1_000, validation_alias=_named("EXTERNAL_ORDER_SPIKE_FACTOR")
    )
    confidence_threshold: int = Field(
        default=70, ge=1, le=100, validation_alias=_named("EXTERNAL_ORDER_CONFIDENCE_THRESHOLD")
    )
    """The least score that gives an external order to a strategy."""
    auto_create_strategy: bool = Field(
        default=False, validation_alias=_named("AUTO_CREATE_EXTERNAL_STRATEGY")
    )
    """Whether what nobody owns goes to a strategy of its own."""
    sync_interval_minutes: int = Field(
        default=5, ge=1, le=59, validation_alias=_named("EXTERNAL_ORDER_SYNC_INTERVAL_MINUTES")
    )
    """Minutes between two ticks of the sync schedule."""
    broker_api_timeout_seconds: float = Field(
        default=30.0, gt=0, le=600, validation_alias=_named("BROKER_API_TIMEOUT_SECONDS")
    )
    broker_api_retry_attempts: int = Field(
        default=3, ge=0, le=10, validation_alias=_named("BROKER_API_RETRY_ATTEMPTS")
    )
    broker_api_rate_limit_delay: float = Field(
        default=1.0, ge=0, le=60, validation_alias=_named("BROKER_API_RATE_LIMIT_DELAY")
    )

    _credentials: dict[str, str] = PrivateAttr(
        default_factory=lambda: _credential_variables(os.environ)
    )

    @property
    def books_url(self) -> str:
        """The books' database URL, with its password."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.home.absolute() / 'books.sqlite3'}"

    @property
    def is_production(self) -> bool:
        """Whether this is a production environment (chooses the Redis cluster)."""
        return self.environment.lower() == "production"

    @property
    def check_every(self) -> timedelta:
        """How often each account is looked at, at least: 30 minutes, 15 in production."""
        usual = 15 if self.is_production else 30
        return timedelta(minutes=self.external_order_check_minutes or usual)

    def cipher(self) -> MultiFernet:
        """Open the keys for the accounts' credentials, making a key file on first use.

        Returns:
            A cipher that closes with the first key and opens with any.

        Raises:
            ConfigurationError: A key is not a Fernet key, or the file cannot be used.
        """
        return MultiFernet(self._keys())

    def newest_key(self) -> Fernet:
        """Open the first key alone, which credentials shall be closed with; see ``cipher``."""
        return self._keys()[0]

    def add_key(self) -> Path:
        """Put a new key first in the key file; the others stay, to open what they closed.

        Returns:
            The key file.

        Raises:
            ConfigurationError: The keys come from the environment, or the file cannot be used.
        """
        if self.secret_keys:
            raise ConfigurationError(
                "the keys are in TRADESYNC_SECRET_KEYS, which tradesync cannot change: put a new "
                "key before the others there, and a comma between"
            )
        self._keys()  # they must be good: nothing is put before what cannot be read
        path, content = self._key_path, Fernet.generate_key() + b"," + self._key_file().encode()
        draft = path.with_name(f"{path.name}.new")
        try:
            _write_private(draft, content, os.O_EXCL)  # of two at once, one would lose its key
            draft.replace(path)
        except FileExistsError:
            raise ConfigurationError(
                f"{draft} is there: another new key is being made, or making one broke off; then "
                "delete that file"
            ) from None
        except OSError as error:
            what = f"the key file {path} cannot be changed: {error.strerror}"
            raise ConfigurationError(what) from None
        return path

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
        return {who: _secrets(name, self._credentials[name]) for name, who in found.items()}

    def _keys(self) -> list[Fernet]:
        text = self.secret_keys.get_secret_value() if self.secret_keys else self._key_file()
        try:
            keys = [Fernet(key.strip()) for key in text.split(",") if key.strip()]
            return keys or [Fernet("")]
        except ValueError:
            raise ConfigurationError(
                "TRADESYNC_SECRET_KEYS (or the key file) is not a list of Fernet keys: each is "
                "32 bytes in URL-safe base64"
            ) from None

    @property
    def _key_path(self) -> Path:
        return self.home / "secret.key"

    def _key_file(self) -> str:
        path = self._key_path
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                _write_once(path, Fernet.generate_key())
            return path.read_text(encoding="ascii")
        except UnicodeDecodeError:
            raise ConfigurationError(f"the key file {path} holds no Fernet key") from None
        except OSError as error:
            raise ConfigurationError(
                f"the key file {path} cannot be used: {error.strerror}; set TRADESYNC_HOME to a "
                "folder that can be written"
            ) from None


def _write_once(path: Path, content: bytes) -> None:
    """Make a private file appear whole or not at all; the first of two writers wins."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    _write_private(draft, content, os.O_TRUNC)
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()


def _write_private(path: Path, content: bytes, how: int) -> None:
    """Write a file that only its owner may read, and see it onto the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | how, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def credentials_variable(organization_id: str, pseudo_account: str) -> str:
    """Name the variable that may hold an account's credentials."""
    return _CREDENTIALS + re.sub("[^A-Z0-9]", "_", f"{organization_id}_{pseudo_account}".upper())


def _credential_variables(environment: Mapping[str, str | None]) -> dict[str, str]:
    return {k: v for k, v in environment.items() if v and k.startswith(_CREDENTIALS)}


def _secrets(name: str, text: str) -> dict[str, str]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        found = None
    if isinstance(found, dict) and all(isinstance(v, str) and v for v in found.values()):
        return dict(found)
    what = f'{name} is no JSON object of names to secrets, such as {{"access_token": "..."}}'
    raise ConfigurationError(what)


def child_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Compose the environment of a process that tradesync starts.

    Args:
        extra: Variables to set on top of this process's own.

    Returns:
        The whole environment.
    """
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, **extra}


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
    own = settings._credentials  # noqa: SLF001 - a field would be a setting, and be shown
    own |= {k: v for k, v in _credential_variables(written).items() if k not in own}
    return settings


def _environment_name(location: str) -> str:
    field = Settings.model_fields.get(location.lower())
    bare = field is not None and field.validation_alias is not None
    return location.upper() if bare or field is None else f"TRADESYNC_{location.upper()}"
