"""Fixtures of the integration tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tradesync_dagster_tests.support.api import RIVAL, Api, running_api
from tradesync_dagster_tests.support.desk import Desk, open_desk


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    with open_desk(database_url, tmp_path) as opened:
        yield opened


@pytest.fixture
def api(desk: Desk) -> Iterator[Api]:
    """The desk's API, with a key of its organization; there is a rival's account too."""
    desk.services.store.put_accounts([RIVAL])
    _, token = desk.services.keys().add("desk", "asha's terminal")
    with running_api(desk.services) as url:
        yield Api(url, token, "desk")
