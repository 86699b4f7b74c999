"""How long brokers take to answer, by broker and endpoint.

What belongs here: counting response times. What does not: drawing them (``defs``), measuring
(``transport``).
"""

import re
from bisect import bisect_left
from dataclasses import dataclass

BUCKETS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the latency buckets in seconds; a last one without bound follows."""
_MOST_ROWS = 500
"""Most rows kept; what comes beyond is counted under one name, so that memory is bounded."""
_BEYOND = "other"
_VERSION = re.compile(r"v\d{1,2}(\.\d{1,2})?")


@dataclass(frozen=True, slots=True)
class Timing:
    """The response times of one endpoint of one broker.

    Attributes:
        broker: The broker's name.
        endpoint: Method and path, ids in it folded: ``GET /orders/{id}``.
        count: Tries that were sent, answered or not.
        failures: Those without an answer, or with HTTP 5xx.
        total_seconds: Their time, from sending to the last byte or the failure.
        max_seconds: The longest.
        buckets: Tries by response time: one count a bound of ``BUCKETS``, and one beyond.
    """

    broker: str
    endpoint: str
    count: int
    failures: int
    total_seconds: float
    max_seconds: float
    buckets: tuple[int, ...]


class _Sum:
    __slots__ = ("buckets", "count", "failures", "longest", "total")

    def __init__(self) -> None:
        self.count = self.failures = 0
        self.total = self.longest = 0.0
        self.buckets = [0] * (len(BUCKETS) + 1)


class Timings:
    """Adds up response times."""

    def __init__(self) -> None:
        """Start with none."""
        self._sums: dict[tuple[str, str], _Sum] = {}

    def add(self, broker: str, endpoint: str, seconds: float, *, failed: bool) -> None:
        """Count one try."""
        key = (broker, endpoint)
        if key not in self._sums and len(self._sums) >= _MOST_ROWS:
            key = (broker, _BEYOND)
        one = self._sums.setdefault(key, _Sum())
        one.count += 1
        one.failures += failed
        one.total += seconds
        one.longest = max(one.longest, seconds)
        one.buckets[bisect_left(BUCKETS, seconds)] += 1

    def rows(self) -> list[Timing]:
        """Give what was counted, by broker and endpoint."""
        return [
            Timing(*key, one.count, one.failures, one.total, one.longest, tuple(one.buckets))
            for key, one in sorted(self._sums.items())
        ]


def template(method: str, path: str) -> str:
    """Name an endpoint: its method and path, every part with a digit in it folded to ``{id}``.

    Versions such as ``v2`` stay. Brokers' fixed words have no digits, their ids all do.
    """
    parts = (
        "{id}" if any(map(str.isdigit, part)) and not _VERSION.fullmatch(part) else part
        for part in path.split("/")
    )
    return f"{method} {'/'.join(parts)}"
