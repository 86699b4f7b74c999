"""Whether the desk's tasks run.

What belongs here: settings of tasks. What does not: schedules and mandates, which are in the books
and change without a restart.
"""

from pydantic_settings import BaseSettings


class TaskSettings(BaseSettings):
    """The desk's tasks."""

    tasks_enabled: bool = True
    """Whether scheduled tasks are done at all; accounts without mandates place no orders."""
