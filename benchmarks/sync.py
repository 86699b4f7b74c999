"""One `tradesync sync` over 20 and over 200 accounts, against the simulated exchange.

The first sync meets a day's book of new orders; the second one meets nothing new; the third one
meets a few changes. Seconds are of this machine: read them against one another.
"""

import argparse
import json
import resource
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from tradesync_dagster.bootstrap import Services, open_services
from tradesync_dagster.brokers.exchange.server import ExchangeConfig, running_exchange
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.settings import Settings
from tradesync_dagster.store.engine import migrate, open_engine


def _ask(url: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(  # noqa: S310 - the simulated exchange's own address
        url, data=data, headers={"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=120) as response:  # noqa: S310
        return json.load(response)


def _services(home: Path, url: str) -> Services:
    settings = Settings(  # nothing of a desk's own settings: its books and servers stay clear
        home=home,
        database_url=f"sqlite:///{home / 'books.sqlite3'}",
        redis_url=None,
        redis_cluster_hosts="",
        rabbitmq_url=None,
        confirm_seconds=0,
        minimum_age_seconds=0,
        _env_file=None,
    )
    engine = open_engine(settings.books_url)
    migrate(engine)
    services = open_services(settings)
    services.store.put_accounts(
        [
            Account(
                0,
                "bench",
                user["user_id"],
                "ZERODHA",
                base_url=url,
                credentials={name: user[name] for name in ("api_key", "access_token")},
            )
            for user in _ask(f"{url}/sim/accounts")
        ]
    )
    return services


def measure(accounts: int, latency_ms: int = 0) -> list[tuple[str, float, float, int]]:
    """Time three syncs.

    Args:
        accounts: How many.
        latency_ms: What the exchange adds to each answer.

    Returns:
        (what, wall seconds, CPU seconds of this process, orders) a sync.
    """
    found = []
    config = ExchangeConfig(accounts=accounts, people_rate=1.0, latency_ms=latency_ms)
    with tempfile.TemporaryDirectory() as folder, running_exchange(config) as url:
        _ask(f"{url}/sim/step", {"steps": 50})
        services = _services(Path(folder), url)
        for what in ("all new", "nothing new", "one order an account new"):
            if what.startswith("one"):
                _ask(f"{url}/sim/step", {"steps": 1})
            wall, cpu = time.perf_counter(), time.process_time()
            summary = services.sync()
            found.append(
                (
                    what,
                    time.perf_counter() - wall,
                    time.process_time() - cpu,
                    summary.total("orders"),
                )
            )
            if summary.errors:
                raise RuntimeError(f"the sync had errors: {summary.results[0].errors}")
        services.close()
    return found


def run(small: int = 20, large: int = 200) -> list[tuple[str, str]]:
    """Compare a small and a large desk.

    Args:
        small: Accounts of the small one.
        large: Accounts of the large one.

    Returns:
        (what, figure) rows.
    """
    rows = []
    for few, many in zip(measure(small), measure(large), strict=True):
        growth = many[1] / few[1]
        rows.append(
            (
                f"sync, {few[0]}: {small} and {large} accounts",
                f"{few[1]:.2f} s and {many[1]:.2f} s wall ({growth:.1f}x for {large / small:g}x), "
                f"{few[2]:.2f} s and {many[2]:.2f} s CPU, {few[3]} and {many[3]} orders",
            )
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    rows.append(("peak memory of the syncing process", f"{peak} MiB"))
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, default=20)
    parser.add_argument("--large", type=int, default=200)
    arguments = parser.parse_args()
    for name, figure in run(arguments.small, arguments.large):
        print(f"{name}: {figure}")
