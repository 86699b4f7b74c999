"""Cycles of the order monitor: what one costs, how that grows, and how soon a change is shown.

The simulated exchange runs in a process of its own, and the books are in SQLite in a temporary
directory. "Beyond the brokers" is a cycle's wall time without the waiting for their answers, which
here includes taking them out of their envelopes; "of this process" is its processor time, which
says more where other processes are busy. Changes are cancellations by hand, spread over as many
accounts as there are changes: with 100 orders each every book differs, which is the worst case.

"Read whole" is the same cycle over the same number of changes in books that had something open, so
that none of their rows may be left unread: what every changed book cost before books were read in
part. "Still open" is a quiet cycle over such books: before, each book that a cycle had changed
stayed so until the next sync. A change is shown where Redis has it (database 7 at 127.0.0.1:6379,
under a name of this run that is deleted afterwards); without that server, where the store has its
snapshot. It counts from the cancellation at the exchange: pushed by Kite's signed message, handed
over without the network; polled by a cycle that starts at once. The wait for its minute, thirty
seconds on average, comes on top.
"""

import argparse
import http.client
import json
import secrets
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import redis
from sqlalchemy import update

from benchmarks.sync import _ask
from tradesync_dagster.bootstrap import Services, open_services
from tradesync_dagster.bootstrap.hints import Hints
from tradesync_dagster.brokers.exchange.server import ExchangeConfig, running_exchange
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.publish.redis_snapshots import ACCOUNTS_KEY, account_key
from tradesync_dagster.settings import Settings
from tradesync_dagster.store import tables
from tradesync_dagster.store.engine import migrate, open_engine
from tradesync_dagster.sync.monitoring import Cycle

REDIS = "redis://127.0.0.1:6379/7"
_ROUNDS = 5
_LONGEST = 60.0
"""Seconds after which a change that is not shown is a failure of this benchmark."""


def _redis() -> "redis.Redis | None":
    client = redis.Redis.from_url(REDIS)
    try:
        client.ping()
    except redis.RedisError:
        return None
    return client


def _services(
    home: Path, url: str, organization: str = "bench", *, shown: bool = False
) -> Services:
    settings = Settings(
        home=home, database_url=f"sqlite:///{home / 'books.sqlite3'}",
        redis_url=REDIS if shown else None, redis_cluster_hosts="", rabbitmq_url=None,
        confirm_seconds=0, minimum_age_seconds=0, _env_file=None,
    )  # fmt: skip
    migrate(open_engine(settings.books_url))
    services = open_services(settings)
    names = ("api_key", "api_secret", "access_token")
    services.store.put_accounts(
        [
            Account(
                0, organization, user["user_id"], "ZERODHA", base_url=url,
                credentials={name: user[name] for name in names},
            )
            for user in _ask(f"{url}/sim/accounts")
        ]
    )  # fmt: skip
    return services


