"""Changing when a task runs by the page: whose, from now on, by whom, and what is refused."""

from typing import Any

from tradesync_dagster_tests.support.pages import Page, Pages

PATH = "/desk/schedules"


def held(pages: Pages, account: str = "desk/SIM001", task: str = "analysis") -> dict[str, Any]:
    found = pages.services.tasks().schedules(account)
    return next(row for row in found if row["task"] == task)


def options(page: Page) -> list[str | None]:
    return [given.get("value") for tag, given in page.tags if tag == "option"]


def test_an_operator_changes_a_schedule_and_drops_it_again(pages: Pages) -> None:
    omar = pages.browser("omar")
    page = omar.get(PATH)
    assert "rival" not in page.html
    assert "desk/SIM002" in options(page)
    given = {"task": "analysis", "scope": "desk/SIM001"}
    more = {"state": "off", "start": "16:30", "end": "18:00", "repeats": "hourly", "grace": "9"}
    page = omar.send(page, page.form("/schedules"), "Change", **given, **more)
    assert page.status == 200, page.text
    mine = held(pages)
    assert {name: mine[name] for name in ("enabled", "start", "end", "repeats", "who")} == {
        "enabled": False, "start": "16:30", "end": "18:00", "repeats": "hourly", "who": "omar",
    }  # fmt: skip
    assert (mine["grace_minutes"], held(pages, "desk/SIM002")["start"]) == (9, "16:00")
    page = omar.send(page, page.form("/schedules"), "Change", **given, state="on")
    assert (held(pages)["enabled"], held(pages)["start"]) == (True, "16:30"), "the rest stays"
    omar.send(page, page.form("/schedules"), "Drop", **given)
    assert (held(pages)["scope"], held(pages)["start"]) == ("", "16:00")
    log = pages.browser("asha").get("/desk/audit").text
    assert "omar change schedule analysis desk/SIM001 desk" in log
    assert "omar reset schedule analysis desk/SIM001 desk" in log


REFUSED = (
    ({"scope": ""}, 404),
    ({"scope": "rival"}, 404),
    ({"scope": "rival/SECRET7"}, 404),
    ({"scope": "desk/<b>"}, 404),
    ({"scope": "x" * 10_000}, 422),
    ({"task": "lunch"}, 422),
    ({"start": "25:00"}, 422),
    ({"start": "09:15:30"}, 422),
    ({"grace": "-1"}, 422),
    ({"grace": "9" * 30}, 422),
    ({"grace": "NaN"}, 422),
    ({"end": "18:00"}, 409),
    ({"repeats": "hourly", "start": "20:00"}, 409),
)


def test_what_cannot_be_changes_nothing(pages: Pages) -> None:
    omar = pages.browser("omar")
    values = omar.get(PATH).form("/schedules").values
    for data, status in REFUSED:
        sent = values | {"task": "analysis", "scope": "desk", "action": "change"} | data
        answer = Page(omar.client.post(PATH, data=sent))
        assert answer.status == status, (data, answer.text)
        assert "<b>" not in answer.html
    assert {row["who"] for row in pages.services.tasks().schedules()} == {"tradesync"}


def test_who_sees_all_organizations_changes_the_schedule_of_all(pages: Pages) -> None:
    root = pages.browser("root")
    page = root.get(PATH)
    root.send(page, page.form("/schedules"), "Change", task="analysis", scope="", state="off")
    assert not held(pages, "rival/SECRET7")["enabled"]
    assert [held(pages)[name] for name in ("enabled", "scope", "who")] == [False, "", "root"]
    refused = root.send(page, page.form("/schedules"), "Drop", task="analysis", scope="")
    assert refused.status == 409
    assert "stays" in refused.text
