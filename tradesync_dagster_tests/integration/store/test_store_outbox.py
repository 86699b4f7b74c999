"""Snapshots and the outbox: what waits to be published."""

from dataclasses import replace

from tradesync_dagster.domain.publications import Published, Snapshot
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.support.store_frames import dump
from tradesync_dagster_tests.support.store_rows import (
    T1,
    message,
)


def test_a_snapshots_version_grows_only_with_its_content(store: SqlStore) -> None:
    with store.begin([1, 2]) as work:
        assert work.put_snapshots({1: b"a", 2: b"x"}) == {1, 2}
        assert work.put_snapshots({1: b"a", 2: b"y"}) == {2}
        assert work.put_snapshots({1: b"a"}) == set()
        assert work.put_snapshots({}) == set()
    first, second = Snapshot(1, "ORG/A1", 1, b"a"), Snapshot(2, "ORG/A2", 2, b"y")
    assert store.unpublished(None) == [first, second]


def test_what_was_published_is_not_asked_for_again_until_it_changes(store: SqlStore) -> None:
    with store.begin([1, 2]) as work:
        work.put_snapshots({1: b"a", 2: b"x"})
    taken = store.unpublished(None)
    with store.begin([1]) as work:
        work.put_snapshots({1: b"b"})
    store.mark_published(taken)
    newer = Snapshot(1, "ORG/A1", 2, b"b")
    assert store.unpublished(None) == [newer]
    store.mark_published([newer])
    store.mark_published(taken)
    store.mark_published([])
    assert store.unpublished(None) == [], "an older version does not undo a newer one"
    assert store.unpublished([2, 1]) == [newer, taken[1]], "asked for by account: all of them"


def test_only_what_is_published_whole_can_have_been_lost_by_the_publisher(store: SqlStore) -> None:
    with store.begin([1, 2]) as work:
        work.put_snapshots({1: b"a", 2: b"x"})
    assert store.published([1, 2]) == []
    store.mark_published(store.unpublished(None))
    with store.begin([1]) as work:
        work.put_snapshots({1: b"b"})
    assert store.published([1, 2]) == [Published(2, "ORG/A2", 1)], "of 1, the newest still waits"
    assert store.published([1]) == []


def test_the_outbox_is_sent_in_the_order_it_was_filled(store: SqlStore) -> None:
    with store.begin([1]) as work:
        work.add_messages([message(3), message(1)])
    with store.begin([1]) as work:
        work.add_messages([message(2), message(3)])
    assert store.pending_messages(10) == [message(3), message(1), message(2)]
    assert store.pending_messages(2) == [message(3), message(1)]
    store.mark_sent(["m3", "m1"], T1)
    store.mark_sent([], T1)
    assert store.pending_messages(10) == [message(2)]
    with store.begin([1]) as work:
        work.add_messages([message(3)])
    assert store.pending_messages(10) == [message(2)], "a sent message is not sent again"


def test_only_unsent_messages_get_another_body(store: SqlStore) -> None:
    with store.begin([1]) as work:
        work.add_messages([message(1), message(2)])
    store.mark_sent(["m1"], T1)
    store.update_messages({"m1": b"late", "m2": b"whole", "m9": b"nobody"})
    store.update_messages({})
    assert store.pending_messages(10) == [replace(message(2), body=b"whole")]
    bodies = {row[1]: row[5] for row in dump(store)["outbox"]}
    assert bodies == {"m1": b"body 1", "m2": b"whole"}
