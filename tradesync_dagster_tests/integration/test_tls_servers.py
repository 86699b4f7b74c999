"""TLS to PostgreSQL, Redis, a Redis Cluster and RabbitMQ: real servers, real certificates."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis
from cryptography.fernet import Fernet
from sqlalchemy import make_url

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.bootstrap.wiring import SystemClock
from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.domain.publications import OutboxMessage, Snapshot
from tradesync_dagster.settings import Settings
from tradesync_dagster.store.engine import migrate, open_engine
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.conftest import _whole
from tradesync_dagster_tests.support.certificates import Authority, Certificate
from tradesync_dagster_tests.support.ports import free_port
from tradesync_dagster_tests.support.servers import own_redis, wait
from tradesync_dagster_tests.support.tls_servers import postgres, rabbitmq, started, tls_options

SNAPSHOT = Snapshot(1, "org/a", 1, b"{}")
ELSEWHERE = "localhost.localdomain"


@pytest.fixture(scope="module")
def room() -> Iterator[Path]:
    """A folder that PostgreSQL's own user can enter."""
    found = Path(tempfile.mkdtemp(prefix="tradesync-tls-"))
    found.chmod(0o755)
    yield found
    shutil.rmtree(found)


@pytest.fixture(scope="module")
def authority(room: Path) -> Authority:
    return Authority(room, "desk authority")


@pytest.fixture(scope="module")
def stranger(room: Path) -> Authority:
    return Authority(room, "strange authority")


@pytest.fixture(scope="module")
def here(authority: Authority) -> Certificate:
    """Good for the address at which all servers listen."""
    return authority.issue("127.0.0.1")


@pytest.fixture(scope="module")
def there(authority: Authority) -> Certificate:
    """Good for another host only."""
    return authority.issue(ELSEWHERE)


@pytest.fixture(scope="module")
def servers() -> Iterator[ExitStack]:
    """Those that tests of this module start."""
    with ExitStack() as stack:
        yield stack


def settings(home: Path, ca: Path | None, **more: Any) -> Settings:
    return Settings(
        home=home,
        server_ca_file=ca,
        secret_keys=Fernet.generate_key().decode(),
        _env_file=None,
        **more,
    )


def services(wanted: Settings) -> Services:
    engine = open_engine(wanted.books_url)
    return Services(wanted, SqlStore(engine, wanted.cipher()), SystemClock())


def doctor(wanted: Settings, name: str) -> tuple[str, str]:
    opened = services(wanted)
    try:
        (row,) = [row for row in opened.doctor() if row["name"] == name]
    finally:
        opened.close()
    return row["state"], row["detail"]


@pytest.fixture(scope="module")
def postgres_here(servers: ExitStack, here: Certificate) -> str:
    return postgres(servers, here)


@pytest.fixture(scope="module")
def redis_here(servers: ExitStack, here: Certificate, authority: Authority) -> int:
    port = free_port()
    started("Redis", servers, lambda: own_redis(*tls_options(here, authority, port)))
    return port


@pytest.fixture(scope="module")
def rabbitmq_here(servers: ExitStack, here: Certificate, authority: Authority) -> int:
    return rabbitmq(servers, here, authority)


VERIFIED = "encrypted, the server's certificate is verified"


@pytest.mark.postgres
def test_postgres_is_verified(postgres_here: str, authority: Authority, tmp_path: Path) -> None:
    good = settings(tmp_path, authority.file, database_url=postgres_here)
    state, detail = doctor(good, "database")
    assert state == "ok"
    assert detail.endswith(f"; {VERIFIED}")
    plain = make_url(postgres_here).update_query_dict({"sslmode": "disable"})
    told = doctor(settings(tmp_path, None, database_url=plain.render_as_string()), "database")
    assert told[1].endswith("; plain text within this machine")


@pytest.mark.postgres
def test_postgres_of_a_strange_authority_is_refused(
    postgres_here: str, stranger: Authority, tmp_path: Path
) -> None:
    wrong = settings(tmp_path, stranger.file, database_url=postgres_here)
    state, detail = doctor(wrong, "database")
    assert state == "wrong"
    assert "certificate verify failed" in detail


@pytest.mark.postgres
def test_postgres_at_another_host_than_its_certificate_is_refused(
    servers: ExitStack, there: Certificate, authority: Authority, tmp_path: Path
) -> None:
    url = postgres(servers, there)
    state, detail = doctor(settings(tmp_path, authority.file, database_url=url), "database")
    assert state == "wrong"
    assert "does not match host name" in detail
    asked = make_url(url).update_query_dict(
        {"sslmode": "verify-ca", "sslrootcert": str(authority.file)}
    )
    weaker = settings(tmp_path, authority.file, database_url=asked.render_as_string())
    assert doctor(weaker, "database")[1].endswith("the server's certificate is not verified"), (
        "what the URL says of certificates stays"
    )


def embedded(home: Path, ca: Path | None, **more: Any) -> Settings:
    wanted = settings(home, ca, **more)
    engine = open_engine(wanted.books_url)
    migrate(engine)
    engine.dispose()
    return wanted


