"""``python -m tradesync_dagster.cli``: the same as ``tradesync``."""

from tradesync_dagster.cli.main import app

app(prog_name="tradesync")
