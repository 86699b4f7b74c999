"""All commands in one place.

What belongs here: which commands there are. What does not: what any of them does.
"""

import typer

from tradesync_dagster.cli import (
    accounts,
    api,
    backfill,
    books,
    breaks,
    exchange,
    imports,
    login,
    records,
    servers,
    stack,
    strategies,
    sync,
)
from tradesync_dagster.cli.screen import Group

app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    help="Keep a trading desk's books true across its broker accounts.",
)
app.command("demo")(stack.demo)
app.command("run")(stack.run)
app.command("sync")(sync.sync)
app.add_typer(accounts.commands, name="accounts")
app.command("login")(login.login)
app.command("orders")(books.orders)
app.command("external")(books.external)
app.command("positions")(books.positions)
app.command("holdings")(books.holdings)
app.command("metrics")(books.metrics)
app.command("assign")(books.assign)
app.add_typer(strategies.strategies, name="strategies")
app.add_typer(strategies.claims, name="claims")
app.add_typer(strategies.attribution, name="attribution")
app.add_typer(breaks.commands, name="breaks")
app.command("replay")(books.replay)
app.command("backfill")(backfill.backfill)
app.command("import-tradebook")(imports.import_tradebook)
app.add_typer(records.records, name="records")
app.add_typer(records.fills, name="fills")
app.add_typer(api.commands, name="api")
app.add_typer(exchange.commands, name="exchange")
app.add_typer(servers.database, name="db")
app.command("doctor")(servers.doctor)