@pytest.mark.redis
def test_redis_is_verified(redis_here: int, authority: Authority, tmp_path: Path) -> None:
    url = f"rediss://127.0.0.1:{redis_here}/0"
    wanted = embedded(tmp_path, authority.file, redis_url=url)
    assert doctor(wanted, "redis") == ("ok", f"answers; {VERIFIED}")
    publisher = services(wanted).snapshots()
    assert publisher is not None
    publisher.publish([SNAPSHOT])


@pytest.mark.redis
def test_redis_of_a_strange_authority_is_refused(
    redis_here: int, stranger: Authority, tmp_path: Path
) -> None:
    url = f"rediss://127.0.0.1:{redis_here}/0"
    state, detail = doctor(embedded(tmp_path, stranger.file, redis_url=url), "redis")
    assert state == "wrong"
    assert "certificate verify failed" in detail
    assert "TRADESYNC_SERVER_CA_FILE" in detail
    unverified = embedded(tmp_path, stranger.file, redis_url=f"{url}?ssl_cert_reqs=none")
    assert "not verified" in doctor(unverified, "redis")[1]


@pytest.mark.redis
def test_redis_at_another_host_than_its_certificate_is_refused(
    servers: ExitStack, there: Certificate, authority: Authority, tmp_path: Path
) -> None:
    port = free_port()
    started("Redis", servers, lambda: own_redis(*tls_options(there, authority, port)))
    url = f"rediss://127.0.0.1:{port}/0"
    state, detail = doctor(embedded(tmp_path, authority.file, redis_url=url), "redis")
    assert state == "wrong"
    assert "certificate is not valid for" in detail


@pytest.fixture(scope="module")
def cluster_here(servers: ExitStack, here: Certificate, authority: Authority) -> int:
    """One node that serves all slots and tells clients of its TLS port alone."""
    port, bus = free_port(), str(free_port())
    plain = started("Redis Cluster", servers, lambda: own_redis(
        "--cluster-enabled", "yes", "--cluster-port", bus, "--tls-cluster", "yes",
        *tls_options(here, authority, port),
    ))  # fmt: skip
    with redis.Redis(port=plain) as node:
        node.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        wait(lambda: _whole(node), redis.RedisError)
    return port


@pytest.mark.redis
def test_a_redis_cluster_is_verified(
    cluster_here: int, authority: Authority, stranger: Authority, tmp_path: Path
) -> None:
    named = {
        "environment": "production",
        "redis_cluster_hosts": f"127.0.0.1:{cluster_here}",
        "redis_url": "rediss://127.0.0.1:9/0",
    }
    wanted = embedded(tmp_path, authority.file, **named)
    assert doctor(wanted, "redis") == ("ok", f"answers; {VERIFIED}")
    publisher = services(wanted).snapshots()
    assert publisher is not None
    publisher.publish([SNAPSHOT])
    state, detail = doctor(embedded(tmp_path, stranger.file, **named), "redis")
    assert state == "wrong", detail


@pytest.mark.rabbitmq
def test_rabbitmq_is_verified(rabbitmq_here: int, authority: Authority, tmp_path: Path) -> None:
    url = f"amqps://guest:guest@127.0.0.1:{rabbitmq_here}/"
    wanted = embedded(tmp_path, authority.file, rabbitmq_url=url)
    assert doctor(wanted, "rabbitmq") == ("ok", f"answers; {VERIFIED}")
    publisher = services(wanted).messages()
    assert publisher is not None
    at = datetime(2026, 3, 2, tzinfo=UTC)
    message = OutboxMessage("m1", 1, "tradesync-test-tls", "account.a.sync_completed", b"{}", at)
    assert publisher.publish([message]) == ["m1"]


@pytest.mark.rabbitmq
def test_rabbitmq_of_a_strange_authority_is_refused(
    rabbitmq_here: int, stranger: Authority, tmp_path: Path
) -> None:
    url = f"amqps://guest:hunter2@127.0.0.1:{rabbitmq_here}/"
    state, detail = doctor(embedded(tmp_path, stranger.file, rabbitmq_url=url), "rabbitmq")
    assert state == "wrong"
    assert "certificate verify failed" in detail
    assert "TRADESYNC_SERVER_CA_FILE" in detail
    assert "hunter2" not in detail


@pytest.mark.rabbitmq
def test_rabbitmq_at_another_host_than_its_certificate_is_refused(
    servers: ExitStack, there: Certificate, authority: Authority, tmp_path: Path
) -> None:
    port = rabbitmq(servers, there, authority)
    url = f"amqps://guest:guest@127.0.0.1:{port}/"
    state, detail = doctor(embedded(tmp_path, authority.file, rabbitmq_url=url), "rabbitmq")
    assert state == "wrong"
    assert "certificate is not valid for" in detail


def test_a_file_of_certificates_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="server_ca_file"):
        settings(tmp_path, tmp_path / "none.pem")


def test_an_address_that_is_none_is_told_without_its_password(tmp_path: Path) -> None:
    wanted = embedded(
        tmp_path, None, rabbitmq_url="amqps://u:hunter2@h:1/?ssl_options={'ca_certs':'/none'}"
    )
    with pytest.raises(ConfigurationError, match="amqps://") as raised:
        services(wanted).messages()
    assert "hunter2" not in str(raised.value)
