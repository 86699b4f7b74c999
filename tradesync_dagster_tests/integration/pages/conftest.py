"""Running pages of a desk and of a rival."""

from collections.abc import Iterator

import pytest

from tradesync_dagster_tests.support.desk import Desk
from tradesync_dagster_tests.support.pages import Pages, running_pages


@pytest.fixture
def pages(desk: Desk) -> Iterator[Pages]:
    """The pages over a desk of three accounts, and one account of a rival."""
    desk.services.add_strategy("desk", "momentum")
    with running_pages(desk.services) as running:
        yield running
