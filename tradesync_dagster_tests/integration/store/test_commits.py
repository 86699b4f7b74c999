"""The mark of the last commit, on both databases."""

import pytest
from sqlalchemy import text

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.errors import StoreAwayError
from tradesync_dagster.store.commits import Commits
from tradesync_dagster.store.engine import open_engine
from tradesync_dagster.store.store import SqlStore

_ALL = text("SELECT count(*) FROM accounts")


def test_the_mark_changes_with_every_commit_and_in_sqlite_with_no_read(store: SqlStore) -> None:
    commits = Commits(store.engine)
    seen = [commits.mark()]
    for number in range(5):
        store.put_accounts([Account(0, "desk", f"A{number}", "ZERODHA")])
        seen.append(commits.mark())
        with store.reading() as connection:
            connection.execute(_ALL)
        # a server has other databases, whose commits count as well
        assert commits.mark() == seen[-1] or store.engine.dialect.name == "postgresql"
    assert len(set(seen)) == 6


def test_what_another_process_commits_changes_it_and_what_is_undone_is_not_there(
    store: SqlStore,
) -> None:
    commits = Commits(store.engine)
    other = open_engine(store.engine.url.render_as_string(hide_password=False))
    before = commits.mark()
    with other.connect() as connection, connection.begin() as writing:
        connection.execute(text("DELETE FROM accounts"))
        within = commits.mark()
        writing.commit()
    assert commits.mark() not in {before, within}
    other.dispose()


def test_it_goes_on_after_the_connections_were_closed(store: SqlStore) -> None:
    commits = Commits(store.engine)
    commits.mark()
    store.engine.dispose()
    store.put_accounts([Account(0, "desk", "A", "ZERODHA")])
    before = commits.mark()
    store.put_accounts([Account(0, "desk", "B", "ZERODHA")])
    assert commits.mark() != before


def test_a_server_that_is_away_is_told_in_words() -> None:
    engine = open_engine("postgresql://u:hunter2@127.0.0.1:1/books")
    with pytest.raises(StoreAwayError, match="check TRADESYNC_DATABASE_URL") as raised:
        Commits(engine).mark()
    assert "hunter2" not in str(raised.value)
    engine.dispose()
