"""The dashboard asks for metrics that there are, and for all of them."""

import json
import re
from pathlib import Path
from typing import Any

from tradesync_dagster.api.metrics import ACCOUNT_METRIC, METRICS, PREFIX

ROOT = Path(__file__).resolve().parents[2]
LABELS = {PREFIX + one.name: set(one.labels) for one in METRICS} | {
    PREFIX + ACCOUNT_METRIC: {"organization", "account", "state"}
}


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((ROOT / "deploy" / "grafana.json").read_text())[
        "panels"
    ]
    return found


def test_every_panel_is_named_and_stands_in_a_place_of_its_own() -> None:
    assert len({one["id"] for one in panels()}) == len(panels())
    assert len({one["title"] for one in panels()}) == len(panels())
    places = [(one["gridPos"]["x"], one["gridPos"]["y"]) for one in panels()]
    assert len(set(places)) == len(places)
    assert all(one["targets"] and one["type"] in {"timeseries", "stat"} for one in panels())


def test_it_asks_for_all_metrics_and_only_by_labels_that_they_have() -> None:
    asked = set()
    for target in (target for one in panels() for target in one["targets"]):
        names = set(re.findall(r"\btradesync_\w+", target["expr"]))
        assert len(names) == 1, target
        asked |= names
        (name,) = names
        labels = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        labels |= set(re.findall(r"by \((\w+)\)", target["expr"]))
        assert labels <= LABELS[name], target
    assert asked == set(LABELS)


def test_the_page_on_monitoring_names_every_metric() -> None:
    text = (ROOT / "docs" / "monitoring.md").read_text()
    told = re.findall(r"^\| `(\w+)`", text, re.M)
    names = (f"{PREFIX}{name}" for name in told)
    assert sorted(name for name in names if name in LABELS) == sorted(LABELS)
