"""The only reader of the environment.

What belongs here: each setting, its default and its check, by topic; keys and credentials that come
from outside the books. What does not: opening what they name (``bootstrap``).
"""

from tradesync_dagster.settings.credentials import credentials_variable
from tradesync_dagster.settings.settings import (
    Settings,
    child_environment,
    foreign_environment,
    load_settings,
)

__all__ = [
    "Settings",
    "child_environment",
    "credentials_variable",
    "foreign_environment",
    "load_settings",
]
