"""One writer an account; readers wait for nobody."""

import threading
import time

from sqlalchemy import func, select

from tradesync_dagster.domain.book_states import BookState
from tradesync_dagster.store.schema import metadata
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.support.store_rows import (
    DAY,
    T0,
    message,
)


def test_writers_of_one_account_take_turns(store: SqlStore) -> None:
    start = threading.Barrier(2)
    problems: list[BaseException] = []

    def add(account_ids: list[int]) -> None:
        try:
            start.wait(60)
            for _ in range(5):
                with store.begin(account_ids) as work:
                    states = work.states([1])
                    count = int(states[0].payload_hash) if states else 0
                    time.sleep(0.01)
                    work.put_states([BookState(1, "orders", DAY, T0, str(count + 1))])
        except BaseException as error:  # noqa: BLE001 - told by the test's own thread
            problems.append(error)

    threads = [threading.Thread(target=add, args=(ids,)) for ids in ([1, 2], [2, 1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []
    with store.begin([1]) as work:
        assert work.states([1])[0].payload_hash == "10"


def test_readers_do_not_wait_for_a_writer(store: SqlStore) -> None:
    with store.begin([1]) as work:
        work.add_messages([message(1)])
        assert store.pending_messages(1) == []
        assert len(store.accounts()) == 2
    with store.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(metadata.tables["outbox"])) == 1
