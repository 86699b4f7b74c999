"""Prints the latest real-time prices of a market as JSON: a program of ``grid_prices``.

What belongs here: calling ``gridstatus``, in a process that may hang, crash or grow without harm to
tradesync. What does not: anything of tradesync, which this process cannot import by name.
"""

import contextlib
import json
import math
import sys
from datetime import UTC
from decimal import Decimal
from typing import Any

_WORDS = 300
_MICRO = Decimal("0.000001")


def latest(market: str) -> dict[str, tuple[str, str]]:
    """Fetch a market's latest five-minute price of each node.

    Args:
        market: As ``gridstatus`` names it, such as ``caiso``.

    Returns:
        By node: when its interval begins, ISO 8601 UTC, and the price a MWh as a decimal number.
    """
    from gridstatus.utils import get_iso  # type: ignore[import-not-found]  # noqa: PLC0415

    found = get_iso(market)().get_lmp_real_time_5_min("latest")
    frames = found if isinstance(found, tuple) else (found,)
    rows = [row for frame in frames for row in _rows(frame)]
    return {node: (at, price) for at, node, price in sorted(rows)}


def _rows(frame: Any) -> list[tuple[str, str, str]]:
    begins = frame["Interval Start"].dt.tz_convert(UTC)
    return [
        (at.isoformat(), str(node), str(Decimal(repr(float(price))).quantize(_MICRO)))
        for at, node, price in zip(begins, frame["Location"], frame["LMP"], strict=True)
        if math.isfinite(float(price))
    ]


def main() -> None:
    """Answer on standard output; whatever libraries print goes to standard error."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            answer: dict[str, Any] = {"prices": latest(sys.argv[1])}
    except Exception as error:  # noqa: BLE001 - it is said to the process that asked
        answer = {"trouble": f"{type(error).__name__}: {error}"[:_WORDS]}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
