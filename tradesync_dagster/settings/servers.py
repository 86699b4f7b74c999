"""Where snapshots and messages go, and who vouches for the servers.

What belongs here: settings of Redis, RabbitMQ and people's addresses; TLS to all servers. What does
not: the books.
"""

from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

from pydantic import Field, FilePath, SecretStr
from pydantic_settings import BaseSettings

from tradesync_dagster.settings.fields import named


class PublicationSettings(BaseSettings):
    """Redis, RabbitMQ, people."""

    environment: str = Field(default="local", validation_alias=named("ENVIRONMENT"))
    redis_url: SecretStr | None = Field(default=None, validation_alias=named("REDIS_URL"))
    redis_cluster_hosts: str = Field(default="", validation_alias=named("REDIS_CLUSTER_HOSTS"))
    rabbitmq_url: SecretStr | None = Field(default=None, validation_alias=named("RABBITMQ_URL"))
    rabbitmq_notifications_enabled: bool = Field(
        default=True, validation_alias=named("RABBITMQ_NOTIFICATIONS_ENABLED")
    )
    server_ca_file: FilePath | None = None
    """Certificates of the authority that vouches for PostgreSQL, Redis and RabbitMQ."""
    notify_urls: SecretStr | None = None
    """Apprise URLs of people who are told of alerts, separated by commas."""
    notify_pause_seconds: int = Field(default=60, ge=0, le=3600)
    """Least time between two notes about orders to one address; what comes between is one note."""

    @property
    def is_production(self) -> bool:
        """Whether this is a production environment (chooses the Redis cluster)."""
        return self.environment.lower() == "production"

    @property
    def redis_address(self) -> str | None:
        """Redis' URL with its password, and with the authority where it is TLS."""
        return _vouched(self.redis_url, self.server_ca_file)

    @property
    def rabbitmq_address(self) -> str | None:
        """RabbitMQ's URL with its password, and with the authority where it is TLS."""
        return _vouched(self.rabbitmq_url, self.server_ca_file)


def _vouched(url: SecretStr | None, ca_file: Path | None) -> str | None:
    return None if url is None else vouched(url.get_secret_value(), ca_file)


def vouched(url: str, ca_file: Path | None) -> str:
    """Let a server's URL say who vouches for it, each kind of server in its own words.

    Args:
        url: Of PostgreSQL, Redis or RabbitMQ. What it says of certificates itself stays.
        ca_file: The authority's certificates; nothing is added without.

    Returns:
        The URL. PostgreSQL is always asked for TLS then, the others where their scheme says so.
    """
    try:
        parts = urlsplit(url)
        asked = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    except ValueError:
        return url  # who opens it says what is wrong with it
    if ca_file is None:
        return url
    file = str(ca_file.absolute())
    words = {
        "postgresql": {"sslmode": "verify-full", "sslrootcert": file},
        "rediss": {"ssl_ca_certs": file},
        "amqps": {"ssl_options": repr({"ca_certs": file})},
    }.get(parts.scheme.partition("+")[0], {})
    if not words:
        return url
    added = [
        f"{name}={quote(value, safe='')}" for name, value in words.items() if name not in asked
    ]
    return parts._replace(query="&".join(filter(None, [parts.query, *added]))).geturl()
