"""A process that places orders and may be killed on the way: ``python -m`` with a JSON argument."""

import json
import os
import signal
import sys
from datetime import datetime, timedelta
from typing import Any, NoReturn

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.domain.errors import PlacementRefusedError
from tradesync_dagster.domain.order_requests import OrderText
from tradesync_dagster.settings import Settings
from tradesync_dagster.store.engine import open_engine
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster.sync.placing import Placing
from tradesync_dagster_tests.support.clocks import MovingClock


def die(*_: Any, **__: Any) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def main(wanted: dict[str, Any]) -> None:
    settings = Settings(
        home=wanted["home"],
        database_url=wanted["database_url"],
        live_orders_enabled=True,
        broker_api_retry_attempts=0,
        _env_file=None,
    )
    store = SqlStore(open_engine(settings.books_url), settings.cipher())
    clock = MovingClock(datetime.fromisoformat(wanted["now"]), look=timedelta(microseconds=1))
    services = Services(settings, store, clock)
    if wanted.get("die"):
        setattr(Placing, {"before": "_send", "after": "_record"}[wanted["die"]], die)
    text = OrderText("BUY", str(wanted["quantity"]), "NSE:INFY", price=wanted["price"])
    placed = 0
    for _ in range(wanted.get("times", 1)):
        try:
            services.trading().place(
                "desk/SIM001", text, who="asha", key=wanted.get("key", ""), verify=False
            )
            placed += 1
        except PlacementRefusedError as error:
            if wanted["refusal"] not in str(error):
                raise
    sys.stdout.write(f"{placed}\n")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
