"""Who is told of what, by the page and over HTTP: one state, kept by name, and logged."""

from typing import Any

import pytest
from pydantic import SecretStr

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.domain.notifications import Happening
from tradesync_dagster_tests.support.api import Api, problem, rows
from tradesync_dagster_tests.support.desk import Desk
from tradesync_dagster_tests.support.pages import Page, Pages, running_pages

PATH = "/desk/notifications/preferences"
EVENTS = [one.value for one in Happening]


def state_of(services: Services, to: str, organization: str = "desk") -> dict[str, Any]:
    return next(r for r in services.notifications().preferences(organization) if r["to"] == to)


def ticked(page: Page) -> int:
    return len([1 for tag, given in page.tags if tag == "input" and "checked" in given])


def test_a_recipient_is_told_of_what_is_ticked_and_of_nothing_else(pages: Pages) -> None:
    omar = pages.browser("omar")
    page = omar.get(PATH)
    assert ticked(page) == len(EVENTS), "what was never said is told"
    form = page.form("/preferences")
    kept = omar.send(page, form, "Keep", event=["rejected", "executed"])
    assert (kept.status, ticked(kept)) == (200, 2)
    assert "What rabbitmq is told of was kept." in kept.text
    told = state_of(pages.services, "rabbitmq")
    assert {name for name in EVENTS if told[name]} == {"rejected", "executed"}
    assert ticked(omar.send(kept, kept.form("/preferences"), "Keep")) == 0
    assert all(state_of(pages.services, "rabbitmq", "rival")[name] for name in EVENTS)
    log = pages.browser("asha").get("/desk/audit").text
    assert "omar set preferences rabbitmq desk" in log
    with pages.services.store.reading() as connection:
        who = connection.exec_driver_sql("SELECT DISTINCT who FROM notification_preferences")
        assert list(who.scalars()) == ["omar"]


def test_viewers_look_and_the_desk_of_all_organizations_chooses_one(pages: Pages) -> None:
    page = pages.browser("vera").get(PATH)
    assert ticked(page) == len(EVENTS)
    assert not [one for one in page.forms if one.action.endswith("/preferences")]
    root = pages.browser("root")
    page = root.get(PATH, organization="rival")
    root.send(page, page.form("/preferences"), "Keep", event=["placed"])
    assert not state_of(pages.services, "rabbitmq", "rival")["rejected"]
    assert state_of(pages.services, "rabbitmq", "desk")["rejected"]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ({"to": "1"}, 404),
        ({"to": "0"}, 422),
        ({"to": "rabbitmq; DROP TABLE orders"}, 422),
        ({"event": "odd"}, 422),
        ({"event": ["placed"] * 7}, 422),
        ({"organization": "rival"}, 404),
        ({"organization": "<b>"}, 422),
    ],
)
def test_what_is_wrong_changes_nothing(pages: Pages, data: dict[str, Any], status: int) -> None:
    omar = pages.browser("omar")
    values = omar.get(PATH).form("/preferences").values
    answer = Page(omar.client.post(PATH, data=values | {"event": "placed"} | data))
    assert (answer.status, "tradesync" in answer.text) == (status, True)
    with pages.services.store.reading() as connection:
        said = connection.exec_driver_sql("SELECT count(*) FROM notification_preferences")
        assert said.scalar_one() == 0


def test_programs_read_and_change_them_too(desk: Desk, api: Api) -> None:
    path = "/notification-preferences"
    assert rows(api.get(path)) == [{"to": "rabbitmq"} | dict.fromkeys(EVENTS, True)]
    changed = api.post(path, to="rabbitmq", event="placed", wanted=False)
    assert (changed.status_code, changed.json()["placed"]) == (200, False)
    assert rows(api.get(path)) == [changed.json()]
    assert state_of(desk.services, "rabbitmq") == changed.json()
    for body, status in (
        ({"to": "1"}, 404),
        ({"to": "x"}, 422),
        ({"event": "odd"}, 422),
        ({"wanted": "yes"}, 422),
        ({"organization_id": "rival"}, 403),
    ):
        good = {"to": "rabbitmq", "event": "rejected", "wanted": False}
        answer = api.post(path, **good | body)
        assert (answer.status_code, bool(problem(answer))) == (status, True), body
    assert rows(api.get(path)) == [changed.json()]


def test_an_address_is_a_number_and_never_shown(desk: Desk) -> None:
    address = "json://someone:hidden-word@127.0.0.1:9/a-path"
    settings = desk.services.settings.model_copy(update={"notify_urls": SecretStr(address)})
    services = Services(settings, desk.services.store, desk.services.clock)
    with running_pages(services) as pages:
        page = pages.browser("omar").get(PATH)
        assert "people, address 1" in page.text
        for part in ("someone", "hidden-word", "a-path"):
            assert part not in page.html
