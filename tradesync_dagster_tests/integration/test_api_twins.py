"""Switching an account between its broker and paper over HTTP."""

import pytest

from tradesync_dagster.bootstrap.paper import Through, Twins
from tradesync_dagster.domain.errors import PlacementRefusedError
from tradesync_dagster.domain.people import ALL_ORGANIZATIONS, Person, Role
from tradesync_dagster_tests.support.api import Api, problem, running_api
from tradesync_dagster_tests.support.desk import OPENING, Desk
from tradesync_dagster_tests.support.tasks import open_twin

ROOT = Person("root", ALL_ORGANIZATIONS, Role.ADMIN, OPENING)
PATH = "/accounts/SIM001/trade"


def test_an_account_trades_on_paper_and_back_and_the_log_names_the_key(
    admin: Api, desk: Desk
) -> None:
    open_twin(desk)
    live = {"account": "desk/SIM001", "through": "live", "books": "desk/SIM001"}
    paper = live | {"through": "paper", "books": "desk/SIM001-paper"}
    assert admin.get(PATH).json() == live
    for _ in range(2):
        assert admin.post(PATH, through="paper").json() == paper, "again changes nothing"
    assert admin.get(PATH).json() == paper
    assert admin.post(PATH, through="live").json() == live
    log = desk.services.audit_log().listed(ROOT)
    assert [(row["who"], row["action"], row["subject"], row["outcome"]) for row in log[:2]] == [
        ("asha's terminal", "trade through live", "desk/SIM001", "done"),
        ("asha's terminal", "trade through paper", "desk/SIM001", "done"),
    ]


def test_what_cannot_be_switched_is_told_as_on_the_command_line(admin: Api, desk: Desk) -> None:
    open_twin(desk)
    for path, body, status in (
        ("/accounts/SIM001/trade", {"through": "nowhere"}, 422),
        ("/accounts/SIM001/trade", {}, 422),
        ("/accounts/SIM001/trade", {"through": "paper", "organization_id": "rival"}, 403),
        ("/accounts/NONE/trade", {"through": "paper"}, 404),
        ("/accounts/SECRET7/trade", {"through": "paper"}, 404),
    ):
        assert admin.post(path, **body).status_code == status, (path, body)
    refused = admin.post("/accounts/SIM001-paper/trade", through="paper")
    assert refused.status_code == 409
    with pytest.raises(PlacementRefusedError) as told:
        Twins(desk.services).trade("desk/SIM001-paper", Through.PAPER, "asha")
    assert problem(refused) == str(told.value)


def test_the_twin_is_opened_when_it_is_first_needed(desk: Desk) -> None:
    served = desk.with_settings(paper_url=desk.url).services
    _, token = served.keys().add("desk", "terminal", Role.ADMIN)
    with running_api(served) as url:
        answer = Api(url, token, "desk").post(PATH, through="paper")
    assert answer.status_code == 200, answer.text
    twin = next(one for one in served.store.accounts() if one.key == "desk/SIM001-paper")
    assert (twin.broker, twin.base_url, twin.live) == ("PAPER", desk.url, False)
