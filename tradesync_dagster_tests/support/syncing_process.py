"""A process that syncs some times when it is told to: ``python -m`` with a JSON argument."""

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.settings import Settings
from tradesync_dagster.store.engine import open_engine
from tradesync_dagster.store.store import SqlStore


class OwnClock:
    """This process's own, some milliseconds beside the others'; it moves no exchange's."""

    def __init__(self, moment: str) -> None:
        self.moment = datetime.fromisoformat(moment)

    def now(self) -> datetime:
        self.moment += timedelta(milliseconds=1)
        return self.moment.astimezone(UTC)

    async def sleep(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


def main(wanted: dict[str, Any]) -> None:
    settings = Settings(
        home=wanted["home"], database_url=wanted["database_url"],
        redis_url=SecretStr(wanted["redis_url"]), confirm_seconds=0.1, minimum_age_seconds=0,
        broker_api_retry_attempts=0, _env_file=None,
    )  # fmt: skip
    store = SqlStore(open_engine(settings.books_url), settings.cipher())
    services = Services(settings, store, OwnClock(wanted["now"]))  # type: ignore[arg-type]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for _ in range(wanted["times"]):
        sys.stdout.write(f"{services.sync().status}\n")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
