"""What a cycle reads of books that changed a little: the rows that changed, and nothing else."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from tradesync_dagster.brokers import kite
from tradesync_dagster.store import evidence_tables, tables
from tradesync_dagster.sync.snapshot_documents import snapshot_document
from tradesync_dagster_tests.support.monitored import WatchedDesk, open_watched_desk
from tradesync_dagster_tests.support.trading import KEY


class Reads(list[str]):
    """The ids of order rows that were read, in order; says and forgets them."""

    def told(self) -> list[str]:
        found = sorted(self)
        self.clear()
        return found


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[WatchedDesk]:
    with open_watched_desk(database_url, tmp_path) as opened:
        yield opened


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    found, whole = Reads(), kite._order

    def noted(row: Any) -> Any:
        found.append(row["order_id"])
        return whole(row)

    monkeypatch.setattr(kite, "_order", noted)
    return found


def quiet(desk: WatchedDesk) -> None:
    """Let the books be all that there is to know."""
    for _ in range(2):
        desk.at.desk.clock.move(timedelta(minutes=5))
        assert desk.at.desk.one(KEY).status == "success"


def write(desk: WatchedDesk, statement: Any) -> None:
    with desk.at.desk.services.store.engine.begin() as connection:
        connection.execute(statement)


def id_of(desk: WatchedDesk, found: Any) -> str:
    return str(desk.row(found)["broker_order_id"])


def whole_snapshot(desk: WatchedDesk) -> bytes:
    """The snapshot as it is made of everything in the books."""
    services = desk.at.desk.services
    (account,) = services.store.accounts()
    ids, day = [account.account_id], desk.at.desk.clock.moment.date()
    with services.store.look() as work:
        return snapshot_document(
            account, day, work.orders(ids, day), work.positions(ids), work.holdings(ids), []
        )


def stored_snapshot(desk: WatchedDesk) -> bytes:
    with desk.at.desk.services.store.reading() as connection:
        return bytes(connection.scalar(select(tables.snapshots.c.body)) or b"")


def test_of_a_changed_book_the_changed_row_is_read_and_then_nothing(
    desk: WatchedDesk, reads: Reads
) -> None:
    one, other, third = desk.at.resting(), desk.at.resting(), desk.at.resting()
    quiet(desk)
    reads.told()
    assert desk.cycle().changed == []
    assert reads.told() == []
    desk.cancel_by_hand(one)
    found = desk.cycle()
    assert (found.changed, found.moves, found.by_hand) == ([KEY], {"cancelled": 1}, 1)
    assert reads.told() == [id_of(desk, one)]
    assert desk.row(one)["status"] == "cancelled"
    assert stored_snapshot(desk) == whole_snapshot(desk)
    checked = desk.row(other)["last_seen_at"]
    assert desk.cycle().changed == []
    assert reads.told() == [], "no sync came between, and still nothing is open"
    assert desk.row(other)["last_seen_at"] > checked
    desk.by_hand(other, price=desk.at.price(95))
    assert desk.cycle().by_hand == 1
    assert reads.told() == [id_of(desk, other)]
    assert stored_snapshot(desk) == whole_snapshot(desk)
    assert desk.row(third)["status"] == "open"
    quiet(desk)
    assert stored_snapshot(desk) == whole_snapshot(desk)
    assert desk.at.breaks() == []


def test_a_fill_in_a_book_read_in_part_reaches_trades_positions_and_snapshot(
    desk: WatchedDesk, reads: Reads
) -> None:
    one, other = desk.at.resting(), desk.at.resting()
    quiet(desk)
    reads.told()
    desk.by_hand(one, price=desk.at.price(104))
    desk.at.desk.step()
    found = desk.cycle()
    assert found.errors == {}
    assert reads.told() == [id_of(desk, one)]
    assert desk.row(one)["status"] == "executed"
    held = {row["symbol"]: row["quantity"] for row in desk.at.desk.services.positions(KEY)}
    assert held == {"INFY": 17}
    assert stored_snapshot(desk) == whole_snapshot(desk)
    assert desk.row(other)["status"] == "open"
    quiet(desk)
    assert desk.at.breaks() == []


def test_what_is_not_certain_is_read_whole(desk: WatchedDesk, reads: Reads) -> None:
    one, other = desk.at.resting(), desk.at.resting()
    quiet(desk)
    ids = sorted(id_of(desk, each) for each in (one, other))
    before = {each["order_id"] for each in desk.at.desk.truth()["orders"]}
    reads.told()
    theirs = desk.at.desk.by_hand("BUY", 1)
    assert desk.cycle().errors == {}
    assert sorted({*ids, theirs} | before) == reads.told(), "another order came"
    quiet(desk)
    reads.told()
    payloads = evidence_tables.raw_payloads
    write(desk, delete(payloads))
    desk.cancel_by_hand(one)
    assert desk.cycle().moves == {"cancelled": 1}
    assert set(ids) < set(reads.told()), "the book before it is not kept any more"
    states = tables.book_states
    write(desk, update(states).values(settled=False))
    desk.cancel_by_hand(other)
    assert desk.cycle().moves == {"cancelled": 1}
    assert set(ids) < set(reads.told()), "something was open"
    assert stored_snapshot(desk) == whole_snapshot(desk)


def test_an_order_placed_between_the_question_and_the_answer_is_not_overlooked(
    desk: WatchedDesk, reads: Reads, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = desk.at.resting(), desk.at.resting()
    quiet(desk)
    desk.cancel_by_hand(one)
    from tradesync_dagster.sync import monitoring  # noqa: PLC0415 - to stand between its steps

    narrow, placed = monitoring.narrow, []

    def late(*given: Any) -> Any:
        found = narrow(*given)
        placed.append(desk.at.place(verify=False))
        return found

    reads.told()
    with monkeypatch.context() as patch:
        patch.setattr(monitoring, "narrow", late)
        assert desk.cycle().errors == {}
    assert id_of(desk, other) in reads.told(), "what was read in part stood on nothing any more"
    assert desk.row(one)["status"] == "cancelled"
    assert desk.cycle().errors == {}
    assert desk.row(placed[0])["status"] == "executed"
    assert stored_snapshot(desk) == whole_snapshot(desk)
    shown = {each["order_id"] for each in json.loads(stored_snapshot(desk))["orders"]}
    assert str(placed[0].order.order_id) in shown


def test_an_order_that_never_arrived_is_missed_in_books_that_say_the_same(
    desk: WatchedDesk, reads: Reads
) -> None:
    one = desk.at.resting()
    quiet(desk)
    desk.by_hand(one, price=desk.at.price(95))
    assert desk.cycle().by_hand == 1
    desk.at.desk.fault("reset", method="POST")
    lost = desk.at.place(verify=False)
    reads.told()
    for _ in range(8):
        assert desk.cycle().errors == {}
    assert desk.row(lost)["status"] == "failed"
    assert reads.told() != []
    assert desk.cycle().changed == []
    assert desk.cycle().changed == []
    assert len(reads.told()) <= len(desk.at.desk.truth()["orders"]), "all is settled again"
