"""From settings to services: the only place of wiring.

What belongs here: which class stands behind which port, and what the faces (Dagster, command line,
API) may ask for. What does not: rules, or reading the environment.
"""

from tradesync_dagster.bootstrap.services import Services, open_services
from tradesync_dagster.bootstrap.wiring import SystemClock

__all__ = ["Services", "SystemClock", "open_services"]
