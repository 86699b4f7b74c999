"""The servers of compose.yaml as it starts them: by TLS alone, with the certificates it is given.

PostgreSQL, Redis and RabbitMQ are those of this machine, under the containers' names; the files are
those of deploy/, with the containers' paths and ports replaced.
"""

import shlex
import shutil
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
import yaml
from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from tradesync_dagster_tests.conftest import _absent
from tradesync_dagster_tests.support.ports import free_port, free_ports
from tradesync_dagster_tests.support.servers import (
    MissingError,
    ask,
    dsn,
    own_postgres,
    own_rabbitmq,
    own_redis,
)

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
CA = "/etc/tradesync/server-ca.pem"
WORD = "four-plain-words-here"


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A folder with the certificates, which PostgreSQL's own user can enter."""
    folder = Path(tempfile.mkdtemp(prefix="tradesync-compose-"))
    subprocess.run([DEPLOY / "make-certificates.sh", folder], check=True)
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def placed(text: str, made: Path) -> str:
    """Put this machine's paths for the container's."""
    return text.replace(CA, str(made / "server_ca")).replace("/run/secrets", str(made))


def trusting(made: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=made / "server_ca")
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def shaken(made: Path, port: int, name: str) -> str | None:
    """Return the version of TLS that a server at a port speaks under a name."""
    with (
        socket.create_connection(("127.0.0.1", port), 20) as plain,
        trusting(made).wrap_socket(plain, server_hostname=name) as closed,
    ):
        return closed.version()


def names(certificate: Path) -> set[str]:
    found = x509.load_pem_x509_certificate(certificate.read_bytes())
    extension = found.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    assert isinstance(extension.value, x509.SubjectAlternativeName)
    return set(extension.value.get_values_for_type(x509.DNSName))


def test_each_server_has_a_certificate_for_the_names_it_is_reached_by(made: Path) -> None:
    for name, service in COMPOSE["services"].items():
        (own, *rest) = [
            one if isinstance(one, str) else one["source"]
            for one in service.get("secrets", [])
            if "_certificate" in str(one)
        ] or [""]
        if service["image"].startswith(("postgres:", "redis:", "rabbitmq:")) and own:
            assert not rest
            assert name in names(made / own) or name == "redis-cluster"
    assert names(made / "redis_certificate") == {f"redis-{n}" for n in range(1, 7)}


def test_nobody_can_sign_another(made: Path) -> None:
    """The authority's key is gone, and a server's certificate is none of an authority's."""
    assert {path.name for path in made.iterdir()} == {
        "server_ca",
        *(
            f"{s}_{kind}"
            for s in ("postgres", "redis", "rabbitmq")
            for kind in ("certificate", "key")
        ),
    }
    ours = x509.load_pem_x509_certificate((made / "server_ca").read_bytes()).public_key()
    keys = {path.read_bytes() for path in made.glob("*_key")}
    assert len(keys) == 3
    for path in made.glob("*_certificate"):
        found = x509.load_pem_x509_certificate(path.read_bytes())
        assert found.public_key() != ours
        with pytest.raises(x509.ExtensionNotFound):
            found.extensions.get_extension_for_oid(ExtensionOID.BASIC_CONSTRAINTS)


def test_made_anew_the_old_ones_are_believed_no_more(made: Path, tmp_path: Path) -> None:
    for kind in made.iterdir():
        shutil.copy(kind, tmp_path)
    subprocess.run(
        [DEPLOY / "make-certificates.sh", tmp_path], check=True, stdin=subprocess.DEVNULL
    )
    for path in made.iterdir():
        assert (tmp_path / path.name).read_bytes() != path.read_bytes()
    checked = subprocess.run(
        ["openssl", "verify", "-CAfile", tmp_path / "server_ca", made / "redis_certificate"],
        capture_output=True,
        check=False,
    )
    assert checked.returncode


