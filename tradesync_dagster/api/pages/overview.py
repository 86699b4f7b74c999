"""The overview: every account of the person on one page.

What belongs here: the page. What does not: the sums (``bootstrap.page_reading``), how long its one
large part is kept (``kept``).
"""

from typing import Final

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import Response

from tradesync_dagster.api.access import ServicesNow
from tradesync_dagster.api.pages.kept import ShortMemory, Whole
from tradesync_dagster.api.pages.rendering import page, part
from tradesync_dagster.api.pages.visitors import Viewer
from tradesync_dagster.bootstrap import Services
from tradesync_dagster.bootstrap.page_reading import AccountLine

routes = APIRouter()
_SEAM: Final = Markup("\0")
"""Stands for the part while the rest is rendered; no text on a page holds it."""


@routes.get("/")
async def overview(request: Request, visitor: Viewer, services: ServicesNow) -> Response:
    """Every account, its last sync, its day and its profit."""
    memory: ShortMemory = request.app.state.memory
    of = visitor.organization
    table = memory.fresh(of)
    if table is None:
        table = await run_sync(memory.get, of, lambda: _table(services, of))
    headers = {"etag": table.version_for(repr(visitor)), "vary": "Accept-Encoding, Cookie"}
    if headers["etag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    own = bytes(page(request, "overview.html", visitor, table=_SEAM).body)
    head, _, tail = own.partition(_SEAM.encode())
    whole = Whole(head, table, tail)
    packs = "gzip" in request.headers.get("accept-encoding", "")
    if packs:
        headers["content-encoding"] = "gzip"
    content = whole.packed() if packs else whole.plain()
    return Response(content, headers=headers, media_type="text/html")


def _table(services: Services, organization: str | None) -> bytes:
    lines = services.page_reading().overview(organization)
    now = services.clock.now()
    return part("overview_table.html", lines=lines, sums=_sums(lines), now=now).encode()


def _sums(lines: list[AccountLine]) -> dict[str, int | None]:
    whole = ("orders", "working", "external", "candidates", "breaks")
    amounts = ("realised_pnl", "unrealised_pnl", "holdings_pnl")
    found: dict[str, int | None] = {n: sum(getattr(line, n) for line in lines) for n in whole}
    for name in amounts:
        values = [getattr(line, name) for line in lines]
        found[name] = None if None in values else sum(values)
    return found
