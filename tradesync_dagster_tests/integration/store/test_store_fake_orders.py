"""Fake orders in both databases: claims for one alone, and looks that cost what waits."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from alembic import command
from sqlalchemy import event

from tradesync_dagster.domain.fake_orders import FakeOrderStatus
from tradesync_dagster.domain.marks import Mark
from tradesync_dagster.domain.orders import OrderEvent
from tradesync_dagster.domain.publications import OutboxMessage
from tradesync_dagster.store import engine as engines
from tradesync_dagster.store.fake_order_queries import FakeOrderQueries
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.support.fake_orders import HOUR, ORDER, by_id, fake_orders, put
from tradesync_dagster_tests.support.store_frames import stored

LATER = HOUR + timedelta(minutes=1)
AHEAD = timedelta(minutes=10)


def test_what_is_written_is_read_back_the_same(store: SqlStore) -> None:
    full = replace(
        ORDER, status="APPROVED", decided_at=LATER, rt_lmp=-1, reason="r", last_lmp=2**62,
        pnl=-(2**62), marked_at=LATER, next_mark_at=LATER,
    )  # fmt: skip
    marks = [Mark(full.order_id, at, -1, 2**62) for at in (HOUR, LATER)]
    said = OrderEvent(full.order_id, "approved", LATER, {"rt_lmp": "1.00"})
    for _ in range(2):
        with store.begin([]) as work:
            work.add_fake_orders([ORDER])
            work.put_fake_orders([full])
            work.add_marks(marks)
            work.add_fake_order_events([said])
    with store.look() as work:
        assert work.fake_order(full.order_id) == full
        assert work.fake_order(UUID(int=9)) is None
        assert work.fake_order_marks(full.order_id) == marks
        assert work.fake_order_events(full.order_id) == [
            {"at": LATER, "kind": "approved", "detail": {"rt_lmp": "1.00"}}
        ]


def test_an_order_that_is_there_stays_as_it_is(store: SqlStore) -> None:
    put(store, [ORDER])
    put(store, [replace(ORDER, side="SELL")])
    assert list(by_id(store).values()) == [ORDER]


def test_claims_are_of_pending_orders_whose_hour_has_come_earliest_first(store: SqlStore) -> None:
    late, soon = fake_orders(3, HOUR), fake_orders(2, LATER)
    other = fake_orders(1, HOUR, "theirs", organization_id="rival")
    done = fake_orders(1, HOUR, "done", status="REJECTED")
    put(store, [*soon, *late, *other, *done])
    with store.begin([]) as work:
        assert {one.order_id for one in work.claim_due(HOUR, 10, "acme")} == {
            one.order_id for one in late
        }
        assert len(work.claim_due(HOUR, 10)) == 4
        assert len(work.claim_due(LATER, 10)) == 6
        assert {one.hour_start_utc for one in work.claim_due(LATER, 4)} == {HOUR}
        assert work.claim_due(HOUR - timedelta(microseconds=1), 10) == []
        assert work.next_due(LATER) == HOUR
        assert work.next_due(LATER, "rival") == HOUR
        assert work.next_due(HOUR - timedelta(seconds=1)) is None


def test_two_transactions_never_have_the_same_order(store: SqlStore) -> None:
    orders = fake_orders(10)
    put(store, orders)
    if store.engine.dialect.name == "sqlite":
        return  # one writer at a time: a claim is the whole transaction
    with store.begin([]) as one, store.begin([]) as two:
        first, second = one.claim_due(HOUR, 4), two.claim_due(HOUR, 10)
        assert (len(first), len(second)) == (4, 6)
        assert not {o.order_id for o in first} & {o.order_id for o in second}
        assert two.next_due(HOUR) == HOUR


def test_marks_are_claimed_by_their_time(store: SqlStore) -> None:
    due = replace(ORDER, status="APPROVED", next_mark_at=HOUR)
    ended = replace(due, order_id=UUID(int=2), next_mark_at=None)
    put(store, [due, ended])
    with store.begin([]) as work:
        assert work.claim_marks(HOUR - timedelta(microseconds=1), 9) == []
        assert work.claim_marks(HOUR, 9) == [due]
    with store.reading() as connection:
        queries = FakeOrderQueries(connection)
        assert queries.marks_are_due(HOUR)
        assert not queries.marks_are_due(HOUR - timedelta(seconds=1))


def test_counts_are_of_ones_own_organization(store: SqlStore) -> None:
    put(store, fake_orders(2, HOUR) + fake_orders(3, HOUR + AHEAD))
    put(store, fake_orders(4, HOUR + AHEAD + timedelta(seconds=1)))
    put(store, fake_orders(1, HOUR - AHEAD, "theirs", organization_id="rival"))
    with store.reading() as connection:
        queries = FakeOrderQueries(connection)
        assert queries.waiting(HOUR, AHEAD, "acme") == (2, 3, HOUR)
        assert queries.waiting(HOUR, AHEAD, "rival") == (1, 0, HOUR - AHEAD)
        assert queries.waiting(HOUR, AHEAD, None) == (3, 3, HOUR - AHEAD)
        assert queries.waiting(HOUR, AHEAD, "nobody") == (0, 0, None)


def test_the_earliest_due_time_after_a_moment_is_found(store: SqlStore) -> None:
    with store.reading() as connection:
        queries = FakeOrderQueries(connection)
        assert queries.next_due(None, HOUR) is queries.last_created() is None
    made = HOUR - timedelta(minutes=3)
    put(store, fake_orders(2, HOUR, created_at=made) + fake_orders(1, HOUR + AHEAD))
    put(store, fake_orders(1, HOUR - AHEAD, "theirs", organization_id="rival", created_at=made))
    put(store, fake_orders(1, HOUR - 2 * AHEAD, status="REJECTED", created_at=made))
    with store.reading() as connection:
        queries = FakeOrderQueries(connection)
        assert queries.next_due(None, HOUR) == HOUR - AHEAD
        assert queries.next_due(HOUR - AHEAD, HOUR) == HOUR
        assert queries.next_due(HOUR, HOUR + AHEAD) == HOUR + AHEAD
        assert queries.next_due(HOUR, HOUR + AHEAD - timedelta(microseconds=1)) is None
        assert queries.next_due(HOUR + AHEAD, LATER + AHEAD) is None
        assert queries.last_created() == HOUR


def test_lists_have_the_latest_hours_first_and_an_end(store: SqlStore) -> None:
    put(store, fake_orders(3, HOUR) + fake_orders(2, LATER, status="REJECTED"))
    put(store, fake_orders(2, LATER, "theirs", organization_id="rival"))
    with store.reading() as connection:
        queries = FakeOrderQueries(connection)
        hours = [one.hour_start_utc for one in queries.listed("acme", None, 9)]
        assert hours == [LATER] * 2 + [HOUR] * 3
        assert len(queries.listed("acme", FakeOrderStatus.PENDING, 2)) == 2
        assert len(queries.listed(None, None, 9)) == 7
        assert queries.listed("nobody", None, 9) == []


def test_looks_use_the_indexes_of_what_waits(store: SqlStore) -> None:
    put(store, fake_orders(2_000, HOUR, status="REJECTED") + fake_orders(5))
    with store.writing() as connection:
        connection.exec_driver_sql("ANALYZE")
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cur: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement != "BEGIN":
            asked.append((statement, parameters))

    with store.reading() as connection:
        event.listen(connection, "before_cursor_execute", note)
        queries = FakeOrderQueries(connection)
        queries.next_due(HOUR - AHEAD, HOUR)
        queries.last_created()
        queries.waiting(HOUR, AHEAD, None)
        queries.marks_are_due(HOUR)
        event.remove(connection, "before_cursor_execute", note)
        assert len(asked) == 4, "one query a look"
        explain = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
        for (statement, parameters), index in zip(
            asked, ("pending", "created_at", "pending", "live"), strict=True
        ):
            plan = connection.exec_driver_sql(explain + statement, parameters).fetchall()
            assert f"ix_fake_orders_{index}" in str(plan), plan


def test_going_back_keeps_the_messages_of_accounts(store: SqlStore) -> None:
    told = [
        OutboxMessage(f"m{number}", account, "e", "k", b"{}", HOUR)
        for number, account in enumerate((1, None))
    ]
    put(store, [ORDER])
    with store.begin([]) as work:
        work.add_messages(told)
    with store.engine.begin() as connection:
        command.downgrade(engines._config(connection), "0010")
    engines.migrate(store.engine)
    assert [row["message_id"] for row in stored(store, "outbox")] == ["m0"]
    with store.begin([]) as work:
        work.add_messages(told)
    assert [row["account_id"] for row in stored(store, "outbox")] == [1, None]
