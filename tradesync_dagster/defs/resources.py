"""What Dagster hands to assets, sensors and schedules: the project's own services.

What belongs here: opening and closing the services with Dagster's lifecycle. What does not: wiring
them (``bootstrap``).
"""

from collections.abc import Iterator
from contextlib import closing

import dagster as dg

from tradesync_dagster.bootstrap import Services, open_services
from tradesync_dagster.bootstrap.logs import configure_logs


@dg.resource(description="The project's services; settings come from the environment.")
def services_resource(context: dg.InitResourceContext) -> Iterator[Services]:
    """Open the services for one run or one sensor tick, and close them after it.

    Nothing is opened when definitions load.

    Args:
        context: Dagster's; it tells the run, for the log.

    Yields:
        The services.
    """
    with closing(open_services()) as services:
        configure_logs(services.settings, run=context.run.run_id if context.run else "")
        yield services
