"""The command line: ``tradesync``.

What belongs here: the commands, what they print and the processes they start. What does not: rules,
queries and wiring (``bootstrap``).
"""

from tradesync_dagster.cli.main import app

__all__ = ["app"]
