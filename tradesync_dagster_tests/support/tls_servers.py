"""Servers that speak TLS, each with a certificate of the test's own.

What belongs here: starting them. What does not: certificates (``certificates``), plain servers
(``servers``).
"""

import os
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from tradesync_dagster.store.engine import migrate, open_engine
from tradesync_dagster_tests.conftest import _absent
from tradesync_dagster_tests.support.certificates import Authority, Certificate
from tradesync_dagster_tests.support.ports import free_port
from tradesync_dagster_tests.support.servers import MissingError, own_postgres, own_rabbitmq


def started(service: str, servers: ExitStack, start: Callable[[], Any]) -> Any:
    try:
        return servers.enter_context(start())
    except (OSError, MissingError) as error:
        _absent(service, error)


def postgres(servers: ExitStack, certificate: Certificate) -> str:
    if os.getuid() == 0:
        shutil.chown(certificate.key, "postgres")
    files = {"ssl_cert_file": certificate.file, "ssl_key_file": certificate.key}
    options = [part for name, value in files.items() for part in ("-c", f"{name}={value}")]
    url = started("PostgreSQL", servers, lambda: own_postgres("-c", "ssl=on", *options))
    assert isinstance(url, str)
    engine = open_engine(url)
    migrate(engine)
    engine.dispose()
    return url


def tls_options(certificate: Certificate, authority: Authority, port: int) -> list[str]:
    words = {"port": port, "cert-file": certificate.file, "key-file": certificate.key,
             "ca-cert-file": authority.file, "auth-clients": "no"}  # fmt: skip
    return [part for name, value in words.items() for part in (f"--tls-{name}", str(value))]


def rabbitmq(servers: ExitStack, certificate: Certificate, authority: Authority) -> int:
    port = free_port()
    config = f"""
        listeners.ssl.1 = 127.0.0.1:{port}
        ssl_options.cacertfile = {authority.file}
        ssl_options.certfile = {certificate.file}
        ssl_options.keyfile = {certificate.key}
        ssl_options.verify = verify_none
    """
    started("RabbitMQ", servers, lambda: own_rabbitmq(config))
    return port
