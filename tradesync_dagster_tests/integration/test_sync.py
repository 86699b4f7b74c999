"""A sync from broker to books: the simulated exchange over HTTP, real databases."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tradesync_dagster.domain.errors import AccountNotFoundError
from tradesync_dagster.domain.money import parse_price
from tradesync_dagster.store import tables
from tradesync_dagster_tests.support.desk import Desk, ask, open_desk


def dump(desk: Desk, *names: str) -> dict[str, list[Any]]:
    """Read whole tables in key order."""
    chosen = names or tuple(tables.metadata.tables)
    with desk.services.store.reading() as connection:
        return {
            name: [
                tuple(row)
                for row in connection.execute(select(table).order_by(*table.primary_key.columns))
            ]
            for name, table in tables.metadata.tables.items()
            if name in chosen
        }


def ledger(desk: Desk, account: str = "desk/SIM001") -> list[tuple[Any, ...]]:
    return sorted(
        (r["trade_date"], r["broker_order_id"], r["symbol"], r["side"], r["quantity"],
         r["filled_quantity"], r["status_word"])
        for r in desk.services.orders(account, days=30)
    )  # fmt: skip


def exchange_ledger(desk: Desk, user: str = "SIM001") -> list[tuple[Any, ...]]:
    return sorted(
        (o["trade_date"], o["order_id"], o["tradingsymbol"], o["transaction_type"], o["quantity"],
         o["filled_quantity"], o["status"])
        for o in desk.truth(user)["orders"]
    )  # fmt: skip


def test_a_hand_placed_order_is_external_within_one_sync(desk: Desk) -> None:
    order_id = desk.by_hand("BUY", 10)
    result = desk.one()
    assert (result.status, result.external_orders, result.candidates) == ("success", 1, 0)
    (row,) = desk.services.external_orders("desk/SIM001")
    assert (row["broker_order_id"], row["origin"], row["status"]) == (
        order_id, "external", "executed",
    )  # fmt: skip
    # It had just been placed: the second look waited for its age of a minute, not for a cycle.
    assert desk.clock.slept == [pytest.approx(60, abs=1)]
    events = [row[2] for row in dump(desk, "order_events")["order_events"]]
    assert events == ["seen", "confirmed_external", "attributed"]


def test_an_order_with_our_tag_is_internal(desk: Desk) -> None:
    desk.by_hand("BUY", 10, tag="ts0001")
    result = desk.one()
    assert (result.orders, result.external_orders, result.candidates) == (1, 0, 0)
    assert desk.services.orders("desk/SIM001")[0]["origin"] == "internal"


def test_detection_can_be_switched_off(desk: Desk) -> None:
    desk.by_hand("BUY", 10)
    result = desk.with_settings(external_order_detection_enabled=False).one()
    assert (result.external_orders, result.candidates) == (0, 1)


def test_the_ledger_equals_the_exchange(database_url: str, tmp_path: Path) -> None:
    with open_desk(database_url, tmp_path, accounts=6, people_rate=0.7, seed=11) as desk:
        for _ in range(4):
            desk.step(5)
            desk.clock.move(timedelta(minutes=5))
            assert desk.sync().status == "success"
        desk.sync()
        for user in (f"SIM00{number}" for number in range(1, 7)):
            account = f"desk/{user}"
            assert ledger(desk, account) == exchange_ledger(desk, user)
            truth = desk.truth(user)
            ours = {
                (r["exchange"], r["symbol"], r["product"]): r["quantity"]
                for r in desk.services.positions(account)
                if r["quantity"]
            }
            theirs = {
                (p["exchange"], p["tradingsymbol"], p["product"]): p["quantity"]
                for p in truth["positions"]
                if p["quantity"]
            }
            assert ours == theirs
        fills = dump(desk, "fills")["fills"]
        truths = [f for u in range(1, 7) for f in desk.truth(f"SIM00{u}")["fills"]]
        assert sorted((f[3], f[9], f[10]) for f in fills) == sorted(
            (t["trade_id"], t["quantity"], parse_price(t["price"])) for t in truths
        )
        assert len(fills) > 30


def test_delivery_ages_from_position_to_holding(desk: Desk) -> None:
    desk.by_hand("BUY", 10)
    desk.one()
    (position,) = desk.services.positions("desk/SIM001")
    assert (position["quantity"], desk.services.holdings()) == (10, [])

    desk.clock.move(timedelta(days=1))  # Friday
    desk.one()
    (holding,) = desk.services.holdings("desk/SIM001")
    assert (holding["quantity"], holding["t1_quantity"]) == (0, 10)
    assert desk.services.positions("desk/SIM001") == []

    desk.clock.move(timedelta(days=3))  # Monday
    desk.by_hand("SELL", 4)
    desk.one()
    (holding,) = desk.services.holdings("desk/SIM001")
    (position,) = desk.services.positions("desk/SIM001")
    assert (holding["quantity"], holding["t1_quantity"], position["quantity"]) == (6, 0, -4)
    bought, sold = (parse_price(f["price"]) for f in desk.truth()["fills"])
    assert parse_price(position["realised_pnl"]) == 4 * (sold - bought)


@pytest.mark.parametrize("kind", ["html", "cut", "empty", "null", "error", "lost"])
def test_a_bad_answer_changes_nothing_and_stops_no_other(desk: Desk, kind: str) -> None:
    desk.by_hand("BUY", 10)
    desk.sync()
    before = dump(desk, "orders", "fills", "positions", "holdings", "lots", "book_states")
    desk.by_hand("BUY", 5)
    desk.by_hand("BUY", 5, user_id="SIM002")
    for path in ("/orders", "/trades", "/portfolio"):
        desk.fault(kind, path=path, user_id="SIM001", times=9)
    summary = desk.sync()
    first, second, third = summary.results
    assert (first.status, second.status, third.status) == ("failed", "success", "success")
    assert min(len(error) for error in first.errors) > 20
    assert second.external_orders == 1
    after = dump(desk, "orders", "fills", "positions", "holdings", "lots", "book_states")
    own = first.account_id
    for name in before:
        column = list(tables.metadata.tables[name].columns.keys()).index("account_id")
        assert [r for r in after[name] if r[column] == own] == [
            r for r in before[name] if r[column] == own
        ]
    assert dump(desk, "breaks") == {"breaks": []}
    (snapshot,) = [
        row for row in dump(desk, "snapshots")["snapshots"] if row[0] == first.account_id
    ]
    assert b'"stale":["external_orders"' in snapshot[3]


def test_an_expired_session_says_so_without_the_token(desk: Desk) -> None:
    token = desk.services.store.accounts()[0].credentials["access_token"]
    desk.clock.move(timedelta(0))
    from_exchange = f"{desk.url}/sim/logout"
    ask(from_exchange, {"user_id": "SIM001"})
    result = desk.one()
    assert result.status == "failed"
    assert "token" in " ".join(result.errors).lower() or "session" in " ".join(result.errors)
    assert token not in repr(dump(desk, "sync_results", "outbox", "snapshots"))


def test_nothing_new_changes_nothing(desk: Desk) -> None:
    desk.by_hand("BUY", 10)
    desk.sync()
    same = ("orders", "order_events", "fills", "lots", "positions", "holdings", "snapshots",
            "raw_payloads", "breaks", "quarantine", "instruments")  # fmt: skip
    before = dump(desk, *same)
    desk.clock.move(timedelta(minutes=5))
    summary = desk.sync()
    assert [result.changed for result in summary.results] == [frozenset()] * 3
    assert dump(desk, *same) == before
    assert len(dump(desk, "outbox")["outbox"]) == 7, "two ticks of three, one external order"


def test_force_makes_the_same_books_again(desk: Desk) -> None:
    desk.by_hand("BUY", 10)
    desk.sync()
    before = dump(desk, "lots", "positions", "holdings")
    result = desk.sync(force=True).results[0]
    assert result.positions_regenerated
    assert dump(desk, "lots", "positions", "holdings") == before


def test_positions_can_be_switched_off(desk: Desk) -> None:
    desk.by_hand("BUY", 10)
    result = desk.with_settings(position_generation_enabled=False).one()
    assert (result.status, result.positions, result.positions_regenerated) == ("success", 0, False)


def test_an_account_that_is_not_there_is_named(desk: Desk) -> None:
    with pytest.raises(AccountNotFoundError, match="desk/NOBODY"):
        desk.sync("desk/NOBODY")


def test_a_slow_account_is_left_behind_at_its_deadline(desk: Desk) -> None:
    desk.fault("slow", path="/orders", user_id="SIM001", times=1, seconds=40)
    first, second, _ = desk.with_settings(account_deadline_seconds=5.0).sync().results
    assert "within 5 s" in first.errors[0]
    # The deadline is for all four answers: the others were not asked for any more.
    assert (first.status, second.status) == ("failed", "success")
    assert sum(first.seconds.values()) < 40


def test_a_tick_tells_how_the_broker_answered(desk: Desk) -> None:
    found = {one.endpoint: one for one in desk.sync().response_times}
    assert {"GET /orders", "GET /trades", "GET /portfolio/positions"} <= set(found)
    orders = found["GET /orders"]
    assert (orders.broker, orders.count, orders.failures) == ("ZERODHA", 3, 0)
    assert 0 < orders.mean_seconds <= orders.max_seconds
