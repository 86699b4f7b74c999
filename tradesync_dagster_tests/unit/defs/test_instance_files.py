"""The instance files load, every block of them."""

import shutil
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import make_url

ROOT = Path(__file__).parents[3]


def check(home: Path) -> None:
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert instance.get_settings("retention")["schedule"] == {"purge_after_days": 7}
        assert instance.get_settings("sensors") == {"use_threads": True, "num_workers": 4}
        assert instance.get_settings("schedules") == {"use_threads": True, "num_workers": 4}
        assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 4
        assert instance.run_monitoring_enabled
        assert instance.freshness_enabled
        assert not instance.telemetry_enabled
        instance.add_dynamic_partitions("accounts", ["DESK/A"])
        assert list(instance.get_dynamic_partitions("accounts")) == ["DESK/A"]


def test_embedded_instance(tmp_path: Path) -> None:
    shutil.copy(ROOT / "dagster.yaml", tmp_path)
    check(tmp_path)


@pytest.mark.postgres
def test_postgres_instance(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_url(postgres_url)
    shutil.copy(ROOT / "deploy" / "dagster.postgres.yaml", tmp_path / "dagster.yaml")
    parts = {"HOST": url.host, "PORT": url.port or 5432, "DB": url.database,
             "USERNAME": url.username, "PASSWORD": url.password or "unused"}  # fmt: skip
    for name, value in parts.items():
        monkeypatch.setenv(f"DAGSTER_PG_{name}", str(value))
    check(tmp_path)
