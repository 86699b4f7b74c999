"""All commands in one place.

What belongs here: which commands there are. What does not: what any of them does.
"""

import typer

from tradesync_dagster.cli import (
    accounts,
    api,
    assigning,
    backfill,
    books,
    breaks,
    exchange,
    fake_orders,
    imports,
    login,
    looks,
    mandates,
    notifications,
    orders,
    pending,
    people,
    records,
    retry_queue,
    schedule,
    servers,
    stack,
    strategies,
    sync,
    ticks,
    twins,
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
app.command("ticks")(ticks.ticks)
accounts.commands.command("trade")(twins.trade)
app.add_typer(accounts.commands, name="accounts")
app.command("login")(login.login)
orders.commands.command("queue")(retry_queue.queue)
orders.commands.command("drop")(retry_queue.drop)
orders.commands.command("tend")(retry_queue.tend)
app.add_typer(orders.commands, name="orders")
app.add_typer(pending.commands, name="pending")
app.add_typer(notifications.commands, name="notifications")
app.command("external")(books.external)
app.command("looks")(looks.looks)
app.command("positions")(books.positions)
app.command("holdings")(books.holdings)
app.command("metrics")(books.metrics)
app.command("assign")(assigning.assign)
app.command("undo-assignment")(assigning.undo)
app.add_typer(strategies.strategies, name="strategies")
app.add_typer(strategies.claims, name="claims")
app.add_typer(strategies.attribution, name="attribution")
app.add_typer(schedule.commands, name="schedule")
app.add_typer(mandates.commands, name="mandates")
app.add_typer(breaks.commands, name="breaks")
app.command("replay")(books.replay)
app.command("backfill")(backfill.backfill)
app.command("import-tradebook")(imports.import_tradebook)
app.add_typer(records.records, name="records")
app.add_typer(records.fills, name="fills")
app.add_typer(fake_orders.fake_orders, name="fake-orders")
app.add_typer(fake_orders.moderation, name="moderation")
app.add_typer(api.commands, name="api")
app.add_typer(people.commands, name="people")
app.add_typer(exchange.commands, name="exchange")
app.add_typer(servers.database, name="db")
app.command("doctor")(servers.doctor)
