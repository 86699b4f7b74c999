"""How long the parts of a tick take.

What belongs here: adding up wall time by name. What does not: showing it.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tradesync_dagster.domain.results import Stretch

_MOST_STRETCHES = 200


class Stopwatch:
    """Adds up wall seconds by part; parts of several looks go under one name."""

    def __init__(self) -> None:
        """Begin now."""
        self._began = time.perf_counter()
        self.parts: dict[str, float] = {}
        self.stretches: list[Stretch] = []

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Time a part.

        Args:
            name: What is done.

        Yields:
            Nothing; its end, whatever it is, ends the part.
        """
        begun = time.perf_counter()
        try:
            yield
        finally:
            ended = time.perf_counter()
            self.parts[name] = self.parts.get(name, 0.0) + ended - begun
            if len(self.stretches) < _MOST_STRETCHES:
                self.stretches.append(Stretch(name, begun - self._began, ended - self._began))

    def seconds(self) -> float:
        """Return the time since the beginning."""
        return time.perf_counter() - self._began
