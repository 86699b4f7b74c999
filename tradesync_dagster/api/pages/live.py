"""Live updates: one open request a page tells it when something happened, so that it asks anew.

Nothing of the books goes this way, only that there is news: a message in the outbox for the
person's organization. However many pages are open, the books are asked once a second. What belongs
here: who listens, for how long, and how many may. What does not: what pages show.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Final

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from tradesync_dagster.api.pages.visitors import Viewer
from tradesync_dagster.bootstrap import Services
from tradesync_dagster.domain.errors import TradesyncError
from tradesync_dagster.store.scope import see_only

routes = APIRouter()
_log = logging.getLogger(__name__)

MOST_LISTENERS: Final = 50
MOST_EACH: Final = 4
"""Of one session: browsers open six connections to a server, and pages need some of them."""
LONGEST_SECONDS: Final = 300.0
"""Then the browser asks again, and whether its session is still good is looked at again."""
_LOOK_SECONDS = 1.0
_SIGN_SECONDS = 15.0
"""After how much silence a line says that the connection lives."""
_NEWS = b"event: changed\ndata: 1\n\n"
_SIGN = b": here\n\n"


class Live:
    """Who listens, and what is new."""

    def __init__(self, services: Services) -> None:
        """Know of nothing yet.

        Args:
            services: Where news is looked for.
        """
        self.stopping: Callable[[], bool] = lambda: False
        """Whether the server is about to end; open requests would hold it up."""
        self._services = services
        self._listeners: Counter[str] = Counter()
        self._lock = asyncio.Lock()
        self._looked_at = float("-inf")
        self._last_id: int | None = None
        self._news: Counter[str | None] = Counter()

    def has_room(self, session: str) -> bool:
        """Whether a session may listen once more."""
        return self._listeners.total() < MOST_LISTENERS and self._listeners[session] < MOST_EACH

    async def follow(self, session: str, organization: str | None) -> AsyncIterator[bytes]:
        """Tell one page of news until its time is over.

        Args:
            session: Whose page.
            organization: Whose news; ``None`` for everybody's.

        Yields:
            Server-sent events.
        """
        self._listeners[session] += 1
        try:
            seen = await self._count(organization)
            until, told = time.monotonic() + LONGEST_SECONDS, time.monotonic()
            yield _SIGN
            while time.monotonic() < until and not self.stopping():
                await asyncio.sleep(_LOOK_SECONDS)
                count = await self._count(organization)
                if count != seen or time.monotonic() - told > _SIGN_SECONDS:
                    yield _SIGN if count == seen else _NEWS
                    seen, told = count, time.monotonic()
        finally:
            self._listeners[session] -= 1
            self._listeners += Counter()  # forgets those at zero

    async def _count(self, organization: str | None) -> int:
        """Return how often there was news, having looked if that was a second ago."""
        async with self._lock:
            if time.monotonic() - self._looked_at >= _LOOK_SECONDS:
                await self._look()
                self._looked_at = time.monotonic()
        return self._news[organization]

    async def _look(self) -> None:
        try:
            self._last_id, organizations = await run_sync(self._read, self._last_id)
        except TradesyncError as error:
            _log.warning("live updates wait: %s", error)
            return
        self._news.update(organizations)
        self._news[None] += bool(organizations)

    def _read(self, last_id: int | None) -> tuple[int, set[str]]:
        see_only(None)  # in this thread's own context
        return self._services.observing().news(last_id)


@routes.get("/events")
async def events(request: Request, visitor: Viewer) -> Response:
    """Follow news; 204, after which browsers do not ask again, where too many do already."""
    live: Live = request.app.state.live
    if not live.has_room(visitor.form_token):
        return Response(status_code=204)
    return StreamingResponse(
        live.follow(visitor.form_token, visitor.organization),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )
