"""Arguments and options that several commands take.

What belongs here: their names, bounds and help. What does not: those of a single command.
"""

from typing import Annotated, Final

import typer

AccountKey = Annotated[str, typer.Argument(metavar="ORG/ACCOUNT")]
OneAccount = Annotated[
    str | None, typer.Argument(metavar="[ORG/ACCOUNT]", help="One account only.")
]
ORDER_NAME: Final = "The broker's id, as `tradesync external` shows it, or order_id of its --json."
"""Help for orders that may be named either way."""
_MOST_DAYS: Final = 3660
Days = Annotated[
    int, typer.Option(min=1, max=_MOST_DAYS, help="How many days back, today included.")
]
DaysBack = Annotated[int, typer.Option(min=1, max=_MOST_DAYS, help="How many days back from now.")]
DagsterUrl = Annotated[
    str, typer.Option("--dagster-url", help="Where the Dagster UI listens; runs start there.")
]
DAGSTER_URL: Final = "http://127.0.0.1:3000"
