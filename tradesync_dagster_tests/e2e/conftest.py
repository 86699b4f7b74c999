"""What the tests of whole processes share."""

from collections.abc import Iterator

import pytest

from tradesync_dagster_tests.support.moderated_house import House, running


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """``tradesync run`` with one account, which is disabled, so that nothing else is done."""
    with running(tmp_path_factory.mktemp("house")) as found:
        yield found
