"""The API keeps its own word: Schemathesis asks every JSON route what OpenAPI allows, and what not.

Run as the tool itself, against a real server whose books have something in them.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tradesync_dagster.domain.people import Role
from tradesync_dagster_tests.support.answering_dagster import answering_dagster
from tradesync_dagster_tests.support.api import RIVAL, Api, running_api
from tradesync_dagster_tests.support.desk import Desk, open_desk

_SECONDS = 240
_FREE = ("AddStrategy",)
"""What makes new names."""
_OPTIONS = (
    "--phases=examples,coverage,fuzzing", "--max-examples=12", "--generation-deterministic",
    "--request-timeout=20", "--continue-on-failure", "--no-color",
    "--warnings=off",
)  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """One database is enough: what the routes ask of it is tested on both elsewhere."""
    with open_desk(f"sqlite:///{tmp_path}/books.sqlite3", tmp_path) as opened:
        yield opened.with_settings(paper_url=opened.url)


@pytest.fixture
def api(desk: Desk) -> Iterator[Api]:
    """An organization with a strategy, a claim and an external order of its own."""
    desk.services.store.put_accounts([RIVAL])
    _, token = desk.services.keys().add("desk", "asha's terminal", Role.ADMIN)
    desk.services.add_strategy("desk", "momentum")
    desk.services.add_claim("desk", "momentum", "NSE:TCS", "asha")
    desk.by_hand("BUY", 10)
    desk.sync("desk/SIM001")
    with answering_dagster() as dagster, running_api(desk.services, dagster.url) as url:
        yield Api(url, token, "desk")


def narrowed(schema: dict[str, Any], known: dict[str, list[str]]) -> dict[str, Any]:
    """Keep the JSON routes, and name in what they ask for what is there: not all is refused."""
    schema["paths"] = {
        path: {method: one for method, one in methods.items() if _answers_json(one)}
        for path, methods in schema["paths"].items()
    }
    for methods in schema["paths"].values():
        for operation in methods.values():
            # A header's key for repeats says that two bodies are one, which OpenAPI cannot tell.
            places = [one for one in operation.get("parameters", ()) if one["in"] != "header"]
            operation["parameters"] = places
            for place in places:
                if place["required"]:
                    _name(place["name"], place["schema"], known)
    for shape, form in schema["components"]["schemas"].items():
        if form.get("additionalProperties") is False and shape not in _FREE:
            for name, field in form["properties"].items():
                _name(name, field, known)
    return schema


def _answers_json(operation: dict[str, Any]) -> bool:
    answers = [one for code, one in operation["responses"].items() if code < "300"]
    return all("application/json" in one.get("content", {}) for one in answers)


def _name(name: str, form: dict[str, Any], known: dict[str, list[str]]) -> None:
    for plain in (form, *form.get("anyOf", ()), form.get("items", {})):
        if name in known and plain.get("type") == "string":
            plain["enum"] = plain["examples"] = known[name]
    if name in known:
        form.pop("examples", None)


def test_every_route_does_what_openapi_says(desk: Desk, api: Api, tmp_path: Path) -> None:
    [order] = desk.services.external_orders("desk/SIM001")
    known = {
        "organization_id": ["desk"],
        "pseudo_account": ["SIM001"],
        "order_id": [order["order_id"]],
        "order_ids": [order["order_id"]],
        "strategy_id": ["momentum"],
        # What OpenAPI cannot bound: days around the present, and amounts above nothing.
        "quantity_mwh": ["25.50"],
        "limit_price": ["25.50"],
        "hour_start_utc": [f"{desk.clock.now():%Y-%m-%d}T15:00:00Z"],
    }
    told = narrowed(api.send("GET", "/openapi.json").json(), known)
    page = tmp_path / "openapi.json"
    page.write_text(json.dumps(told))
    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "run", str(page), f"--url={api.url}",
         f"--header=Authorization: Bearer {api.token}", *_OPTIONS],
        cwd=tmp_path, capture_output=True, text=True, timeout=_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    count = sum(map(len, told["paths"].values()))
    assert f"{count} selected" in done.stdout, done.stdout
