"""Whether the desk's tasks run.

What belongs here: settings of tasks. What does not: schedules and mandates, which are in the books
and change without a restart.
"""

from pydantic import Field
from pydantic_settings import BaseSettings


class TaskSettings(BaseSettings):
    """The desk's tasks."""

    tasks_enabled: bool = True
    """Whether scheduled tasks are done at all; accounts without mandates place no orders."""
    strategy_seconds: int = Field(default=60, ge=1, le=600)
    """How long a strategy may take to say what to buy; then its process is ended."""
