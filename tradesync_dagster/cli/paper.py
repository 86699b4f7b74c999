"""The exchange of paper accounts, from the command line's side: whether it must be started.

What belongs here: what ``run`` does for paper accounts. What does not: opening one
(``bootstrap.paper``), serving the exchange (``exchange``).
"""

import sys
from collections.abc import Iterable

from tradesync_dagster.bootstrap.paper import BROKER
from tradesync_dagster.cli.processes import answers
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.settings import Settings

COMMAND = [sys.executable, "-m", "tradesync_dagster.cli", "exchange", "paper"]


def port_to_serve(settings: Settings, accounts: Iterable[Account]) -> int | None:
    """Tell where the exchange of paper accounts must be started, if it must.

    Args:
        settings: Where it is.
        accounts: Those that syncs include.

    Returns:
        Its port, when an account is there, it is on this machine, and nothing answers.
    """
    port = settings.paper_port
    there = any(one.broker == BROKER and one.base_url == settings.paper_url for one in accounts)
    return port if port is not None and there and not answers(port, "/sim/health") else None
