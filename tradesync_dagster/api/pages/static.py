"""The files that pages load: our stylesheet and icon, htmx and its part for live updates.

htmx comes as a file of the package ``django-htmx``, whose code is not imported, nor is Django's
(docs/decisions/0005-htmx-from-a-package.md). What belongs here: reading and serving them. What does
not: templates.
"""

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import APIRouter, HTTPException
from starlette.responses import Response

from tradesync_dagster.api.pages.visitors import ROOT

routes = APIRouter()
_FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file in memory; its version changes with its content."""

    content: bytes
    kind: str

    @property
    def version(self) -> str:
        """Part of its address, so that browsers may keep it for good."""
        return sha256(self.content).hexdigest()[:16]


def _read(file: Traversable, kind: str) -> StaticFile:
    return StaticFile(file.read_bytes(), kind)


@cache
def static_files() -> dict[str, StaticFile]:
    """Read the files, once."""
    own = files("tradesync_dagster.api") / "static"
    htmx = files("django_htmx") / "static" / "django_htmx"
    return {
        "desk.css": _read(own / "desk.css", "text/css; charset=utf-8"),
        "icon.svg": _read(own / "icon.svg", "image/svg+xml"),
        "htmx.js": _read(htmx / "htmx-2.min.js", "text/javascript; charset=utf-8"),
        "events.js": _read(htmx / "ext" / "hx-sse-2.min.js", "text/javascript; charset=utf-8"),
    }


@cache
def address_of_file(name: str) -> str:
    """Return a file's address with its version."""
    return f"{ROOT}/static/{name}?v={static_files()[name].version}"


@routes.get("/static/{name}")
async def static(name: str) -> Response:
    """Serve a file to anybody: nothing in it is anybody's."""
    found = static_files().get(name)
    if found is None:
        raise HTTPException(404, "there is no such file")
    return Response(found.content, media_type=found.kind, headers={"Cache-Control": _FOREVER})
