"""What TRADESYNC_SERVER_CA_FILE adds to the URLs of servers, and what it leaves alone."""

from pathlib import Path

import pytest

from tradesync_dagster.settings import Settings
from tradesync_dagster.settings.servers import vouched

CA = Path("/etc/ssl/desk ca.pem")
FILE = "%2Fetc%2Fssl%2Fdesk%20ca.pem"


@pytest.mark.parametrize(
    ("url", "then"),
    [
        ("postgresql+psycopg://u:p%40@h:5432/b",
         f"postgresql+psycopg://u:p%40@h:5432/b?sslmode=verify-full&sslrootcert={FILE}"),
        ("postgresql://h/b?sslmode=require", f"postgresql://h/b?sslmode=require&sslrootcert={FILE}"),
        ("rediss://h:1/0?ssl_ca_certs=mine", "rediss://h:1/0?ssl_ca_certs=mine"),
        ("rediss://:p@h:1/0", f"rediss://:p@h:1/0?ssl_ca_certs={FILE}"),
        ("redis://:p@h:1/0", "redis://:p@h:1/0"),
        ("amqp://u:p@h:1/", "amqp://u:p@h:1/"),
        ("amqps://u:p@h:1/v", "amqps://u:p@h:1/v?ssl_options=%7B%27ca_certs%27%3A%20%27" + FILE
         + "%27%7D"),
        ("sqlite:////tmp/b.sqlite3", "sqlite:////tmp/b.sqlite3"),
        ("http://[", "http://["),
    ],
)  # fmt: skip
def test_each_server_is_told_in_its_own_words(url: str, then: str) -> None:
    assert vouched(url, CA) == then
    assert vouched(url, None) == url


def test_every_server_of_the_settings_is_vouched_for(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.touch()
    found = Settings(
        database_url="postgresql://h/b",
        redis_url="rediss://h",
        rabbitmq_url="amqps://h",
        server_ca_file=file,
        _env_file=None,
    )
    for url in (found.books_url, found.redis_address, found.rabbitmq_address):
        assert "ca.pem" in str(url)
