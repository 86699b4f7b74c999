"""How settings of several topics are declared alike.

What belongs here: names of variables. What does not: the settings themselves.
"""

from pydantic import AliasChoices


def named(name: str) -> AliasChoices:
    """Name a setting by its bare variable, one that desks already use.

    Args:
        name: The variable, in upper case.

    Returns:
        The alias for pydantic.
    """
    return AliasChoices(name.lower(), name)
