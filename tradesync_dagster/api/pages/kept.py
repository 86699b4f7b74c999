"""A page's large part, made once for all who may see the same, and put into each one's page.

What belongs here: how long a part is kept, and joining it with what is the person's own, packed or
not. What does not: what the part shows (``overview``).
"""

import struct
import time
import zlib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from threading import Lock
from typing import Final

LOOK_SECONDS: Final = 1.0
"""How often the books are asked whether anything was written."""
LONGEST_SECONDS: Final = 10.0
"""A part is made anew after so long, written or not: it says how long ago things were."""
_GZIP: Final = b"\x1f\x8b\x08" + bytes(5) + b"\x00\xff"
"""A gzip file's first bytes: deflated, no name, no time, no system."""
_RAW: Final = -zlib.MAX_WBITS


@dataclass(frozen=True)
class Part:
    """A rendered part."""

    content: bytes

    @cached_property
    def packed(self) -> bytes:
        """The part, deflated; it refers to nothing before it and lets anything follow."""
        return _deflated(self.content)

    def version_for(self, reader: str) -> str:
        """Name the page that somebody has it on; an entity tag, whether packed or not.

        Args:
            reader: All in which one person's page differs from another's.
        """
        return f'W/"{sha256(self._digest + reader.encode()).hexdigest()[:32]}"'

    @cached_property
    def _digest(self) -> bytes:
        return sha256(self.content).digest()


@dataclass(frozen=True, slots=True)
class Whole:
    """A page: what is the person's own, and the part between.

    The two are packed apart. What others could write, such as a broker's text, stands in the part,
    and the form's token outside of it: the packed length tells nothing of how alike they are.
    """

    head: bytes
    part: Part
    tail: bytes

    def plain(self) -> bytes:
        """Return the page."""
        return b"".join((self.head, self.part.content, self.tail))

    def packed(self) -> bytes:
        """Return the page as gzip."""
        crc, size = 0, 0
        for piece in (self.head, self.part.content, self.tail):
            crc, size = zlib.crc32(piece, crc), size + len(piece)
        end = struct.pack("<II", crc, size & 0xFFFFFFFF)
        return b"".join(
            (_GZIP, _deflated(self.head), self.part.packed, _deflated(self.tail, last=True), end)
        )


def _deflated(content: bytes, *, last: bool = False) -> bytes:
    packing = zlib.compressobj(6, zlib.DEFLATED, _RAW)
    return packing.compress(content) + packing.flush(zlib.Z_FINISH if last else zlib.Z_FULL_FLUSH)


@dataclass(slots=True)
class _Kept:
    lock: Lock = field(default_factory=Lock)
    part: Part | None = None
    mark: str = ""
    made_at: float = 0.0
    looked_at: float = float("-inf")


class ShortMemory:
    """Keeps a part by organization for as long as nothing is written to the books.

    What is shown is at most ``LOOK_SECONDS`` and the making of the part behind the last commit.
    """

    def __init__(self, mark: Callable[[], str], *, look_seconds: float = LOOK_SECONDS) -> None:
        """Keep nothing yet.

        Args:
            mark: Gives another text after every commit (``store.commits``).
            look_seconds: How often it is asked.
        """
        self._mark = mark
        self._look_seconds = look_seconds
        self._kept: defaultdict[str | None, _Kept] = defaultdict(_Kept)

    def fresh(self, organization: str | None) -> Part | None:
        """Return an organization's part if the books need not be asked; waits for nothing."""
        kept = self._kept[organization]
        return kept.part if time.monotonic() - kept.looked_at < self._look_seconds else None

    def get(self, organization: str | None, make: Callable[[], bytes]) -> Part:
        """Return an organization's part, made anew where something was written since.

        While one request makes it anew, the others get the one before: nobody waits but the first.

        Args:
            organization: Whose; parts of different ones are never mixed.
            make: Makes it.

        Returns:
            The part.
        """
        kept = self._kept[organization]
        before = kept.part
        if before is None:
            kept.lock.acquire()
        elif not kept.lock.acquire(blocking=False):
            return before
        try:
            return self._renewed(kept, make)
        finally:
            kept.lock.release()

    def _renewed(self, kept: _Kept, make: Callable[[], bytes]) -> Part:
        now = time.monotonic()
        if kept.part is not None and now - kept.looked_at < self._look_seconds:
            return kept.part
        mark = self._mark()  # before what it vouches for is read
        if kept.part is None or mark != kept.mark or now - kept.made_at >= LONGEST_SECONDS:
            kept.part, kept.mark, kept.made_at = Part(make()), mark, now
        kept.looked_at = time.monotonic()
        return kept.part
