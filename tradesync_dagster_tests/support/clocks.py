"""The clock of tests: nothing is waited for."""

import asyncio
from datetime import UTC, datetime, timedelta


class MovingClock:
    """Time that passes by sleeping, and a little by looking, if so wished."""

    def __init__(
        self,
        moment: datetime = datetime(2025, 11, 3, 20, 0, tzinfo=UTC),
        look: timedelta = timedelta(0),
    ) -> None:
        """Stand at a moment.

        Args:
            moment: Where it begins.
            look: What passes with each look at it.
        """
        self.moment = moment
        self.slept: list[float] = []
        self._look = look

    def now(self) -> datetime:
        self.moment += self._look
        return self.moment.astimezone(UTC)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.move(seconds)
        await asyncio.sleep(0)

    def move(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)
