"""``tradesync exchange serve``: the simulated exchange as a process of its own.

What belongs here: its options. What does not: the exchange (``brokers.exchange``).
"""

import sqlite3
from pathlib import Path
from typing import Annotated

import typer

from tradesync_dagster.brokers.exchange.server import FACES, ExchangeConfig
from tradesync_dagster.brokers.exchange.server import serve as serve_exchange
from tradesync_dagster.cli.screen import Group
from tradesync_dagster.domain.errors import ConfigurationError

commands = typer.Typer(cls=Group, no_args_is_help=True, help="The simulated exchange.")


@commands.callback()
def _exchange() -> None:
    """The simulated exchange."""


@commands.command("serve")
def serve(  # noqa: PLR0913 - one parameter an option
    *,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8650,
    accounts: Annotated[int, typer.Option(min=1, max=100_000, help="How many accounts.")] = 20,
    seed: Annotated[int, typer.Option(help="The same seed lives the same days.")] = 7,
    journal: Annotated[
        Path | None, typer.Option(help="Keep everything in this file, and go on from it.")
    ] = None,
    step_seconds: Annotated[
        float | None, typer.Option(min=0.01, help="Let the market move by itself this often.")
    ] = None,
    latency_ms: Annotated[float, typer.Option(min=0, help="Delay every answer.")] = 0,
    people_rate: Annotated[
        float, typer.Option(min=0, max=1, help="Chance that an account trades by hand in a step.")
    ] = 0.05,
    history_days: Annotated[int, typer.Option(min=0, help="Days traded before the first.")] = 0,
    brokers: Annotated[
        str, typer.Option(metavar="NAME,...", help="Dealt out to the accounts in turn.")
    ] = "ZERODHA",
) -> None:
    """Serve the simulated exchange until it is interrupted."""
    _make_room(journal)
    names = _known(brokers)
    config = ExchangeConfig(
        host=host, port=port, accounts=accounts, seed=seed, journal=journal,
        step_seconds=step_seconds, latency_ms=latency_ms, people_rate=people_rate,
        history_days=history_days, brokers=names,
    )  # fmt: skip
    typer.echo(f"Simulated exchange: http://{host}:{port} ({accounts} accounts)")
    try:
        serve_exchange(config)
    except OSError as error:
        raise ConfigurationError(
            f"the exchange cannot listen on {host}:{port}: {error.strerror or error}"
        ) from None
    except (ValueError, sqlite3.Error) as error:
        raise ConfigurationError(f"the exchange cannot go on from {journal}: {error}") from None


def _known(brokers: str) -> tuple[str, ...]:
    names = tuple(name.strip().upper() for name in brokers.split(","))
    faces = [make.broker for make in FACES]
    if not set(names) <= set(faces):
        raise ConfigurationError(f"--brokers are some of {', '.join(sorted(faces))}, by commas")
    return names


def _make_room(journal: Path | None) -> None:
    if journal is None:
        return
    try:
        journal.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"the journal {journal} cannot be kept: {error.strerror}; choose another --journal"
        ) from None
