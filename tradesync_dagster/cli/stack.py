"""``tradesync demo`` and ``tradesync run``: everything at once, until Ctrl-C.

What belongs here: which processes there are, in which order they start, with which settings. What
does not: how processes are kept (``processes``).
"""

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

import tradesync_dagster
from tradesync_dagster.bootstrap import Services, open_services
from tradesync_dagster.cli import paper
from tradesync_dagster.cli.pages import ApiPort, check_ports, start_pages, tell, tell_demo
from tradesync_dagster.cli.processes import Interrupted, Supervisor, hold
from tradesync_dagster.cli.screen import console, warn
from tradesync_dagster.cli.servers import migrate_books
from tradesync_dagster.cli.simulated import Simulated
from tradesync_dagster.cli.sync import sentences, tick_row
from tradesync_dagster.cli.ticks import TickWatch
from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.settings import Settings, child_environment, load_settings

_UI_SECONDS = 300.0
_EXCHANGE_SECONDS = 300.0
_PAPER_SECONDS = 900.0
"""It lives all its days again first."""
_LOOK_SECONDS = 1.0
_WINDOW_SECONDS = 1.0

Port = Annotated[int, typer.Option(min=1, max=65535, help="Where the Dagster UI listens.")]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stack lives.

    Attributes:
        home: Its data.
        folder: The working directory of what is started, where a ``.env`` is looked for.
        environment: Of what is started.
        dagster_home: Dagster's settings and history.
    """

    home: Path
    folder: Path
    environment: dict[str, str]
    dagster_home: Path


def demo(  # noqa: PLR0913 - one an option
    *,
    home: Annotated[Path, typer.Option(help="Where the demo's data stay.")] = Path(
        ".tradesync/demo"
    ),
    port: Port = 3000,
    exchange_port: Annotated[int, typer.Option(min=1, max=65535)] = 8650,
    api_port: ApiPort = 8004,
    accounts: Annotated[int, typer.Option(min=1, max=1000, help="Simulated accounts.")] = 20,
    seed: Annotated[int, typer.Option(help="The same seed lives the same days.")] = 7,
    step_seconds: Annotated[float, typer.Option(min=0.1, help="How often the market moves.")] = 3.0,
    people_rate: Annotated[
        float, typer.Option(min=0, max=1, help="Chance that an account trades by hand in a step.")
    ] = 0.01,
) -> None:
    """Run everything against a simulated exchange, until Ctrl-C; needs no account and no server."""
    home = home.absolute()
    settings, place = _demo_place(home)
    exchange = Simulated(
        exchange_port, accounts, seed, home / "exchange.journal", step_seconds, people_rate
    )
    check_ports({"--port": port, "--exchange-port": exchange_port, "--api-port": api_port})
    with _supervised(_linked(place, settings, port, api_port)) as house:
        with _Preparation(6) as preparing:
            preparing.step("migrating the books")
            migrate_books(settings)
            services = open_services(settings)
            preparing.step("starting the simulated exchange")
            _start_exchange(house, exchange, home)
            preparing.step("registering its accounts")
            _register(services, exchange)
            watch = TickWatch(services)
            preparing.step("first sync")
            first = services.sync(None)
            preparing.step("starting Dagster")
            _start_dagster(house, place, port)
            preparing.step("starting the pages")
            start_pages(house, place.folder, api_port, port)
        tell_demo(api_port, services)
        typer.echo(f"Dagster UI:         http://127.0.0.1:{port}")
        typer.echo(f"Simulated exchange: {exchange.url}")
        typer.echo(f"Books and logs:     {home}")
        typer.echo(f"Look into the books: TRADESYNC_HOME={home} tradesync external")
        typer.echo("Ctrl-C ends all of it.\n")
        watch.tell(tick_row(first))
        for sentence in sentences(first):
            warn(sentence)
        _watch(house, watch)


def run(*, port: Port = 3000, api_port: ApiPort = 8004) -> None:
    """Run Dagster and the pages with your own settings and accounts, until Ctrl-C."""
    settings = load_settings()
    place = _own_place(settings)
    check_ports({"--port": port, "--api-port": api_port})
    with _supervised(_linked(place, settings, port, api_port)) as house:
        with _Preparation(3) as preparing:
            preparing.step("opening the books")
            services = _own_services(settings)
            _start_paper(house, place, services)
            preparing.step("starting Dagster")
            _start_dagster(house, place, port)
            preparing.step("starting the pages")
            start_pages(house, place.folder, api_port, port)
        tell(api_port, services)
        typer.echo(f"Dagster UI:     http://127.0.0.1:{port}")
        typer.echo(f"Books and logs: {place.home}")
        if not services.store.accounts():
            typer.echo("No account is enabled yet: tradesync accounts add ORG/ACCOUNT --broker ...")
        typer.echo("Ctrl-C ends all of it.\n")
        _watch(house, TickWatch(services))


def _demo_place(home: Path) -> tuple[Settings, Place]:
    """Settings of the demo: its own home and books, whatever a ``.env`` names."""
    load_settings()  # says in words what is malformed
    books = f"sqlite:///{home / 'books.sqlite3'}"
    settings = Settings(
        _env_file=None,
        home=home,
        database_url=SecretStr(books),
        confirm_seconds=_WINDOW_SECONDS,
        minimum_age_seconds=_WINDOW_SECONDS,
    )
    dagster_home = home / "dagster"
    environment = child_environment(
        {
            "TRADESYNC_HOME": str(home),
            "TRADESYNC_DATABASE_URL": books,
            "TRADESYNC_CONFIRM_SECONDS": str(_WINDOW_SECONDS),
            "TRADESYNC_MINIMUM_AGE_SECONDS": str(_WINDOW_SECONDS),
            "EXTERNAL_ORDER_SYNC_INTERVAL_MINUTES": "1",
            "DAGSTER_HOME": str(dagster_home),
        }
    )
    return settings, Place(home, home, environment, dagster_home)


def _own_place(settings: Settings) -> Place:
    home = settings.home.absolute()
    inherited = child_environment({})
    dagster_home = Path(inherited.get("DAGSTER_HOME") or home / "dagster").absolute()
    environment = inherited | {"TRADESYNC_HOME": str(home), "DAGSTER_HOME": str(dagster_home)}
    return Place(home, Path.cwd(), environment, dagster_home)


def _linked(place: Place, settings: Settings, port: int, api_port: int) -> Place:
    """Tell Dagster and the pages how browsers of this machine reach them, for links to each other.

    What the settings say goes first; behind a proxy only they can know.
    """
    here = {"TRADESYNC_DAGSTER_URL": port, "TRADESYNC_DESK_URL": api_port}
    said = (settings.dagster_url, settings.desk_url)
    links = {
        name: f"http://127.0.0.1:{at}"
        for (name, at), known in zip(here.items(), said, strict=True)
        if not known and not settings.behind_tls_proxy
    }
    return replace(place, environment=place.environment | links)


def _own_services(settings: Settings) -> Services:
    if settings.database_url is None:
        migrate_books(settings)
    return open_services(settings)


@contextmanager
def _supervised(place: Place) -> Iterator[Supervisor]:
    with hold(place.home), Supervisor(place.environment, place.home / "logs") as house:
        try:
            yield house
        except Interrupted:
            typer.echo("\nEnding every process that was started ...")
    typer.echo("Ended.")


def _start_exchange(house: Supervisor, exchange: Simulated, home: Path) -> None:
    new = not exchange.journal.exists()
    house.start("exchange", exchange.command(), home)
    house.wait_for("the exchange", exchange.port, "/sim/health", _EXCHANGE_SECONDS)
    if new:
        exchange.live()


def _start_paper(house: Supervisor, place: Place, services: Services) -> None:
    """Start the exchange of paper accounts where it is needed and does not run."""
    port = paper.port_to_serve(services.settings, services.store.accounts())
    if port is not None:
        typer.echo(f"starting the exchange of paper accounts: {services.settings.paper_url}")
        house.start("paper exchange", paper.COMMAND, place.folder)
        house.wait_for("the paper exchange", port, "/sim/health", _PAPER_SECONDS)


def _register(services: Services, exchange: Simulated) -> None:
    known = services.store.accounts(enabled_only=False)
    switched_off = {account.key for account in known if not account.enabled}
    desk = exchange.desk({account.key: account.broker for account in known})
    services.store.put_accounts(
        [replace(account, enabled=account.key not in switched_off) for account in desk]
    )


def _start_dagster(house: Supervisor, place: Place, port: int) -> None:
    try:
        _furnish(place)
    except OSError as error:
        raise ConfigurationError(
            f"Dagster cannot use {place.dagster_home}: {error.strerror}; DAGSTER_HOME chooses "
            "another folder"
        ) from None
    command = [sys.executable, "-m", "dagster", "dev", "-m", "tradesync_dagster.definitions"]
    house.start("dagster", [*command, "-h", "127.0.0.1", "-p", str(port)], place.folder)
    house.wait_for("the Dagster UI", port, "/server_info", _UI_SECONDS)


def _furnish(place: Place) -> None:
    """Put into Dagster's home what Dagster looks for there."""
    root = Path(tradesync_dagster.__file__).resolve().parent.parent
    place.dagster_home.mkdir(parents=True, exist_ok=True)
    instance = place.dagster_home / "dagster.yaml"
    if place.dagster_home == place.home / "dagster" or not instance.exists():
        if not (root / "dagster.yaml").exists():
            raise ConfigurationError(f"{root} holds no dagster.yaml: run from a checkout")
        shutil.copyfile(root / "dagster.yaml", instance)
    # Where Dagster's UI notes that its welcome has been seen: a desk wants its books, not a form.
    seen = place.dagster_home / ".nux" / "nux.yaml"
    seen.parent.mkdir(exist_ok=True)
    seen.write_text("seen: 1\n", encoding="ascii")


def _watch(house: Supervisor, watch: TickWatch) -> None:
    while True:
        house.check()
        watch.look()
        time.sleep(_LOOK_SECONDS)


class _Preparation:
    """A progress bar on a terminal, a line a step elsewhere."""

    def __init__(self, steps: int) -> None:
        self._console = console()
        self._bar = Progress(
            TextColumn("{task.description:<34}"), BarColumn(), TimeElapsedColumn(),
            console=self._console, transient=True, disable=not self._console.is_terminal,
        )  # fmt: skip
        self._task = self._bar.add_task("preparing", total=steps)
        self._done = -1

    def __enter__(self) -> "_Preparation":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def step(self, what: str) -> None:
        """Begin the next step."""
        self._done += 1
        self._bar.update(self._task, completed=self._done, description=what)
        if not self._console.is_terminal:
            typer.echo(f"{what} ...")
