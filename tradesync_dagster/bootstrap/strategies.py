"""Finding installed strategies by the entry point group ``tradesync.strategies``.

What belongs here: which there are, and where. What does not: what a strategy is
(``domain.strategies``), asking one (``strategy_process``).
"""

from importlib.metadata import entry_points

from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.domain.strategies import GROUP, Strategy
from tradesync_dagster.sync.tasks.asking import make

_BUILT_IN = {"dip": "tradesync_dagster.domain.example_strategy:BuyTheDip"}


def strategy_names() -> list[str]:
    """Name the strategies that there are."""
    return sorted({*_BUILT_IN, *(one.name for one in entry_points(group=GROUP))})


def place_of(name: str) -> str:
    """Say where a strategy's code is, without importing it.

    Args:
        name: Of an entry point, or of one that comes with tradesync.

    Returns:
        ``module:Class``.

    Raises:
        ConfigurationError: None has that name.
    """
    if name in _BUILT_IN:
        return _BUILT_IN[name]
    for point in entry_points(group=GROUP, name=name):
        return point.value
    raise ConfigurationError(
        f"no strategy {name!r} is installed; there are: {', '.join(strategy_names())}"
    )


def make_strategy(name: str) -> Strategy:
    """Make a strategy anew, in this process.

    Raises:
        ConfigurationError: None has that name, or it cannot be made.
    """
    return make(name, place_of(name))
