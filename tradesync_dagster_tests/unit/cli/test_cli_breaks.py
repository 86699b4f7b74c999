"""``tradesync breaks list`` over real SQLite books."""

from datetime import UTC, datetime

import pytest

from tradesync_dagster.domain.breaks import Break
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.support.commands import done, told

EVIDENCE = {"missing": ["B1", "B2"], "missing_count": 2}


@pytest.fixture(autouse=True)
def one_break(store: SqlStore) -> None:
    at = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
    with store.begin([1]) as work:
        work.put_breaks([Break(1, "book_shrank", "2026-03-02", at, EVIDENCE)])


def test_the_table_says_the_evidence_in_words_and_the_json_as_it_is() -> None:
    drawn = done("breaks", "list", "acme/main")
    assert "missing: B1, B2; missing count: 2" in drawn
    [row] = told("breaks", "list")
    assert row["evidence"] == EVIDENCE
