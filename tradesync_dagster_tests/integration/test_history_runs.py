"""Dagster's history runs over real books: which days they record, and what they leave as it was."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from typing import Any

import dagster as dg
import pandas as pd
import pytest
from sqlalchemy import update

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.definitions import build_definitions
from tradesync_dagster.defs.history import NAMES, daily_books
from tradesync_dagster.defs.jobs import history_config
from tradesync_dagster.defs.partitions import ACCOUNTS, account_days, key_of
from tradesync_dagster.domain.facts import DELIVERY
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.market_calendar import IST
from tradesync_dagster.domain.money import PRICE_UNIT, format_price, parse_price
from tradesync_dagster.domain.orders import Side
from tradesync_dagster.domain.trading_hours import TradingHours
from tradesync_dagster.store.book_tables import lots
from tradesync_dagster.sync.keeping import BEGINNING
from tradesync_dagster_tests.support.desk import Desk

KEYS = ["desk/SIM001", "desk/SIM002", "desk/SIM003"]
DAYS = TradingHours().trading_days(date(2026, 3, 2), date(2026, 3, 20))
MIDDLE = DAYS[4:9]
"""Without the first days, so that there are books from before, and without the last ones."""


def fills(seed: int, days: Sequence[date], per_day: int = 3) -> list[Fill]:
    """Trades by chance, the same for the same seed; shares are sold only while there are some."""
    chance = random.Random(seed)
    held: Counter[str] = Counter()
    made = []
    for day in days:
        for number in range(per_day):
            symbol, product = (
                chance.choice(["INFY", "ITC", "SBIN"]),
                chance.choice(["CNC", "MIS", "NRML"]),
            )
            side, quantity = chance.choice(list(Side)), chance.randint(1, 9)
            if product == "CNC":
                side = side if held[symbol] >= quantity else Side.BUY
                held[symbol] += quantity if side is Side.BUY else -quantity
            at = datetime.combine(day, time(10, number), IST)
            price = chance.randint(100, 120) * PRICE_UNIT
            made.append(
                Fill(
                    f"{seed}-{number}", f"O{number}", day, "NSE", symbol, product, side, quantity,
                    price, at,
                )
            )  # fmt: skip
    return made


def trade(services: Services, days: Sequence[date]) -> None:
    """Give every account trades on these days, and make its books."""
    known = services.store.accounts()
    with services.store.begin([one.account_id for one in known]) as work:
        pairs = [(one.account_id, fill) for one in known for fill in fills(one.account_id, days)]
        work.add_fills(pairs, "broker")
    services.rebuild_history([one.key for one in known], days[0])


@pytest.fixture
def instance(desk: Desk) -> Iterator[dg.DagsterInstance]:
    trade(desk.services, DAYS)
    with dg.instance_for_test() as made:
        made.add_dynamic_partitions(ACCOUNTS, KEYS)
        yield made


def backfill(desk: Desk, instance: dg.DagsterInstance, keys: Sequence[str]) -> Any:
    """Run the assets as the backfill daemon does."""
    tags = {"dagster/asset_partition_range_start": key_of(keys[0], MIDDLE[0]),
            "dagster/asset_partition_range_end": key_of(keys[-1], MIDDLE[-1])}  # fmt: skip
    resources = {"services": desk.services}
    result = dg.materialize([daily_books], instance=instance, resources=resources, tags=tags)
    return recorded(result)


def run(desk: Desk, instance: dg.DagsterInstance, job: str, config: Any = None) -> Any:
    found = build_definitions({"services": desk.services}).resolve_job_def(job)
    return found.execute_in_process(instance=instance, run_config=config)


def recorded(result: dg.ExecuteInProcessResult) -> dict[tuple[str, str | None], dict[str, Any]]:
    made = [event.materialization for event in result.get_asset_materialization_events()]
    return {
        (m.asset_key.to_user_string(), m.partition): {k: v.value for k, v in m.metadata.items()}
        for m in made
    }


def books(desk: Desk) -> tuple[pd.DataFrame, pd.DataFrame]:
    ids = [one.account_id for one in desk.services.store.accounts()]
    with desk.services.store.look() as work:
        kept = work.books_since(ids, BEGINNING, None)
    return tuple(  # type: ignore[return-value]
        frame.sort_values(list(frame.columns[:8])).reset_index(drop=True)
        for frame in (kept.lots, kept.days)
    )


def counts(desk: Desk, key: str, day: date) -> tuple[int, int]:
    """Count what people are shown at a day's end: open positions, and securities held."""
    positions = [row for row in desk.services.positions(key, as_of=day) if row["quantity"]]
    holdings = desk.services.holdings(key, as_of=day)
    bought = [row for row in positions if row["product"] in DELIVERY and row["quantity"] > 0]
    held = {(row["exchange"], row["symbol"], row["product"]) for row in [*holdings, *bought]}
    return sum(row["product"] not in DELIVERY for row in positions), len(held)