def test_redis_speaks_tls_alone(made: Path) -> None:
    _, _, line = COMPOSE["services"]["redis-4"]["command"]
    port, bus = free_ports(2)

    def answers(_: int) -> object:
        with redis.Redis(
            port=port, ssl=True, ssl_ca_certs=str(made / "server_ca"), ssl_check_hostname=False,
            password=WORD,
        ) as client:  # fmt: skip
            return client.ping()

    with tempfile.TemporaryDirectory() as home:
        for inside, here in (
            ("/run/secrets/redis_conf", f"--requirepass {WORD} --masterauth {WORD}"),
            ('"$$(hostname)"', "redis-4"),
            ("--dir /data", f"--dir {home} --cluster-port {bus}"),
            ("--tls-port 6379", f"--tls-port {port}"),
        ):
            assert inside in line
            line = line.replace(inside, here)
        exec_, server, *options = shlex.split(placed(line, made))
        assert (exec_, server) == ("exec", "redis-server")
        try:
            with own_redis(*options, answers=answers) as plain:
                assert shaken(made, port, "redis-4") == "TLSv1.3"
                with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
                    shaken(made, port, "redis-7")
                with pytest.raises(ConnectionRefusedError):
                    socket.create_connection(("127.0.0.1", plain), 20)
        except MissingError as error:
            _absent("Redis", error)


def test_rabbitmq_speaks_tls_alone(made: Path) -> None:
    config = placed((DEPLOY / "rabbitmq" / "30-tls.conf").read_text(), made)
    port = free_port()
    assert "listeners.ssl.default = 5671\n" in config
    config = config.replace("default = 5671", f"default = {port}")
    ca = str(made / "server_ca")
    options = f"{{'ca_certs': '{ca}', 'server_hostname': 'rabbitmq'}}"
    url = f"amqps://guest:guest@127.0.0.1:{port}/?ssl_options={options}"
    try:
        with own_rabbitmq(config, url=url.replace("{", "{{").replace("}", "}}")):
            assert shaken(made, port, "rabbitmq") == "TLSv1.3"
            with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
                shaken(made, port, "postgres")
    except MissingError as error:
        _absent("RabbitMQ", error)


@pytest.mark.postgres
def test_postgres_takes_no_plain_text_and_no_word_on_trust(made: Path) -> None:
    key = made / "postgres_key_of_its_own"
    shutil.copy(made / "postgres_key", key)
    key.chmod(0o600)
    shutil.chown(key, "postgres")
    files = {"cert": made / "postgres_certificate", "key": key}
    options = [part for kind, file in files.items() for part in ("-c", f"ssl_{kind}_file={file}")]
    try:
        with own_postgres("-c", "ssl=on", *options) as url:
            ask(url, f"ALTER ROLE postgres PASSWORD '{WORD}'")
            Path(ask(url, "SHOW hba_file")).write_text(
                (DEPLOY / "postgres" / "pg_hba.conf").read_text()
            )
            ask(url, "SELECT pg_reload_conf()")
            good = {"host": "postgres", "hostaddr": "127.0.0.1", "password": WORD,
                    "sslmode": "verify-full", "sslrootcert": str(made / "server_ca")}  # fmt: skip
            for wrong, why in (
                ({"sslmode": "disable"}, "no encryption"),
                ({"password": "another"}, "password authentication failed"),
                ({"host": "redis-1"}, "does not match"),
            ):
                with pytest.raises(psycopg.OperationalError, match=why):
                    psycopg.connect(dsn(url), **(good | wrong), connect_timeout=20)
            with psycopg.connect(dsn(url), **good, connect_timeout=20) as connection:
                row = connection.execute(
                    "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
                ).fetchone()
                assert row == (True,)
    except MissingError as error:
        _absent("PostgreSQL", error)
    finally:
        key.unlink()
    command = COMPOSE["services"]["postgres"]["command"][2]
    assert "-c hba_file=/deploy/pg_hba.conf -c ssl=on" in command
