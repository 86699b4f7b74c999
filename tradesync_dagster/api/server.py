"""The process that serves the API.

What belongs here: opening the services, the socket and the server. What does not: options
(``cli.api``), routes (``app``).
"""

import socket
from contextlib import suppress

import uvicorn
from fastapi import FastAPI

from tradesync_dagster.api.app import create_app
from tradesync_dagster.bootstrap import open_services
from tradesync_dagster.bootstrap.dagster_graphql import Dagster
from tradesync_dagster.bootstrap.logs import configure_logs
from tradesync_dagster.domain.errors import ConfigurationError

_DAGSTER_SECONDS = 15.0
_MOST_CONNECTIONS = 200
_END_SECONDS = 20


def server_of(app: FastAPI) -> uvicorn.Server:
    """Make the server, not yet listening.

    Args:
        app: From ``create_app``.

    Returns:
        To be run with a socket.
    """
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="on",
        log_level="info",
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_graceful_shutdown=_END_SECONDS,
    )
    server = uvicorn.Server(config)
    app.state.live.stopping = lambda: server.should_exit
    return server


def serve(host: str, port: int, dagster_url: str) -> None:
    """Serve until a signal.

    Args:
        host: The address to listen on.
        port: The port.
        dagster_url: Where Dagster's web server listens.

    Raises:
        ConfigurationError: A setting is malformed, the books cannot be used, or the address
            cannot be listened on.
    """
    dagster = Dagster(dagster_url, _DAGSTER_SECONDS)
    services = open_services()
    try:
        # the server raises an interrupt once more after it has ended by it
        with _listening(host, port) as listening, suppress(KeyboardInterrupt):
            told = services.settings.order_updates_enabled
            server = server_of(create_app(services, dagster, listening=told))
            configure_logs(services.settings, ("uvicorn", "uvicorn.access"))
            server.run(sockets=[listening])
    finally:
        services.close()


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise ConfigurationError(
            f"the API cannot listen on {host}:{port}: {error.strerror or error}"
        ) from None
