"""A process that syncs some times when it is told to: ``python -m`` with a JSON argument."""

import json
import sys
from datetime import datetime, timedelta
from typing import Any

from pydantic import SecretStr

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.settings import Settings
from tradesync_dagster.store.engine import open_engine
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.support.clocks import MovingClock


def main(wanted: dict[str, Any]) -> None:
    settings = Settings(
        home=wanted["home"], database_url=wanted["database_url"],
        redis_url=SecretStr(wanted["redis_url"]), confirm_seconds=0.1, minimum_age_seconds=0,
        broker_api_retry_attempts=0, _env_file=None,
    )  # fmt: skip
    store = SqlStore(open_engine(settings.books_url), settings.cipher())
    # Some milliseconds beside the other processes'; it moves no exchange's.
    clock = MovingClock(datetime.fromisoformat(wanted["now"]), look=timedelta(milliseconds=1))
    services = Services(settings, store, clock)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for _ in range(wanted["times"]):
        sys.stdout.write(f"{services.sync().status}\n")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
