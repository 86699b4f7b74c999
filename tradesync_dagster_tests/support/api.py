"""The API as programs meet it: a real server on a port of its own, and a client with a key."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tradesync_dagster.api.app import create_app
from tradesync_dagster.api.server import _listening, server_of
from tradesync_dagster.bootstrap import Services
from tradesync_dagster.bootstrap.dagster_graphql import Dagster
from tradesync_dagster.domain.accounts import Account

EXTERNAL = "/external/external-orders/SIM001"
UNASSIGNED = "/external/unassigned-orders/SIM001"
RIVAL = Account(0, "rival", "SECRET7", "ZERODHA")
"""Of an organization that the key of ``desk`` must not see."""
NOWHERE = "http://127.0.0.1:9"
"""Where no Dagster answers."""


@dataclass
class Api:
    """One organization's client."""

    url: str
    token: str | None
    organization: str

    def send(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        headers |= more.pop("headers", {})
        return httpx.request(method, self.url + path, headers=headers, timeout=60, **more)

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self.send("GET", path, params={"organization_id": self.organization} | query)

    def post(self, path: str, **body: Any) -> httpx.Response:
        return self.send("POST", path, json={"organization_id": self.organization} | body)


@contextmanager
def running_api(
    services: Services, dagster_url: str = NOWHERE, *, listening: bool = False
) -> Iterator[str]:
    """Serve on a free port."""
    server = server_of(create_app(services, Dagster(dagster_url), listening=listening))
    with _listening("127.0.0.1", 0) as door:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [door]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the server ended before it began"
                time.sleep(0.01)
            yield f"http://127.0.0.1:{door.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def rows(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def problem(answer: httpx.Response) -> str:
    """Return a failure's sentence, having checked that it has the one form and tells no insides."""
    found = answer.json()
    assert set(found) == {"detail", "problems"}, found
    for inside in ("Traceback", "SELECT", "INSERT", "sqlite", "psycopg", "File "):
        assert inside not in answer.text
    return str(found["detail"])
