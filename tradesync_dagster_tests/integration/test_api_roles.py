"""What keys of each role may do: the routes are those that OpenAPI tells."""

import pytest

from tradesync_dagster.domain.people import Role
from tradesync_dagster_tests.integration.test_tenants import asked, values
from tradesync_dagster_tests.support.api import RIVAL, Api, problem
from tradesync_dagster_tests.support.desk import Desk
from tradesync_dagster_tests.support.tasks import open_twin
from tradesync_dagster_tests.support.tenants import put_theirs


def keyed(api: Api, desk: Desk, role: Role) -> Api:
    return Api(api.url, desk.services.keys().add("desk", role.value, role)[1], "desk")


def test_a_viewer_reads_and_changes_nothing(api: Api, desk: Desk) -> None:
    viewer = keyed(api, desk, Role.VIEWER)
    desk.services.store.put_accounts([RIVAL])
    known = values(put_theirs(desk.services), "desk")
    schema = api.send("GET", "/openapi.json").json()
    read = refused = 0
    for method, path, where, query, headers, body in asked(schema, known, every=False):
        if "security" not in schema["paths"][path][method]:
            continue
        answer = viewer.send(method.upper(), where, params=query, headers=headers, json=body)
        if method == "get":
            assert answer.status_code not in {401, 403}, (path, answer.text)
            read += 1
        else:
            assert answer.status_code == 403, (method, path, answer.text)
            assert "403" in schema["paths"][path][method]["responses"], path
            assert problem(answer) == "this key's role is viewer; this takes operator"
            refused += 1
    assert read > 15
    assert refused > 12


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_only_an_admin_switches_between_paper_and_live(api: Api, desk: Desk, role: Role) -> None:
    open_twin(desk)
    path = "/accounts/SIM001/trade"
    answer = keyed(api, desk, role).post(path, through="paper")
    assert answer.status_code == 403
    assert keyed(api, desk, Role.ADMIN).get(path).json()["through"] == "live"
    assert keyed(api, desk, Role.ADMIN).post(path, through="paper").status_code == 200


def test_an_operator_does_what_is_no_admins(api: Api, desk: Desk) -> None:
    operator = keyed(api, desk, Role.OPERATOR)
    made = operator.post("/strategies", strategy_id="momentum", name="Momentum")
    assert made.status_code < 300, made.text
