"""Accounts whose brokers say nothing new are looked at, not looked into; time still counts."""

import asyncio
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from tradesync_dagster.domain.results import AccountResult, TickSummary
from tradesync_dagster.store import evidence_tables, tables
from tradesync_dagster.store.page_queries import PageQueries
from tradesync_dagster.sync.fetching import Fetching
from tradesync_dagster_tests.support.desk import Desk

ACCOUNT = "desk/SIM001"
KEYS = ("desk/SIM001", "desk/SIM002", "desk/SIM003")


def rows(desk: Desk, table: Any) -> list[Any]:
    with desk.services.store.reading() as connection:
        query = select(table).order_by(*table.primary_key.columns)
        return [dict(row) for row in connection.execute(query).mappings()]


def looked_into(summary: TickSummary) -> bool:
    return "apply" in summary.parts


def figures(result: AccountResult) -> tuple[object, ...]:
    return (
        result.status, result.errors, result.orders, result.external_orders, result.candidates,
        result.fills, result.positions, result.holdings, result.realised_pnl, result.breaks,
    )  # fmt: skip


def settle(desk: Desk, *accounts: str) -> TickSummary:
    """Sync until all is known; the owner given to an order makes one more look."""
    desk.sync(*accounts)
    return desk.sync(*accounts)


def test_the_same_answers_again_are_looked_at_and_left(desk: Desk) -> None:
    desk.by_hand("BUY", 10)
    before = settle(desk, ACCOUNT)
    states = rows(desk, tables.book_states)
    desk.clock.move(timedelta(minutes=5))
    again = desk.sync(ACCOUNT)
    assert not looked_into(again)
    assert figures(again.results[0]) == figures(before.results[0])
    assert again.results[0].unrealised_pnl == before.results[0].unrealised_pnl
    assert again.results[0].changed == frozenset()
    assert set(again.results[0].seconds) == {"orders", "trades", "positions", "holdings"}
    now = rows(desk, tables.book_states)
    assert {state["kind"] for state in now} == set(again.results[0].seconds)
    assert all(
        new["requested_at"] > old["requested_at"] for old, new in zip(states, now, strict=True)
    )
    assert [s["payload_hash"] for s in now] == [s["payload_hash"] for s in states]
    last, *_ = desk.services.looks(ACCOUNT)
    assert (last["complete"], last["tick_id"]) == (True, again.tick_id)
    assert {one["decision"] for one in last["answers"]} == {"nothing_new"}
    assert {one["rows"] for one in last["answers"]} == {None}


def test_a_quiet_desk_writes_one_row_a_tick_and_organization(desk: Desk) -> None:
    settle(desk)
    before = {name: len(rows(desk, tables_of(name))) for name in ("looks", "sync_results")}
    looks = {key: desk.services.looks(key) for key in KEYS}
    synced = [row["started_at"] for row in last_syncs(desk)]
    assert len(synced) == len(KEYS)
    desk.clock.move(timedelta(minutes=5))
    again = desk.sync()
    assert not looked_into(again)
    packed = [row["tick_id"] for row in rows(desk, evidence_tables.quiet_looks)]
    assert packed.count(again.tick_id) == 1
    assert {name: len(rows(desk, tables_of(name))) for name in before} == before
    for result in again.results:
        new, *old = desk.services.looks(result.account)
        assert old == looks[result.account]
        assert [one["kind"] for one in new["answers"]] == list(result.seconds)
        assert [one["payload_hash"] for one in new["answers"]] == [
            one["payload_hash"] for one in old[0]["answers"]
        ]
        assert {one["outcome"] for one in new["answers"]} == {"complete"}
    assert all(
        row["started_at"] - before >= timedelta(minutes=5)
        for row, before in zip(last_syncs(desk), synced, strict=True)
    )


def last_syncs(desk: Desk) -> list[Any]:
    with desk.services.store.reading() as connection:
        found = PageQueries(connection).last_syncs(None)
    return sorted(found, key=lambda row: row["account_id"])


def test_a_look_names_what_another_sync_applied_in_between(desk: Desk) -> None:
    desk.by_hand("BUY", 10)
    settle(desk, ACCOUNT)
    desk.clock.move(timedelta(minutes=5))
    desk.sync(ACCOUNT)
    with desk.services.store.writing() as connection:  # as if the monitor had applied the book
        table = tables.looks
        connection.execute(table.update().values(answers=[{"kind": "orders", "payload_hash": "0"}]))
    (order_book, *_) = desk.services.looks(ACCOUNT)[0]["answers"]
    held = {
        row["payload_hash"] for row in rows(desk, tables.book_states) if row["kind"] == "orders"
    }
    assert order_book["payload_hash"] in held


def test_a_new_order_is_seen_in_spite_of_what_was_known(desk: Desk) -> None:
    desk.by_hand("BUY", 10)
    settle(desk)
    desk.by_hand("BUY", 5)
    found = desk.sync()
    assert [result.orders for result in found.results] == [2, 0, 0]
    assert found.results[0].external_orders == 2
    assert found.results[0].changed >= {"order_book", "orders", "positions", "snapshots"}


