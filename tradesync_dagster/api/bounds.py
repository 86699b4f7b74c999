"""How long a request's body may be.

What belongs here: counting what arrives, whatever length was announced. What does not: the bounds
of single texts (``values``).
"""

from dataclasses import dataclass
from http import HTTPStatus

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 64 * 1024


@dataclass(slots=True)
class BoundedBodies:
    """Lets a route read ``MOST_BYTES`` and no more; refused in the one form of failures."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, with its body counted."""
        left = MOST_BYTES

        async def counted() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                    f"the body is too long: {MOST_BYTES} bytes are the most",
                )
            return message

        await self.app(scope, counted, send)
