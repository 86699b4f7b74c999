"""A real HTTP server that alerts are sent to, what it was told, and a desk that tells it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pydantic import SecretStr

from tradesync_dagster_tests.support.desk import Desk

SECRET = "hunter-77"


@dataclass
class Listener:
    """One person's address, by its path; ``status`` is what the server answers from now on."""

    port: int = 0
    status: int = 200
    hang: threading.Event | None = None
    asked: int = 0
    notes: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def url(self, path: str = "one", **more: str) -> str:
        wait = {"cto": "20", "rto": "20"} | more
        query = "&".join(f"{name}={value}" for name, value in wait.items())
        return f"json://asha:{SECRET}@127.0.0.1:{self.port}/{path}?{query}"

    def told(self, path: str = "one") -> list[str]:
        """The lines that came to a path."""
        return [
            line
            for to, note in self.notes
            if to == f"/{path}"
            for line in note["message"].split("\n")
        ]


@contextmanager
def listening() -> Iterator[Listener]:
    listener = Listener()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            listener.asked += 1
            if listener.hang is not None and self.path.startswith("/slow"):
                listener.hang.wait(60)
            if listener.status == 200 and not self.path.startswith("/refused"):
                listener.notes.append((self.path.partition("?")[0], json.loads(body)))
                self.send_response(200)
            else:
                self.send_response(403 if listener.status == 200 else listener.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    listener.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        if listener.hang is not None:
            listener.hang.set()
        server.shutdown()
        server.server_close()
        thread.join(60)


def tick(desk: Desk, minutes: int = 1) -> tuple[str, ...]:
    desk.clock.move(timedelta(minutes=minutes))
    return desk.sync().publish_errors


def with_people(desk: Desk, *urls: str) -> Desk:
    return desk.with_settings(notify_urls=SecretStr(",".join(urls)))
