"""Books at the newest schema, copied from some that were migrated once: migrating takes a second.

What belongs here: laying books that a test begins with. What does not: how books come to their
schema, which ``integration/store/test_store_migrations`` shows from empty databases.
"""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from sqlalchemy import Engine

from tradesync_dagster.store.engine import migrate, open_engine


@cache
def kept_books() -> Path:
    """Migrated books in SQLite, to be copied; one file a process."""
    folder = Path(tempfile.mkdtemp(prefix="tradesync-books-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    file = folder / "books.sqlite3"
    engine = open_engine(f"sqlite:///{file}")
    migrate(engine)
    engine.dispose()  # the last connection takes the log into the file
    return file


def lay(url: str) -> Engine:
    """Open a database, at the newest schema afterwards; a file that is not there is copied."""
    engine = open_engine(url)
    if engine.dialect.name == "sqlite":
        file = Path(str(engine.url.database))
        if not file.exists():
            shutil.copyfile(kept_books(), file)
    migrate(engine)
    return engine