def test_positions_are_made_again_when_their_time_has_come(desk: Desk) -> None:
    desk.by_hand("BUY", 10)
    settle(desk, ACCOUNT)
    for minutes, due in ((30, False), (31, True), (5, False)):
        desk.clock.move(timedelta(minutes=minutes))
        summary = desk.sync(ACCOUNT)
        assert (looked_into(summary), summary.results[0].positions_regenerated) == (due, due)


def test_another_day_is_looked_into(desk: Desk) -> None:
    settle(desk, ACCOUNT)
    assert not looked_into(desk.sync(ACCOUNT))
    desk.clock.move(timedelta(days=1))
    assert looked_into(desk.sync(ACCOUNT))


def test_force_looks_into_all(desk: Desk) -> None:
    settle(desk)
    summary = desk.sync(force=True)
    assert [result.positions_regenerated for result in summary.results] == [True] * len(KEYS)


def test_prices_alone_are_taken_without_reading_orders(desk: Desk) -> None:
    desk.by_hand("BUY", 10)
    settle(desk, ACCOUNT)
    old = {row["symbol"]: row["last_price"] for row in rows(desk, tables_of("instruments"))}
    desk.step(3)
    desk.clock.move(timedelta(minutes=5))
    summary = desk.sync(ACCOUNT)
    new = {row["symbol"]: row["last_price"] for row in rows(desk, tables_of("instruments"))}
    assert not looked_into(summary)
    assert new["INFY"] != old["INFY"]
    desk.step(3)
    desk.clock.move(timedelta(minutes=6))
    assert desk.sync(ACCOUNT).results[0].positions_regenerated, "after ten minutes prices count"


def tables_of(name: str) -> Any:
    return tables.metadata.tables[name]


def test_what_differs_is_looked_into_until_it_is_gone(desk: Desk) -> None:
    desk.by_hand("BUY", 10)
    settle(desk, ACCOUNT)
    with desk.services.store.writing() as connection:
        connection.execute(tables_of("positions").update().values(quantity=11))
    desk.step(3)  # new prices, so that positions are compared
    desk.clock.move(timedelta(minutes=5))
    assert not looked_into(desk.sync(ACCOUNT))
    found = desk.sync(ACCOUNT)  # the same again, but for the difference that was found
    assert looked_into(found)
    assert found.results[0].breaks == 1


def test_an_order_changed_by_somebody_else_reaches_the_snapshot(desk: Desk) -> None:
    desk.by_hand("BUY", 10)
    settle(desk, ACCOUNT)
    with desk.services.store.begin([1]) as work:
        work.put_orders(work.orders([1], desk.clock.now().date()), [])
    assert looked_into(desk.sync(ACCOUNT))
    assert not looked_into(desk.sync(ACCOUNT))


def test_answers_of_a_wrong_clock_leave_open_ends(desk: Desk) -> None:
    real = desk.clock.now
    desk.by_hand("BUY", 10)
    desk.clock.now = lambda: real() + timedelta(minutes=3)  # type: ignore[method-assign]
    assert desk.one().orders == 0, "nothing is created by a wrong clock"
    desk.clock.now = lambda: real() + timedelta(minutes=3, seconds=1)  # type: ignore[method-assign]
    assert looked_into(desk.sync(ACCOUNT))


def test_a_hanging_account_keeps_nobody_waiting(desk: Desk) -> None:
    desk.fault("slow", path="/orders", user_id="SIM002", times=1, seconds=40)

    async def ask() -> list[list[str]]:
        brokers = desk.services.brokers()
        fetching = Fetching(brokers, desk.clock, deadline_seconds=5.0)
        accounts = desk.services.store.accounts()
        try:
            return [
                sorted(f"{look.account.key} {look.orders.outcome}" for look in looks)
                async for looks in fetching.fetch(accounts)
            ]
        finally:
            await brokers.close()

    first, second = asyncio.run(ask())
    assert first == ["desk/SIM001 complete", "desk/SIM003 complete"]
    assert second == ["desk/SIM002 failed"]


def test_each_tick_leaves_its_summary(desk: Desk) -> None:
    summary = desk.sync()
    (row,) = desk.services.last_ticks()
    assert (row["tick_id"], row["accounts"], row["status"]) == (summary.tick_id, 3, "success")
    assert row["statuses"] == {"success": 3}
    assert row["overrun_seconds"] == "0.00"
    assert {"fetch", "apply", "books", "snapshots", "publish"} <= set(row["parts"])


def test_what_ticks_tell_of_themselves_is_cleared_in_time(desk: Desk) -> None:
    desk.by_hand("BUY", 10)
    for _ in range(3):
        desk.sync()
        desk.clock.move(timedelta(minutes=5))
    assert set(desk.services.clear_ticks().values()) == {0}
    desk.clock.move(timedelta(days=20))
    orders = rows(desk, tables.orders)
    gone = desk.services.clear_ticks()
    results = len(rows(desk, tables.sync_results))
    assert (gone["ticks"], results) == (3, 3), "each account's last result stays"
    assert gone["outbox"] >= 9
    assert rows(desk, tables.orders) == orders
