"""Finding installed strategies by the entry point group ``tradesync.strategies``.

What belongs here: which there are, and making one. What does not: what a strategy is
(``domain.strategies``).
"""

from importlib.metadata import entry_points

from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.domain.example_strategy import BuyTheDip
from tradesync_dagster.domain.strategies import GROUP, Strategy

_BUILT_IN = {"dip": BuyTheDip}


def strategy_names() -> list[str]:
    """Name the strategies that there are."""
    return sorted({*_BUILT_IN, *(one.name for one in entry_points(group=GROUP))})


def make_strategy(name: str) -> Strategy:
    """Make a strategy anew.

    Args:
        name: Of an entry point, or of one that comes with tradesync.

    Returns:
        The strategy.

    Raises:
        ConfigurationError: None has that name, or it cannot be made.
    """
    if name in _BUILT_IN:
        return _BUILT_IN[name]()
    for point in entry_points(group=GROUP, name=name):
        try:
            made: Strategy = point.load()()
        except (Exception, SystemExit) as error:
            raise ConfigurationError(
                f"the strategy {name!r} ({point.value}) cannot be made: "
                f"{type(error).__name__}: {error}"
            ) from error
        return made
    raise ConfigurationError(
        f"no strategy {name!r} is installed; there are: {', '.join(strategy_names())}"
    )
