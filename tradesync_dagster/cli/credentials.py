"""How a person or a script hands credentials over.

What belongs here: asking for them unseen, and reading them from standard input. What does not:
keeping them (``store``), which a broker needs (its adapter). Nothing here prints one.
"""

import re
import sys
from collections.abc import Iterable, Mapping, Sequence

import orjson
import typer

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.domain.errors import ConfigurationError

_NAMED = re.compile(r"([a-z][a-z0-9_]{0,63})(=-)?")


def gather(
    needed: Sequence[str],
    options: Mapping[str, str],
    wanted: Sequence[str],
    stored: Mapping[str, str],
    elsewhere: Mapping[str, str],
) -> dict[str, str]:
    """Take what is given, and ask for what is still lacking.

    Args:
        needed: What the broker needs.
        options: What options gave; empty where they did not.
        wanted: See ``named``.
        stored: What the account has; it stays, but is asked for anew where nothing else is given.
        elsewhere: What will not be stored.

    Returns:
        Names to secrets, to be stored.
    """
    given = {name: secret for name, secret in options.items() if secret} | named(wanted)
    had = {**(stored if given else {}), **elsewhere, **given}
    return given | ask(name for name in needed if name not in had)


def ask(names: Iterable[str]) -> dict[str, str]:
    """Ask for credentials, unseen."""
    return {name: typer.prompt(name.replace("_", " "), hide_input=True) for name in names}


def named(wanted: Sequence[str]) -> dict[str, str]:
    """Ask for what is written as NAME, and read a line of standard input for each NAME=-.

    Raises:
        ConfigurationError: One is written otherwise, or standard input has too few lines.
    """
    found: dict[str, str] = {}
    for one in wanted:
        match = _NAMED.fullmatch(one)
        if match is None:  # it may hold the secret itself, so it is not repeated
            raise ConfigurationError(
                "--credential is a name such as access_token, to be asked for it, or "
                "access_token=- to send it by standard input; no secret belongs on a command line"
            )
        name = match[1]
        found |= {name: _line(name)} if match[2] else ask([name])
    return found


def _line(name: str) -> str:
    line = sys.stdin.readline().strip()
    if not line:
        raise ConfigurationError(f"standard input has no line for {name}")
    return line


def read_object() -> dict[str, str]:
    """Read a JSON object of names to secrets from standard input.

    Raises:
        ConfigurationError: It holds none.
    """
    try:
        found = orjson.loads(sys.stdin.buffer.read())
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict) or not found:
        raise ConfigurationError("standard input holds no JSON object of credentials")
    wrong = [name for name, secret in found.items() if not isinstance(secret, str) or not secret]
    if wrong:
        raise ConfigurationError(f"the credentials {', '.join(wrong)} are not text")
    return found


def elsewhere(services: Services, organization: str, pseudo_account: str) -> dict[str, str]:
    """Read what the environment holds for an account, which may be one that is not added yet."""
    known = services.store.accounts(enabled_only=False, as_stored=True)
    this = (organization, pseudo_account)
    everyone = {(one.organization_id, one.pseudo_account) for one in known} | {this}
    return services.settings.account_credentials(sorted(everyone)).get(this, {})
