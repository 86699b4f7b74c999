"""Days that Dagster shows follow late, corrected and annulled fills by themselves, once.

Real books and a real Dagster instance; the sensor is evaluated as the daemon does, and what it asks
for is run.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

import dagster as dg
import pytest

from tradesync_dagster.definitions import build_definitions
from tradesync_dagster.defs.changed_history import changed_history
from tradesync_dagster.defs.jobs import history_config
from tradesync_dagster.defs.partitions import ACCOUNTS, key_of
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.market_calendar import IST
from tradesync_dagster.domain.money import PRICE_UNIT
from tradesync_dagster.domain.orders import Side
from tradesync_dagster.domain.records import ClosingPrice
from tradesync_dagster.domain.trading_hours import TradingHours
from tradesync_dagster.sync.correcting import Statement, annul_fill, correct_fill
from tradesync_dagster.sync.history import catch_up
from tradesync_dagster_tests.support.desk import OPENING, Desk

KEYS = ["desk/SIM001", "desk/SIM002"]
TODAY = OPENING.astimezone(IST).date()
DAYS = TradingHours().trading_days(
    TODAY - timedelta(days=14), TradingHours().previous_trading_day(TODAY)
)
Late = Callable[[Desk], None]


def fill(name: str, day: date, side: Side = Side.BUY, price: int = 100) -> Fill:
    at = datetime.combine(day, time(11), IST)
    return Fill(
        name, "O1", day, "NSE", "TCS", "NRML", side, 5, price * PRICE_UNIT, at
    )  # fmt: skip


KNOWN = [fill("1", DAYS[0]), fill("2", DAYS[2], Side.SELL, 120), fill("3", DAYS[4])]


def add(desk: Desk, *fills: Fill, account_id: int = 1) -> None:
    """Take fills in as a sync does, books included."""
    with desk.services.store.begin([account_id]) as work:
        work.add_fills([(account_id, one) for one in fills], "broker")
        catch_up(work, [account_id], desk.clock.now())


@pytest.fixture
def instance(desk: Desk) -> Iterator[dg.DagsterInstance]:
    """Two accounts of which all days are recorded."""
    for number in (1, 2):
        add(desk, *KNOWN, account_id=number)
    with dg.instance_for_test() as made:
        made.add_dynamic_partitions(ACCOUNTS, KEYS)
        run(desk, made, history_config(KEYS, DAYS[0], TODAY, rebuild=False))
        yield made


def run(desk: Desk, instance: dg.DagsterInstance, config: Any) -> set[str]:
    """Run the job, and name the days of ``daily_positions`` that it recorded."""
    job = build_definitions({"services": desk.services}).resolve_job_def("rebuild_history")
    result = job.execute_in_process(instance=instance, run_config=config)
    made = [event.materialization for event in result.get_asset_materialization_events()]
    return {str(m.partition) for m in made if m.asset_key == dg.AssetKey("daily_positions")}


def look(desk: Desk, instance: dg.DagsterInstance) -> dg.RunRequest | None:
    resources = {"services": desk.services}
    with dg.build_sensor_context(instance=instance, resources=resources) as context:
        found = changed_history(context)
    return found if isinstance(found, dg.RunRequest) else None


def follow(desk: Desk, instance: dg.DagsterInstance) -> set[str]:
    """Run what the sensor asks for; nothing if it asks for nothing."""
    request = look(desk, instance)
    return run(desk, instance, request.run_config) if request else set()


def shown(instance: dg.DagsterInstance, day: date, key: str = KEYS[0]) -> dict[str, Any]:
    wanted = dg.AssetRecordsFilter(dg.AssetKey("daily_positions"), [str(key_of(key, day))])
    (record,) = instance.fetch_materializations(wanted, limit=1).records
    made = record.asset_materialization
    assert made is not None
    return {name: value.value for name, value in made.metadata.items()}


def days_from(day: date, *keys: str) -> set[str]:
    return {str(key_of(key, one)) for key in keys for one in DAYS if one >= day}


def test_nothing_is_asked_for_when_nothing_changed(desk: Desk, instance: Any) -> None:
    assert look(desk, instance) is None
    add(desk, *KNOWN)
    desk.services.rebuild_history(KEYS, DAYS[1])
    assert look(desk, instance) is None


def late(desk: Desk) -> None:
    add(desk, fill("9", DAYS[3]))


def corrected(desk: Desk) -> None:
    (account, _) = desk.services.store.accounts()[:2]
    said = Statement(DAYS[4], KNOWN[2].fill_id, "the exchange said so", "asha")
    assert correct_fill(
        desk.services.store, account, said, {"quantity": 3}, desk.clock.now()
    )  # fmt: skip


def annulled(desk: Desk) -> None:
    (account, _) = desk.services.store.accounts()[:2]
    said = Statement(DAYS[2], KNOWN[1].fill_id, "never traded", "asha")
    assert annul_fill(desk.services.store, account, said, desk.clock.now())


def priced(desk: Desk) -> None:
    with desk.services.store.begin([1, 2]) as work:
        work.put_closing_prices([ClosingPrice("NSE", "TCS", DAYS[4], 130 * PRICE_UNIT)])


@pytest.mark.parametrize(
    ("change", "first", "keys"),
    [
        (late, DAYS[3], KEYS[:1]),
        (corrected, DAYS[4], KEYS[:1]),
        (annulled, DAYS[2], KEYS[:1]),
        (priced, DAYS[4], KEYS),
    ],
)
def test_a_change_is_recorded_from_its_day_on_and_once(
    desk: Desk, instance: Any, change: Late, first: date, keys: list[str]
) -> None:
    before = {day: shown(instance, day) for day in DAYS}
    change(desk)
    assert follow(desk, instance) == days_from(first, *keys)
    differing = {day for day in DAYS if shown(instance, day) != before[day]}
    assert differing == {day for day in DAYS if day >= first}
    assert look(desk, instance) is None


def test_what_changes_while_days_are_recorded_is_recorded_again(
    desk: Desk, instance: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    late(desk)
    request = look(desk, instance)
    assert request is not None
    marked = type(desk.services).mark_shown

    def meanwhile(*arguments: Any) -> None:
        add(desk, fill("10", DAYS[3]))
        marked(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(type(desk.services), "mark_shown", meanwhile)
        run(desk, instance, request.run_config)
    again = look(desk, instance)
    assert again is not None
    assert again.run_key != request.run_key
    assert follow(desk, instance) == days_from(DAYS[3], KEYS[0])
    assert look(desk, instance) is None


def test_a_run_that_fails_leaves_its_days_to_be_asked_for(desk: Desk, instance: Any) -> None:
    late(desk)
    request = look(desk, instance)
    assert request is not None
    one_account = history_config([KEYS[1]], DAYS[0], DAYS[-1], rebuild=False)
    run(desk, instance, one_account)
    some_days = history_config([KEYS[0]], DAYS[4], DAYS[-1], rebuild=False)
    run(desk, instance, some_days)
    assert look(desk, instance) == request


def test_books_that_are_stale_wait_for_the_sync_that_makes_them(desk: Desk, instance: Any) -> None:
    with desk.services.store.begin([1]) as work:
        work.add_fills([(1, fill("9", DAYS[3]))], "broker")
    assert look(desk, instance) is None
    with desk.services.store.begin([1]) as work:
        catch_up(work, [1], desk.clock.now())
    assert follow(desk, instance) == days_from(DAYS[3], KEYS[0])


def test_what_was_traded_after_the_evenings_record_follows_the_next_day(
    desk: Desk, instance: Any
) -> None:
    add(desk, replace(fill("9", TODAY), symbol="INFY"))
    assert look(desk, instance) is None
    desk.clock.move(timedelta(days=1))
    assert follow(desk, instance) == {str(key_of(KEYS[0], TODAY))}
    assert look(desk, instance) is None
