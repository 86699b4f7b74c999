"""How long brokers take to answer, by broker and endpoint.

What belongs here: counting response times. What does not: drawing them (``defs``), measuring
(``transport``).
"""

import re

from tradesync_dagster.domain.results import ResponseTime

_MOST_ROWS = 500
"""Most rows kept; what comes beyond is counted under one name, so that memory is bounded."""
_BEYOND = "other"
_VERSION = re.compile(r"v\d{1,2}(\.\d{1,2})?")


class _Sum:
    __slots__ = ("count", "failures", "longest", "total")

    def __init__(self) -> None:
        self.count = self.failures = 0
        self.total = self.longest = 0.0


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

    def rows(self) -> list[ResponseTime]:
        """Give what was counted, by broker and endpoint."""
        return [
            ResponseTime(*key, one.count, one.failures, one.total / one.count, one.longest)
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
