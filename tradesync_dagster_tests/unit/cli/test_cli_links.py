"""Dagster and the pages of ``demo`` and ``run`` learn how to lead to each other."""

from pathlib import Path

import pytest

from tradesync_dagster.cli.stack import Place, _linked
from tradesync_dagster.settings import Settings

DAGSTER = "TRADESYNC_DAGSTER_URL"
HERE = {
    DAGSTER: "http://127.0.0.1:3000",
    "TRADESYNC_DESK_URL": "http://127.0.0.1:8004",
}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({}, HERE),
        ({"desk_url": "https://desk.example.com"}, {DAGSTER: HERE[DAGSTER]}),
        ({"dagster_url": "https://d.example.com", "desk_url": "https://desk.example.com"}, {}),
        ({"behind_tls_proxy": True}, {}),
    ],
)  # fmt: skip
def test_what_the_settings_say_goes_first(
    tmp_path: Path, said: dict[str, object], told: dict[str, str]
) -> None:
    settings = Settings(_env_file=None, **said)  # type: ignore[arg-type]
    place = Place(tmp_path, tmp_path, {"OTHER": "1"}, tmp_path)
    assert _linked(place, settings, 3000, 8004).environment == {"OTHER": "1"} | told
    assert place.environment == {"OTHER": "1"}
