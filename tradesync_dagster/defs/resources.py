"""What Dagster hands to assets, sensors and schedules: the project's own services.

What belongs here: opening and closing the services with Dagster's lifecycle. What does not: wiring
them (``bootstrap``).
"""

from collections.abc import Iterator
from contextlib import closing

import dagster as dg

from tradesync_dagster.bootstrap import Services, open_services


@dg.resource(description="The project's services; settings come from the environment.")
def services_resource(_context: dg.InitResourceContext) -> Iterator[Services]:
    """Open the services for one run or one sensor tick, and close them after it.

    Nothing is opened when definitions load.

    Args:
        _context: Dagster's; not used.

    Yields:
        The services.
    """
    with closing(open_services()) as services:
        yield services
