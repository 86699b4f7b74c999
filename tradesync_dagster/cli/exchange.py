"""``tradesync exchange``: the simulated exchange as a process of its own.

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
from tradesync_dagster.settings import load_settings

commands = typer.Typer(cls=Group, no_args_is_help=True, help="The simulated exchange.")

_PAPER_STEP_SECONDS = 15.0
"""How often its prices move: every step is lived again at a start, about a second for a day's."""


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
    _serve(config)


@commands.command("paper")
def paper() -> None:
    """Serve the exchange of paper accounts at TRADESYNC_PAPER_URL until it is interrupted.

    It begins without an account, and goes on from its journal under TRADESYNC_HOME.
    """
    settings = load_settings()
    if settings.paper_port is None:
        raise ConfigurationError(
            f"TRADESYNC_PAPER_URL is {settings.paper_url}, which is not on this machine: start "
            "the exchange there"
        )
    journal = settings.home / "paper.journal"
    _make_room(journal)
    typer.echo(f"Exchange of paper accounts: {settings.paper_url}; its journal: {journal}")
    config = ExchangeConfig(
        port=settings.paper_port, accounts=0, journal=journal, people_rate=0.0,
        step_seconds=_PAPER_STEP_SECONDS, brokers=("PAPER",),
    )  # fmt: skip
    _serve(config)


def _serve(config: ExchangeConfig) -> None:
    try:
        serve_exchange(config)
    except OSError as error:
        raise ConfigurationError(
            f"the exchange cannot listen on {config.host}:{config.port}: {error.strerror or error}"
        ) from None
    except (ValueError, sqlite3.Error) as error:
        raise ConfigurationError(
            f"the exchange cannot go on from {config.journal}: {error}"
        ) from None


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