def _fill(url: str, users: list[str], orders: int) -> dict[str, list[str]]:
    """Place orders that rest; return their ids by account."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=60)
    placed: dict[str, list[str]] = {}
    for user in users:
        for number in range(orders):
            body = {
                "user_id": user, "exchange": "NSE", "tradingsymbol": "ITC", "quantity": 1,
                "transaction_type": "BUY", "order_type": "SL", "product": "MIS",
                "price": "440", "trigger_price": "438", "tag": f"ts{number}",
            }  # fmt: skip
            connection.request("POST", "/sim/orders", json.dumps(body))
            answer = json.loads(connection.getresponse().read())
            assert "TRIGGER" in answer["data"]["status"], answer
            placed.setdefault(user, []).append(answer["data"]["order_id"])
    connection.close()
    return placed


def _cancel(url: str, user: str, order_id: str) -> None:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=60)
    connection.request("DELETE", f"/sim/orders/{user}/{order_id}")
    assert connection.getresponse().status == 200
    connection.close()


@dataclass
class _Desk:
    """Accounts with open orders, and what was measured on them, by name."""

    services: Services
    url: str
    placed: dict[str, list[str]]
    server: "redis.Redis | None"
    organization: str
    found: dict[str, list[float]] = field(default_factory=dict)

    def note(self, name: str, seconds: float) -> None:
        self.found.setdefault(name, []).append(seconds)

    def cycle(self, name: str) -> Cycle:
        begun = time.process_time()
        cycle = self.services.monitoring().cycle()
        assert len(cycle.asked) == len(self.placed), cycle.errors
        self.note(f"{name}, of this process", time.process_time() - begun)
        self.note(name, cycle.seconds)
        self.note(f"{name}, beyond", cycle.seconds - cycle.waited)
        return cycle

    def change(self) -> int:
        """Cancel a hundredth of the orders by hand, of as many accounts as there are changes."""
        users = sorted(self.placed, key=lambda user: -len(self.placed[user]))
        changes = max(sum(map(len, self.placed.values())) // 100, 1)
        for number in range(changes):
            user = users[number * len(users) // changes]
            _cancel(self.url, user, self.placed[user].pop())
        return changes

    def unsettle(self) -> None:
        """Let all books have something open, so that they are read whole."""
        with self.services.store.engine.begin() as connection:
            connection.execute(update(tables.book_states).values(settled=False))

    def measure(self) -> None:
        self.cycle("nothing changed")
        changes = self.change()
        assert self.cycle("1% changed").moves == {"cancelled": changes}
        self.services.sync()
        changes = self.change()
        self.unsettle()
        assert self.cycle("1% changed, read whole").moves == {"cancelled": changes}
        self.unsettle()
        self.cycle("nothing changed, still open")
        self.services.sync()
        for how in ("push", "poll"):
            fullest = max(self.placed, key=lambda user: len(self.placed[user]))
            self.note(f"by {how}", self._shown(fullest, push=how == "push"))

    def _shown(self, user: str, *, push: bool) -> float:
        """Return the seconds from a change at the exchange to where it is shown."""
        order_id, key = self.placed[user].pop(), f"{self.organization}/{user}"
        users = _ask(f"{self.url}/sim/accounts")
        secret = next(one["api_secret"] for one in users if one["user_id"] == user)
        checksum = sha256(f"{order_id}now{secret}".encode()).hexdigest()
        body = {"order_id": order_id, "order_timestamp": "now", "checksum": checksum}
        hints, begun = Hints(self.services), time.perf_counter()
        _cancel(self.url, user, order_id)
        if push:
            assert hints.kite(key, json.dumps(body).encode())
        else:
            self.services.monitoring().cycle()
        while self._status(key, order_id) != "CANCELLED":
            assert time.perf_counter() - begun < _LONGEST, "the change is not shown"
            time.sleep(0.001)
        taken = time.perf_counter() - begun
        hints.close()
        return taken

    def _status(self, key: str, order_id: str) -> str:
        if self.server is None:
            rows = self.services.orders(key)
        else:
            rows = json.loads(self.server.hget(account_key(key), "body") or "{}").get("orders", [])
        words = (row["status_word"] for row in rows if row["broker_order_id"] == order_id)
        return next(words, "")

    def close(self) -> None:
        if self.server is not None:
            keys = [f"{self.organization}/{user}" for user in self.placed]
            self.server.delete(*map(account_key, keys))
            self.server.srem(ACCOUNTS_KEY, *keys)
        self.services.close()


def measure(accounts: int, orders: int) -> dict[str, float]:
    """Time cycles over accounts with open orders: median seconds by what is measured."""
    config = ExchangeConfig(accounts=accounts, people_rate=0.0)
    organization, server = f"bench{secrets.token_hex(4)}", _redis()
    with tempfile.TemporaryDirectory() as home, running_exchange(config) as url:
        services = _services(Path(home), url, organization, shown=server is not None)
        users = [user["user_id"] for user in _ask(f"{url}/sim/accounts")]
        desk = _Desk(services, url, _fill(url, users, orders), server, organization)
        try:
            for _ in range(2):
                services.sync()  # all are new, then all are known
            for _ in range(_ROUNDS):
                desk.measure()
        finally:
            desk.close()
    return {name: statistics.median(taken) for name, taken in desk.found.items()}


def run(
    shapes: tuple[tuple[int, int], ...] = ((100, 100), (10, 10), (1000, 10)),
) -> Iterator[tuple[str, str]]:
    """Measure, and give figures by name."""
    costs: dict[tuple[int, int], float] = {}
    for accounts, orders in shapes:
        found = measure(accounts, orders)
        shape = f"{accounts} accounts x {orders} open orders"
        for what in ("nothing changed", "1% changed"):
            yield (
                f"{shape}, {what}",
                f"{found[what]:.2f} s, {found[f'{what}, beyond']:.2f} s beyond the brokers, "
                f"{found[f'{what}, of this process']:.2f} s of this process",
            )
        for less, more in (
            ("1% changed", "1% changed, read whole"),
            ("nothing changed", "nothing changed, still open"),
        ):
            ratios = [
                found[f"{more}{part}"] / found[f"{less}{part}"]
                for part in ("", ", beyond", ", of this process")
            ]
            whole, beyond, own = (f"{ratio:.1f}" for ratio in ratios)
            yield (
                f"{shape}, {more}",
                f"{whole} times the cycle, {beyond} beyond the brokers, {own} of this process",
            )
        for how in ("push", "poll"):
            where = "Redis" if _redis() is not None else "the store"
            yield f"{shape}, a change in {where} by {how}", f"{found[f'by {how}']:.2f} s"
        costs[accounts, orders] = found["1% changed, of this process"]
    if (10, 10) in costs and (1000, 10) in costs:
        growth = costs[1000, 10] / costs[10, 10]
        yield "from 10 to 1000 accounts, 1% changed", f"{growth:.1f} times of this process"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", nargs="+", default=["100x100", "10x10", "1000x10"])
    wanted = parser.parse_args().shapes
    pairs = tuple((int(a), int(b)) for a, b in (one.split("x") for one in wanted))
    for name, figure in run(pairs):
        print(f"{name}: {figure}", flush=True)
