"""Where downloads lie."""

from pathlib import Path

import pytest

from tradesync_dagster_tests.support.tradebooks import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture(scope="session")
def shared_desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(tmp_path_factory.mktemp("downloads"))