def test_a_rectangle_records_its_days_with_what_people_are_shown_of_them(
    desk: Desk, instance: dg.DagsterInstance
) -> None:
    found = backfill(desk, instance, KEYS[:2])
    cells = [(key, day) for key in KEYS[:2] for day in MIDDLE]
    assert set(found) == {(name, key_of(*cell)) for name in NAMES for cell in cells}
    expected = [counts(desk, *cell) for cell in cells]
    assert len(set(expected)) > 3
    for cell, (positions, holdings) in zip(cells, expected, strict=True):
        key = str(key_of(*cell))
        assert found["daily_positions", key]["open_positions"] == positions, key
        assert found["daily_holdings", key]["holdings"] == holdings, key
        profits = [row["realised_pnl"] for row in desk.services.positions(cell[0], cell[1])]
        units = sum(parse_price(profit) for profit in profits)
        assert found["daily_positions", key]["account_realised"] == format_price(units), key
    for name in NAMES:
        keys = account_days.get_partition_keys(dynamic_partitions_store=instance)
        shown = instance.get_status_by_partition(dg.AssetKey(name), keys, account_days) or {}
        filled = {key for key, state in shown.items() if state is not None}
        assert filled == {str(key_of(*cell)) for cell in cells}


def test_both_ways_of_asking_record_the_same_and_leave_the_books_as_they_were(
    desk: Desk, instance: dg.DagsterInstance
) -> None:
    before = books(desk)
    assert len(before[0]) > 20
    first = backfill(desk, instance, KEYS)
    config = history_config(KEYS, MIDDLE[0], MIDDLE[-1], rebuild=True)
    assert recorded(run(desk, instance, "rebuild_history", config)) == first
    assert backfill(desk, instance, KEYS) == first
    for old, new in zip(before, books(desk), strict=True):
        pd.testing.assert_frame_equal(old, new)


def test_a_late_fill_changes_its_day_and_the_later_ones(
    desk: Desk, instance: dg.DagsterInstance
) -> None:
    first = backfill(desk, instance, KEYS[:2])
    account = desk.services.store.accounts()[0]
    late = Fill(
        "late", "O99", MIDDLE[2], "NSE", "TCS", "NRML", Side.BUY, 5, PRICE_UNIT,
        datetime.combine(MIDDLE[2], time(11), IST),
    )  # fmt: skip
    with desk.services.store.begin([account.account_id]) as work:
        work.add_fills([(account.account_id, late)], "broker")
    second = backfill(desk, instance, KEYS[:2])
    gained = {
        key: figures["open_positions"] - first[name, key]["open_positions"]
        for (name, key), figures in second.items()
        if name == "daily_positions"
    }
    later = {str(key_of(account.key, day)) for day in MIDDLE[2:]}
    assert {key: count for key, count in gained.items() if count} == dict.fromkeys(later, 1)


def test_a_saturdays_profit_is_the_saturdays(desk: Desk) -> None:
    saturday, monday = date(2026, 3, 7), date(2026, 3, 9)
    special = desk.with_settings(special_sessions=f"{saturday} 09:15-12:30")
    services = special.services
    (account, *_) = services.store.accounts()
    sides = ((Side.BUY, 100), (Side.SELL, 103))
    made = [
        Fill(
            f"S{at}", f"O{at}", saturday, "NSE", "TCS", "MIS", side, 7, price * PRICE_UNIT,
            datetime.combine(saturday, time(10, at), IST),
        )
        for at, (side, price) in enumerate(sides)
    ]  # fmt: skip
    with services.store.begin([account.account_id]) as work:
        work.add_fills([(account.account_id, fill) for fill in made], "broker")
    services.rebuild_history([account.key], saturday)
    for given, day in ((services, saturday), (desk.services, monday)):
        curve = given.daily([account.key], date(2026, 3, 6), monday)[account.key][""]
        gains = dict(zip(map(date.fromordinal, curve.day.tolist()), curve.realised, strict=True))
        assert {at for at, gain in gains.items() if gain} == {day}
        assert gains[day] == 21 * PRICE_UNIT
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions(ACCOUNTS, [account.key])
        config = history_config([account.key], date(2026, 3, 6), monday, rebuild=False)
        found = recorded(run(special, instance, "rebuild_history", config))
    assert ("daily_positions", f"{account.key}|{saturday}") in found


def answers(result: dg.ExecuteInProcessResult) -> dict[str | None, bool]:
    return {found.partition: found.passed for found in result.get_asset_check_evaluations()}


def test_the_audit_sees_a_lot_that_was_tampered_with_until_the_books_are_made_anew(
    desk: Desk, instance: dg.DagsterInstance
) -> None:
    assert answers(run(desk, instance, "audit_books")) == dict.fromkeys(KEYS, True)
    wanted = desk.services.store.accounts()[1]
    with desk.services.store.writing() as connection:
        changed = connection.execute(
            update(lots)
            .where(lots.c.account_id == wanted.account_id, lots.c.trade_date >= MIDDLE[0])
            .values(quantity=lots.c.quantity + 1)
        ).rowcount
    assert changed
    result = run(desk, instance, "audit_books")
    assert answers(result) == dict.fromkeys(KEYS, True) | {wanted.key: False}
    (wrong,) = [a for a in result.get_asset_check_evaluations() if not a.passed]
    assert wrong.severity == dg.AssetCheckSeverity.ERROR
    assert wrong.metadata["differences"].value == 2 * changed
    assert "stored lot that the fills do not give" in str(wrong.metadata["first_differences"].value)
    recording = history_config([], MIDDLE[0], DAYS[-1], rebuild=False)
    run(desk, instance, "rebuild_history", recording)
    assert not answers(run(desk, instance, "audit_books"))[wanted.key]
    rebuilding = history_config([wanted.key], MIDDLE[0], DAYS[-1], rebuild=True)
    run(desk, instance, "rebuild_history", rebuilding)
    assert answers(run(desk, instance, "audit_books")) == dict.fromkeys(KEYS, True)
