"""OpenAPI tells all: each route's purpose, its key, its answers and its failures."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from tradesync_dagster.api.answers import Problem
from tradesync_dagster.api.app import create_app
from tradesync_dagster.bootstrap import Services
from tradesync_dagster.bootstrap.dagster_graphql import Dagster

FAILURES = {"401", "403", "404", "422", "503"}
CONFLICTS = {
    "/external/assign", "/external/undo", "/api/v1/user/orders/{order_id}/retry",
    "/api/v1/user/orders/{order_id}",
}  # fmt: skip
POSTS_THAT_CONFLICT = {("post", "/schedules"), ("post", "/accounts/{pseudo_account}/trade")}
ROUTES = {
    ("post", "/external/trigger-sync"),
    ("post", "/external/assign"),
    ("post", "/external/undo"),
    ("get", "/external/attributions/{pseudo_account}/{order_id}"),
    ("get", "/external/assignments/{pseudo_account}/{order_id}"),
    ("get", "/strategies"),
    ("post", "/strategies"),
    ("get", "/claims"),
    ("post", "/claims"),
    ("delete", "/claims/{claim_id}"),
    ("get", "/external/external-orders/{pseudo_account}"),
    ("get", "/external/looks/{pseudo_account}"),
    ("get", "/external/unassigned-orders/{pseudo_account}"),
    ("get", "/breaks"),
    ("post", "/breaks/explain"),
    ("post", "/breaks/accept"),
    ("post", "/breaks/reopen"),
    ("get", "/positions/{pseudo_account}"),
    ("get", "/holdings/{pseudo_account}"),
    ("get", "/metrics/{pseudo_account}"),
    ("post", "/api/v1/fake-orders"),
    ("get", "/api/v1/fake-orders"),
    ("get", "/api/v1/fake-orders/positions"),
    ("get", "/api/v1/fake-orders/{order_id}"),
    ("get", "/api/v1/scheduler/status"),
    ("post", "/api/v1/scheduler/start"),
    ("post", "/api/v1/scheduler/stop"),
    ("post", "/api/v1/scheduler/force-run"),
    ("get", "/schedules"),
    ("post", "/schedules"),
    ("delete", "/schedules"),
    ("get", "/accounts/{pseudo_account}/trade"),
    ("post", "/accounts/{pseudo_account}/trade"),
    ("get", "/task-turns"),
    ("get", "/heartbeats"),
    ("get", "/api/v1/user/orders"),
    ("get", "/api/v1/user/order-statistics"),
    ("post", "/api/v1/user/orders/{order_id}/retry"),
    ("delete", "/api/v1/user/orders/{order_id}"),
    ("get", "/notification-preferences"),
    ("post", "/notification-preferences"),
    ("get", "/health/live"),
    ("get", "/health/ready"),
    ("get", "/health/sync"),
}
PAGE = Path(__file__).resolve().parents[3] / "docs" / "api.md"
Operation = dict[str, Any]


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    app = create_app(cast("Services", None), Dagster("http://127.0.0.1:3000"))
    return app.openapi()


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, str, Operation]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def test_every_route_has_a_summary_and_nothing_else_is_open(schema: dict[str, Any]) -> None:
    assert {(method, path) for method, path, _ in operations(schema)} == ROUTES
    for _, path, operation in operations(schema):
        assert len(operation["summary"].split()) > 2, path
        assert operation["description"], path
        assert len(operation["tags"]) == 1


def test_every_route_but_health_asks_for_a_key_and_documents_its_failures(
    schema: dict[str, Any],
) -> None:
    (name, scheme), *more = schema["components"]["securitySchemes"].items()
    assert (scheme["type"], scheme["scheme"], more) == ("http", "bearer", [])
    for method, path, operation in operations(schema):
        if path.startswith("/health/"):
            assert "security" not in operation
            continue
        assert operation["security"] == [{name: []}], path
        documented = FAILURES | ({"413"} if method == "post" else set())
        conflicts = path in CONFLICTS or (method, path) in POSTS_THAT_CONFLICT
        documented |= {"409"} if conflicts else set()
        assert {code for code in operation["responses"] if code >= "400"} == documented, path
        for code in documented:
            found = operation["responses"][code]
            assert found["description"]
            assert found["content"]["application/json"]["schema"] == {
                "$ref": "#/components/schemas/Problem"
            }


def test_every_answer_is_typed_and_no_number_is_a_float(schema: dict[str, Any]) -> None:
    for _, path, operation in operations(schema):
        [good] = [code for code in operation["responses"] if code < "400"]
        answer = operation["responses"][good]["content"]["application/json"]["schema"]
        assert "$ref" in answer.get("items", answer), path
    shapes = schema["components"]["schemas"]
    assert "HTTPValidationError" not in shapes
    assert set(shapes["Problem"]["properties"]) == set(Problem.model_fields)
    assert "'type': 'number'" not in str(shapes | schema["paths"])
    for shape, name in (("Position", "realised_pnl"), ("Order", "average_price")):
        assert shapes[shape]["properties"][name]["type"] == "string"
        assert name in shapes[shape]["required"]


def test_what_may_be_asked_is_bounded(schema: dict[str, Any]) -> None:
    for _, path, operation in operations(schema):
        for parameter in operation.get("parameters", ()):
            if parameter["name"] == "days":
                assert (parameter["schema"]["minimum"], parameter["schema"]["maximum"]) == (1, 3660)
            if parameter["in"] == "path":
                assert {"pattern", "format"} & set(parameter["schema"]), path
    for name in (
        "TriggerSync", "Assign", "PartOfOrder", "UndoAssignment", "AddStrategy", "AddClaim",
        "SayOfBreak", "ReopenBreak",
    ):  # fmt: skip
        shape = schema["components"]["schemas"][name]
        assert shape["additionalProperties"] is False
        for field, form in shape["properties"].items():
            bounds = {"pattern", "maxLength", "maxItems", "maximum", "format"}
            plain = next((one for one in form.get("anyOf", ()) if one["type"] != "null"), form)
            assert plain["type"] == "boolean" or bounds & set(plain), (name, field)


def test_the_page_for_people_names_every_route_and_every_failure(schema: dict[str, Any]) -> None:
    page = PAGE.read_text()
    for _, path, operation in operations(schema):
        assert path.replace("{pseudo_account}", "main") in page, path
        for code in operation["responses"]:
            assert code in page, code
