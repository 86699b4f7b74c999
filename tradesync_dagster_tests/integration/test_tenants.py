"""A tenant's key tries every route of another tenant, with real ids of that one's rows.

The routes are those that OpenAPI tells and that the application has: a new one is tried without
being named here, or fails the test because a name in it has no value yet.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tradesync_dagster.api.app import create_app
from tradesync_dagster.bootstrap.dagster_graphql import Dagster
from tradesync_dagster.domain.people import Role
from tradesync_dagster_tests.support.answering_dagster import answering_dagster
from tradesync_dagster_tests.support.api import NOWHERE, RIVAL, Api, running_api
from tradesync_dagster_tests.support.desk import Desk
from tradesync_dagster_tests.support.tenants import KIND, MARK, Theirs, put_theirs, rows_of

UNTOLD = {"/", "/openapi.json", "/metrics", "/hooks/kite/{organization_id}/{pseudo_account}"}
"""What OpenAPI does not tell: the way to the pages, itself, and what programs call."""


@pytest.fixture
def api(desk: Desk) -> Iterator[Api]:
    desk.services.store.put_accounts([RIVAL])
    _, token = desk.services.keys().add("desk", "asha's terminal", Role.ADMIN)
    with answering_dagster() as dagster, running_api(desk.services, dagster.url) as url:
        yield Api(url, token, "desk")


def values(theirs: Theirs, organization: str) -> dict[str, Any]:
    """Give each name in a question a value of theirs."""
    order = str(theirs.order_id)
    return {
        "organization_id": organization, "pseudo_account": "SECRET7", "order_id": order,
        "order_ids": [order], "claim_id": str(theirs.claim_id), "assignment_id": order,
        "strategy_id": theirs.strategy_id, "kind": KIND, "subject": theirs.subject,
        "why": "because", "note": "because", "exchange": "NSE", "symbol": "INFY", "to": "rabbitmq",
        "event": "placed", "wanted": True, "task": "analysis", "market": "PJM", "node": "N",
        "side": "BUY", "quantity_mwh": "1", "limit_price": "2",
        "hour_start_utc": "2026-11-19T15:00:00.000Z", "name": "ours", "through": "paper",
    }  # fmt: skip


def asked(schema: dict[str, Any], known: dict[str, Any], *, every: bool) -> Iterator[Any]:
    """Make a request for each operation; with all that may be said, or only what must be."""
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            query, headers, where = {}, {}, path
            for place in operation.get("parameters", ()):
                name, place_in = place["name"], place["in"]
                if place_in == "path":
                    where = where.replace("{" + name + "}", str(known[name]))
                elif place_in == "query" and (place["required"] or (every and name in known)):
                    query[name] = known[name]
                elif place["required"]:
                    headers[name] = "key"
            yield method, path, where, query, headers, body_of(schema, operation, known, every)


def body_of(
    schema: dict[str, Any], operation: dict[str, Any], known: dict[str, Any], every: bool
) -> dict[str, Any] | None:
    content = operation.get("requestBody", {}).get("content", {})
    if not content:
        return None
    form = content["application/json"]["schema"]
    form = next((one for one in form.get("anyOf", ()) if "$ref" in one), form)
    shape = schema["components"]["schemas"][form["$ref"].rpartition("/")[2]]
    wanted = set(shape.get("required", ()))
    if every:
        wanted |= set(shape["properties"]) & set(known)
    return {name: known[name] for name in sorted(wanted)}


def test_no_key_shows_or_changes_anything_of_another_organization(desk: Desk, api: Api) -> None:
    theirs = put_theirs(desk.services)
    before = rows_of(desk.services, theirs)
    assert len(before) > 8, "rows of many kinds"
    schema = api.send("GET", "/openapi.json").json()
    tried = set()
    for organization in ("rival", "desk"):
        for every in (True, False):
            known = values(theirs, organization)
            for method, path, where, query, headers, body in asked(schema, known, every=every):
                answer = api.send(method.upper(), where, params=query, headers=headers, json=body)
                said = (organization, method, path, answer.status_code, answer.text[:300])
                assert answer.status_code < 500 or path.startswith("/health/"), said
                assert MARK not in answer.text, said
                named = "organization_id" in {**query, **(body or {})}
                if organization == "rival" and named:
                    assert answer.status_code == 403, said
                tried.add((method, path))
                if method != "get":
                    assert rows_of(desk.services, theirs) == before, said
            assert rows_of(desk.services, theirs) == before
    assert len(tried) == sum(map(len, schema["paths"].values()))
    _, token = desk.services.keys().add("rival", "theirs")
    shown = Api(api.url, token, "rival")
    found = [MARK in shown.get(path).text for path in ("/strategies", "/claims", "/breaks")]
    assert found == [True, True, True], "it is there for those whose it is"


def test_what_openapi_does_not_tell_says_nothing_either(desk: Desk, api: Api) -> None:
    theirs = put_theirs(desk.services)
    before = rows_of(desk.services, theirs)
    app = create_app(desk.services, Dagster(NOWHERE, 1))
    told = set(app.openapi()["paths"])
    paths = {path for path in _paths(app.routes) if not path.startswith("/desk")}
    assert paths - told == UNTOLD
    for path in UNTOLD | told:
        where = path
        for name, value in values(theirs, "rival").items():
            where = where.replace("{" + name + "}", str(value))
        for method in ("GET", "POST", "PUT", "DELETE"):
            answer = api.send(method, where, json={} if method == "POST" else None)
            assert MARK not in answer.text, (method, path)
            assert MARK not in str(answer.headers), (method, path)
    assert rows_of(desk.services, theirs) == before


def _paths(routes: Any) -> Iterator[str]:
    for one in routes:
        within = getattr(one, "effective_candidates", None)
        if within is None:
            yield one.path
        else:
            yield from _paths(within())
