"""``tradesync backfill``: past days made anew in one run of the Dagster that is up.

What belongs here: arguments, and telling how the run went. What does not: speaking to Dagster
(``bootstrap.dagster_graphql``), making days anew (``sync.history``).
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from typing import Annotated

import typer

from tradesync_dagster.bootstrap import Services, open_services
from tradesync_dagster.bootstrap.dagster_graphql import ENDED, Dagster, DagsterAbsentError
from tradesync_dagster.cli.arguments import DAGSTER_URL, DagsterUrl
from tradesync_dagster.cli.screen import AsJson, print_json, warn
from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.domain.market_calendar import trade_date_of

_JOB = "rebuild_history"
_OP = "rebuild_days"
_LOOK_SECONDS = 1.0


def backfill(
    *,
    since: Annotated[
        datetime,
        typer.Option("--from", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="The first day."),
    ],
    until: Annotated[
        datetime | None,
        typer.Option(
            "--to",
            formats=["%Y-%m-%d"],
            metavar="YYYY-MM-DD",
            help="The last day; today if not given.",
        ),
    ] = None,
    account: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORG/ACCOUNT",
            help="This account only; may be given again. All enabled ones if not given.",
        ),
    ] = None,
    dagster_url: DagsterUrl = DAGSTER_URL,
    wait: Annotated[bool, typer.Option(help="Stay until the run has ended.")] = True,
    here: Annotated[
        bool,
        typer.Option("--here", help="Make the books anew without Dagster, which shows none of it."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make past days anew and show them in Dagster: one run and one pass for any set of accounts.

    Exit code 1 when the run did not succeed.
    """
    services = open_services()
    first, last = _days(services, since.date(), until.date() if until else None)
    keys = [services.chosen(key)[0].key for key in account or ()]
    if here:
        _make_here(services, keys, first, as_json=as_json)
        return
    config = {"accounts": keys, "since": str(first), "until": str(last)}
    with _ways_out():
        _make_there(Dagster(dagster_url), config, wait=wait, as_json=as_json)


@contextmanager
def _ways_out() -> Iterator[None]:
    """Say what else this command could do where no Dagster answers."""
    try:
        yield
    except DagsterAbsentError as error:
        raise ConfigurationError(
            f"{error}, name another with --dagster-url, or make the books anew without it with "
            "--here"
        ) from None


def _make_there(
    dagster: Dagster, config: Mapping[str, object], *, wait: bool, as_json: bool
) -> None:
    run_id = dagster.launch(_JOB, {"ops": {_OP: {"config": config}}})
    page = dagster.page(run_id)
    if not as_json:
        typer.echo(f"run {run_id}: {page}")
    status = _await(dagster, run_id) if wait else dagster.status(run_id)
    if as_json:
        print_json({"run_id": run_id, "url": page, "status": status})
    elif wait:
        typer.echo(status)
    if status in ENDED and status != "SUCCESS":
        for sentence in dagster.reasons(run_id):
            warn(sentence)
        raise typer.Exit(1)


def _days(services: Services, first: date, last: date | None) -> tuple[date, date]:
    today = trade_date_of(services.clock.now())
    if last is not None and last > today:
        raise ConfigurationError(f"--to {last} is still to come; today is {today} in Asia/Kolkata")
    last = last or today
    if first > last:
        raise ConfigurationError(f"--from {first} is after {last}")
    return first, last


def _make_here(services: Services, keys: list[str], first: date, *, as_json: bool) -> None:
    chosen = keys or [account.key for account in services.store.accounts()]
    services.rebuild_history(chosen, first)
    if as_json:
        print_json({"run_id": None, "url": None, "status": "SUCCESS"})
    else:
        typer.echo(f"{len(chosen)} accounts made anew from {first} on; Dagster was not told.")


def _await(dagster: Dagster, run_id: str) -> str:
    while (status := dagster.status(run_id)) not in ENDED:
        time.sleep(_LOOK_SECONDS)
    return status
