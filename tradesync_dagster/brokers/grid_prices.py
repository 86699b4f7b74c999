"""Real-time prices of real markets by ``gridstatus``, and simulated ones wherever those are away.

A child process asks, with an end to its time and to its answer, so that neither the network nor the
library holds up a decision: what is not known in time is simulated, and the reason is said. What
belongs here: asking, keeping, falling back. What does not: calling the library (``grid_child``).
"""

import subprocess
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import orjson

from tradesync_dagster.domain.errors import TradesyncError, ValueRefusedError
from tradesync_dagster.domain.lmp import (
    MOST_LMP,
    SIMULATED,
    PricePoint,
    Published,
    SimulatedPrices,
)
from tradesync_dagster.domain.money import parse_price

ANSWER_SECONDS = 30.0
MOST_BYTES = 4_000_000
"""Longest answer, of some tens of thousands of nodes."""
PERIOD_SECONDS = 60.0
_CHILD = Path(__file__).with_name("grid_child.py")
ByNode = Mapping[str, Published]


class PricesAwayError(TradesyncError):
    """A market's real prices cannot be had; it says why."""


def ask(
    market: str,
    environment: Mapping[str, str],
    python: Path,
    seconds: float = ANSWER_SECONDS,
    most: int = MOST_BYTES,
) -> ByNode:
    """Ask a child process for a market's latest prices.

    Args:
        market: Such as ``CAISO``.
        environment: Of the child; none of tradesync's secrets need to be in it.
        python: The Python that has the library, which may need other versions than tradesync.
        seconds: How long it may take.
        most: How many bytes it may answer.

    Returns:
        Prices by node.

    Raises:
        PricesAwayError: It cannot be started, took too long, said too much, or has no prices.
    """
    # -P: modules beside the program must not stand before the libraries that it imports.
    command = [str(python), "-P", str(_CHILD), market.lower()]
    late = threading.Event()
    with _started(command, environment) as child:

        def end() -> None:
            late.set()
            child.kill()

        timer = threading.Timer(seconds, end)
        timer.start()
        try:
            body = child.stdout.read(most + 1) if child.stdout else b""
        finally:
            timer.cancel()
            child.kill()
    if late.is_set():
        raise PricesAwayError(f"gridstatus gave no prices of {market} within {seconds:g} s")
    if len(body) > most:
        raise PricesAwayError(f"gridstatus answered more than {most} bytes for {market}")
    return _read(market, body)


def _started(command: Sequence[str], environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(  # noqa: S603 - our own program; the market is one of the settings' few
            command, env=dict(environment), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except OSError as error:
        raise PricesAwayError(f"{command[0]} does not start: {error.strerror}") from None


@dataclass(slots=True)
class GridPrices:
    """Prices that are real where they are known in time, and simulated elsewhere.

    Attributes:
        markets: Those whose real prices are asked for.
        simulated: The rule for all else.
        ask: Gives a market's latest prices; raises ``PricesAwayError``.
    """

    markets: Sequence[str]
    simulated: SimulatedPrices
    ask: Callable[[str], ByNode]
    _latest: dict[str, ByNode] = field(default_factory=dict)
    _troubles: dict[str, str] = field(default_factory=dict)

    def refresh(self) -> None:
        """Ask for all markets' latest prices, one after another."""
        for market in self.markets:
            try:
                self._latest[market] = self.ask(market)
                self._troubles.pop(market, None)
            except PricesAwayError as error:
                self._troubles[market] = str(error)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Ask again and again on a thread of its own, so that no decision waits for an answer."""
        ended = threading.Event()

        def watch() -> None:
            while not ended.is_set():
                self.refresh()
                ended.wait(PERIOD_SECONDS)

        thread = threading.Thread(target=watch, name="real prices", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()

    def at(self, points: Collection[PricePoint]) -> Mapping[PricePoint, int]:
        """See ``Prices``; every point has a price."""
        known = {point: self._known(point) for point in points}
        real = {point: found.lmp for point, found in known.items() if found is not None}
        return {**self.simulated.at([p for p in points if p not in real]), **real}

    def source(self, point: PricePoint) -> str:
        """See ``Prices``."""
        found = self._known(point)
        if found is not None:
            return f"gridstatus: {found.at:%Y-%m-%dT%H:%MZ}"
        if point.market not in self.markets:
            return SIMULATED
        why = self._troubles.get(point.market, "no price of this node holds at this moment")
        return f"{SIMULATED}: {why}"

    def _known(self, point: PricePoint) -> Published | None:
        found = self._latest.get(point.market, {}).get(point.node)
        return found if found is not None and found.holds_at(point.at) else None


def _read(market: str, body: bytes) -> ByNode:
    """Read a child's answer; a row that makes no sense is left out."""
    try:
        answer = orjson.loads(body)
        trouble, rows = answer.get("trouble"), answer.get("prices", {})
        found = {node: one for node, row in rows.items() if (one := _published(row))}
    except (ValueError, AttributeError, TypeError):
        raise PricesAwayError(f"the answer of gridstatus for {market} cannot be read") from None
    if trouble:
        raise PricesAwayError(f"gridstatus has no prices of {market}: {trouble}")
    return found


def _published(row: Sequence[str]) -> Published | None:
    try:
        at, text = row
        published = Published(datetime.fromisoformat(at).astimezone(UTC), parse_price(text))
    except (ValueRefusedError, ValueError, TypeError, OverflowError):
        return None
    return published if abs(published.lmp) <= MOST_LMP else None
