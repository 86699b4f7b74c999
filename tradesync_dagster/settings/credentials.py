"""Accounts' credentials that come from the environment in place of stored ones.

What belongs here: their variables' names and form. What does not: stored ones (``store``).
"""

import re
from collections.abc import Mapping

import orjson

from tradesync_dagster.domain.errors import ConfigurationError

_CREDENTIALS = "TRADESYNC_CREDENTIALS_"


def credentials_variable(organization_id: str, pseudo_account: str) -> str:
    """Name the variable that may hold an account's credentials."""
    return _CREDENTIALS + re.sub("[^A-Z0-9]", "_", f"{organization_id}_{pseudo_account}".upper())


def credential_variables(environment: Mapping[str, str | None]) -> dict[str, str]:
    """Pick the variables that hold credentials out of an environment."""
    return {k: v for k, v in environment.items() if v and k.startswith(_CREDENTIALS)}


def secrets_in(name: str, text: str) -> dict[str, str]:
    """Read one account's credentials.

    Args:
        name: The variable, for the error.
        text: Its value.

    Returns:
        Names to secrets.

    Raises:
        ConfigurationError: It is no JSON object of text.
    """
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        found = None
    if isinstance(found, dict) and all(isinstance(v, str) and v for v in found.values()):
        return dict(found)
    what = f'{name} is no JSON object of names to secrets, such as {{"access_token": "..."}}'
    raise ConfigurationError(what)
