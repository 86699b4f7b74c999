"""Whatever happens in whatever order, the books come out right, and stay as they are.

People and our own programs place orders while syncs, faults and crashes come in between; then comes
a clean pass: a tick and the one five minutes later, since a placement that never reached its broker
is told by two books. After it the books are the exchange's, order by order and fill by fill, and a
third tick changes nothing. A crash is an error that nothing catches, raised where the clock is
read: between any two steps that take time.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tradesync_dagster.brokers.exchange.faults import KINDS
from tradesync_dagster.brokers.exchange.server import ExchangeConfig, running_exchange
from tradesync_dagster.domain.money import parse_price
from tradesync_dagster.store.engine import migrate, open_engine
from tradesync_dagster_tests.support.desk import OPENING, ask
from tradesync_dagster_tests.support.interleaved_play import FatalClock, Play, Step, staged

EXAMPLES = int(os.environ.get("TRADESYNC_INTERLEAVINGS", "20"))  # noqa: TID251 - set by make soak
FAULTS = sorted(set(KINDS) - {"hang", "slow"})
"""Those that cost no time by the wall's clock."""
LOSSY = ("", "lost", "cut", "reset", "html", "empty", "null")
"""What may happen to the answer to a placement, whether it was carried out or not."""
WRITES = ("POST", "PUT", "DELETE")


def steps() -> st.SearchStrategy[list[Step]]:
    who, number = st.integers(0, 1), st.integers(0, 5)
    lossy, ours = st.sampled_from(LOSSY), st.sampled_from([4, 19, 451])
    side, size = st.sampled_from(["BUY", "SELL"]), st.sampled_from([3, 20, 450])

    def made(name: str, *parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
        return st.tuples(st.just(name), *parts)

    one = st.one_of(
        made("hand", who, side, size, st.booleans()),
        made("meddle", number, st.booleans()),
        made("place", who, ours, st.booleans(), st.booleans(), st.just(""), st.just(0)),
        made("place", who, ours, st.booleans(), st.booleans(), lossy, st.integers(0, 9)),
        made("change", number, st.booleans()),
        made("retry", number),
        made("fault", st.sampled_from(FAULTS), st.sampled_from(["", *WRITES])),
        made("step", st.integers(1, 3)),
        made("wait", st.sampled_from([1, 31, 200])),
        made("sync", st.just(0)),
        made("sync", st.integers(1, 60)),
    )
    return st.lists(one, min_size=3, max_size=14)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path, FatalClock]]:
    home = tmp_path_factory.mktemp("interleavings")
    template = home / "books.sqlite3"
    engine = open_engine(f"sqlite:///{template}")
    migrate(engine)
    engine.dispose()
    with running_exchange(ExchangeConfig(start_at=OPENING, accounts=1, people_rate=0.0)) as url:
        yield url, template, FatalClock(url, OPENING)


def ledger(play: Play, user: str) -> tuple[dict[str, Any], dict[str, tuple[int, int]]]:
    """What the books have of an account: orders, and what each was filled with."""
    accounts = play.services.store.accounts()
    [number] = [one.account_id for one in accounts if one.pseudo_account == user]
    orders = {
        row["broker_order_id"]: (row["origin"], row["status"], row["quantity"],
                                 row["filled_quantity"], row["price"])
        for row in play.rows("orders") if row["account_id"] == number and row["broker_order_id"]
    }  # fmt: skip
    fills = [row for row in play.rows("fills") if row["account_id"] == number]
    return orders, sums(fills, "broker_order_id", int)


def exchange(play: Play, user: str) -> tuple[dict[str, Any], dict[str, tuple[int, int]]]:
    """What the exchange has of it, in the books' words."""
    words = {"COMPLETE": "executed", "TRIGGER PENDING": "trigger_pending"}
    truth = ask(f"{play.url}/sim/truth/{user}")
    orders = {
        row["order_id"]: ("external" if row["by_hand"] else "internal",
                          words.get(row["status"], row["status"].lower()), row["quantity"],
                          row["filled_quantity"], parse_price(row["price"]))
        for row in truth["orders"]
    }  # fmt: skip
    return orders, sums(truth["fills"], "order_id", parse_price)


def sums(rows: list[dict[str, Any]], name: str, price: Any) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for row in rows:
        quantity, value = found.get(row[name], (0, 0))
        found[row[name]] = (
            quantity + row["quantity"], value + row["quantity"] * price(row["price"]),
        )  # fmt: skip
    return found


@settings(
    deadline=None,
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(wanted=steps())
def test_one_clean_pass_makes_the_books_right_and_another_changes_nothing(
    wanted: list[Step], stage: tuple[str, Path, FatalClock]
) -> None:
    url, template, clock = stage
    number = len(ask(f"{url}/sim/accounts"))
    with staged(url, template, number, clock) as play:
        for step in wanted:
            play.do(step)
        play.clean_pass()
        for user in play.users:
            orders, fills = ledger(play, user)
            right, traded = exchange(play, user)
            assert orders == right
            assert {key: found[0] for key, found in fills.items()} == {
                key: found[0] for key, found in traded.items()
            }
            for key, (quantity, value) in traded.items():
                assert abs(fills[key][1] - value) <= quantity  # the average's last digit
        assert play.services.breaks() == []
        for row in play.rows("orders"):
            assert row["broker_order_id"] or row["status"] == "failed", row
        before = play.export()
        play.tick()
        after = play.export()
        old, new = json.loads(before), json.loads(after)
        assert {
            name: set(new[name]) ^ set(old[name]) for name in old if new[name] != old[name]
        } == {}
        assert after == before
