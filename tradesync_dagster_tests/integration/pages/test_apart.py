"""Who sees and does what: organizations, roles, forms of this site, and texts that are hostile."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from tradesync_dagster.api.pages.app import ROOMS
from tradesync_dagster.domain.breaks import Break
from tradesync_dagster.domain.fake_orders import Wanted, fake_order
from tradesync_dagster_tests.support.api import RIVAL
from tradesync_dagster_tests.support.desk import Desk
from tradesync_dagster_tests.support.pages import HOSTILE, Browser, Page, Pages, put_hostile

GET = (
    "/desk/", "/desk/accounts/{o}/{a}", "/desk/orders/{order}", "/desk/external",
    "/desk/accounts/{o}/{a}/lots?exchange=NSE&symbol=INFY&product=CNC",
    "/desk/assign?order={order}", "/desk/breaks", "/desk/breaks/{o}/{a}?kind=book_shrank&subject=S",
    "/desk/audit", "/desk/retries", "/desk/retries/{order}", "/desk/strategies",
    "/desk/strategies/{o}/momentum", "/desk/fake-orders", "/desk/fake-orders/{order}",
    "/desk/notifications", "/desk/notifications?state=sent",
    "/desk/notifications/preferences", "/desk/schedules", "/desk/accounts/{o}/{a}/trade",
)  # fmt: skip
POST = (
    "/desk/assign", "/desk/breaks/{o}/{a}", "/desk/retries/{order}", "/desk/undo",
    "/desk/fake-orders", "/desk/notifications/preferences", "/desk/schedules",
    "/desk/accounts/{o}/{a}/trade",
)  # fmt: skip


def routes() -> set[tuple[str, str]]:
    return {
        (method, route.path)  # type: ignore[attr-defined]
        for room in ROOMS
        for route in room.routes.routes
        for method in route.methods  # type: ignore[attr-defined]
    }


def filled(path: str, order: UUID, account: str) -> str:
    organization, _, name = account.partition("/")
    return path.format(o=organization, a=name, order=order)


def put_order(pages: Pages, account: str) -> UUID:
    """Put an external order and a break into an account."""
    (found,) = pages.services.chosen(account)
    with pages.services.store.begin([found.account_id]) as work:
        work.put_breaks([Break(found.account_id, "book_shrank", "S", pages.services.clock.now())])
    order = put_hostile(pages.services, account)
    organization, now = account.partition("/")[0], pages.services.clock.now()
    pages.services.add_strategy(organization, "momentum")
    place = Wanted(organization, "PJM", "N", "BUY", "1", "2", now.isoformat())
    with pages.services.store.begin([]) as work:
        work.add_fake_orders([fake_order(place, order.order_id, now)])
    return order.order_id


def sent(browser: Browser, order: UUID, account: str, **more: Any) -> Iterator[Page]:
    """Send every form that changes something, with a good form token unless told otherwise."""
    token = {"form_token": browser.get("/desk/").form("/sign-out").values["form_token"]}
    bodies = (
        {"order": str(order), "strategy": "", "why": "because"},
        {"kind": "book_shrank", "subject": "S", "state": "explained", "note": "because"},
        {"action": "retry", "retry_count": "0"},
        {"order": str(order), "why": "because"},
        {"organization": account.partition("/")[0], "market": "PJM", "node": "N", "side": "BUY",
         "quantity_mwh": "1", "limit_price": "2", "hour": "2026-11-19T15:00", "key": "k"},
        {"organization": account.partition("/")[0], "to": "rabbitmq", "event": "placed"},
        {"action": "change", "scope": account, "task": "analysis", "state": "off"},
        {"through": "live"},
    )  # fmt: skip
    for path, body in zip(POST, bodies, strict=True):
        answer = browser.client.post(
            filled(path, order, account), data=body | token | more.get("data", {}),
            headers=more.get("headers"), follow_redirects=False,
        )  # fmt: skip
        yield Page(answer)


def test_the_lists_above_name_every_route() -> None:
    shape = str.maketrans("", "", "{}")
    told = {("GET", re.sub(r"\?.*", "", p).removeprefix("/desk")) for p in GET}
    told |= {("POST", p.removeprefix("/desk")) for p in POST}
    told |= {("GET", "/sign-in"), ("POST", "/sign-in"), ("POST", "/sign-out")}
    told |= {("GET", "/static/{name}"), ("GET", "/events")}  # which does not end: test_live
    told = {(method, path.replace("momentum", "{strategy_id}")) for method, path in told}
    names = {"organization": "o", "pseudo_account": "a", "order_id": "order"}
    found = {(m, re.sub(r"\{(\w+)\}", lambda x: "{" + names.get(x[1], x[1]) + "}", p))
             for m, p in routes()}  # fmt: skip
    assert {(m, p.translate(shape)) for m, p in found} == {(m, p.translate(shape)) for m, p in told}


def test_strangers_see_nothing(pages: Pages) -> None:
    order = put_order(pages, "desk/SIM001")
    stranger = pages.browser()
    for path in GET:
        for cookie in ("", "x", "\xe9"):
            headers = {"Cookie": f"tradesync_desk={cookie}".encode("latin-1")} if cookie else {}
            answer = stranger.client.get(
                filled(path, order, "desk/SIM001"), headers=headers, follow_redirects=False
            )
            assert answer.status_code == 303, path
            assert answer.headers["location"].startswith("/desk/sign-in")
            assert answer.text == ""
    for path in POST:
        answer = stranger.client.post(filled(path, order, "desk/SIM001"), follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/desk/sign-in")


def test_another_organizations_accounts_orders_and_breaks_are_not_there(pages: Pages) -> None:
    theirs, ours = put_order(pages, RIVAL.key), put_order(pages, "desk/SIM001")
    asha, root = pages.browser("asha"), pages.browser("root")
    for path in GET:
        names_one = "{" in path
        page = asha.get(filled(path, theirs, RIVAL.key))
        assert page.status == (404 if names_one else 200), path
        assert "SECRET7" not in page.html, path
        assert "rival" not in page.html, path
        assert root.get(filled(path, theirs, RIVAL.key)).status == 200, path
        assert asha.get(filled(path, ours, "desk/SIM001")).status == 200, path
        nowhere = asha.get(filled(path, uuid4(), "nobody/NONE"))
        if names_one:
            assert nowhere.text == page.text, "whether or not it is there"
    for page in sent(asha, theirs, RIVAL.key):
        assert page.status == 404
    for page in asha.get("/desk/external?organization=rival"), asha.get("/desk/external?show=all"):
        assert "SECRET7" not in page.html
    mixed = f"/desk/assign?order={ours}&order={theirs}"
    assert asha.get(mixed).status == 404
    assert root.get(mixed).status == 422, "strategies are an organization's own"
    [row] = pages.services.breaks(RIVAL.key, everything=True)[:1]
    assert row["state"] == "open"
    assert asha.get("/desk/audit").text.count("rival") == 0


def test_roles_hide_and_refuse_what_they_do_not_cover(pages: Pages) -> None:
    order = put_order(pages, "desk/SIM001")
    vera, omar = pages.browser("vera"), pages.browser("omar")
    for path in GET:
        page = vera.get(filled(path, order, "desk/SIM001"))
        refused = any(word in path for word in ("assign", "audit", "/trade"))
        assert page.status == (403 if refused else 200), path
        assert [
            f.action for f in page.forms if f.method == "POST" and "sign-out" not in f.action
        ] == []
        assert "/desk/audit" not in page.links
    assert not vera.get("/desk/external").form("/assign", "GET").buttons
    for page in sent(vera, order, "desk/SIM001"):
        assert page.status == 403
    [row] = pages.services.breaks("desk/SIM001")[:1]
    assert row["state"] == "open"
    assert omar.get("/desk/audit").status == 403
    assert [page.status for page in sent(omar, order, "desk/SIM001")] == [
        303,
        303,
        409,
        409,
        303,
        303,
        303,
        403,
    ]


@pytest.mark.parametrize(
    "more",
    [
        {"data": {"form_token": ""}},
        {"data": {"form_token": "0" * 64}},
        {"headers": {"Sec-Fetch-Site": "cross-site"}},
        {"headers": {"Sec-Fetch-Site": "same-site"}},
    ],
)
def test_forms_of_other_sites_change_nothing(pages: Pages, more: dict[str, Any]) -> None:
    order = put_order(pages, "desk/SIM001")
    asha = pages.browser("asha")
    for page in sent(asha, order, "desk/SIM001", **more):
        assert page.status == 403
        assert "not of this site" in page.text
    other = pages.browser("asha").get("/desk/").form("/sign-out").values["form_token"]
    for page in sent(asha, order, "desk/SIM001", data={"form_token": other}):
        assert page.status == 403, "another session's token"
    answer = asha.client.post("/desk/sign-out", follow_redirects=False)
    assert answer.status_code == 403
    signing = asha.client.post(
        "/desk/sign-in", data={"name": "vera", "password": "x"}, follow_redirects=False
    )
    assert signing.status_code == 403
    assert {row["state"] for row in pages.services.breaks("desk/SIM001")} == {"open"}


def test_every_answer_has_its_headers_and_no_page_has_scripts_of_its_own(
    pages: Pages, desk: Desk
) -> None:
    order = put_order(pages, "desk/SIM001")
    asha = pages.browser("asha")
    paths = [filled(path, order, "desk/SIM001") for path in GET]
    paths += ["/desk/sign-in", "/desk/nothing", "/desk/breaks?state=none", "/desk/static/none"]
    for path in paths:
        page = asha.get(path)
        headers = page.answer.headers
        assert "unsafe" not in headers["content-security-policy"]
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"
        for tag, given in page.tags:
            assert tag != "style", path
            assert "style" not in given, path
            assert tag != "script" or re.match(
                r"/desk/static/(htmx|events)\.js\?v=", str(given["src"])
            ), path
            assert not [name for name in given if name.startswith("on")], path
    with desk.services.store.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE breaks RENAME TO elsewhere")
    broken = asha.get("/desk/breaks")
    assert broken.status == 503
    assert "elsewhere" not in broken.html
    assert "no such" not in broken.html
    assert broken.answer.headers["x-frame-options"] == "DENY"
    kept = asha.get("/desk/static/desk.css").answer
    assert "immutable" in kept.headers["cache-control"]


def test_hostile_texts_of_brokers_and_names_stay_text(pages: Pages) -> None:
    order = put_hostile(pages.services, "desk/SIM001").order_id
    pages.services.add_strategy("desk", "evil", HOSTILE)
    asha = pages.browser("asha")
    found = 0
    listed = asha.get("/desk/breaks")
    one = next(link for link in listed.links if "subject=" in link)
    for path in (*(filled(p, order, "desk/SIM001") for p in GET), one):
        page = asha.get(path)
        found += HOSTILE in page.text
        assert "<script>alert" not in page.html, path
        assert not [given for tag, given in page.tags if tag == "img"], path
        assert "49" not in re.sub(r"\d{3,}|\d+:\d+", "", page.text), "no template in it is run"
    assert found >= 6
    assert asha.get(one).text.count(HOSTILE) >= 3


def test_questions_that_are_malformed_are_told_as_pages(pages: Pages, desk: Desk) -> None:
    asha = pages.browser("asha")
    for path, status in (
        ("/desk/accounts/desk/SIM001?day=yesterday", 422),
        ("/desk/accounts/desk/SIM001?day=2026-02-30", 422),
        ("/desk/accounts/desk/SIM001?status=<b>", 422),
        ("/desk/accounts/desk/SIM001?day=&status=&origin=&source=", 200),
        (f"/desk/accounts/desk/SIM001?day={desk.clock.now().date() + timedelta(days=9)}", 404),
        ("/desk/accounts/desk/SIM001?day=2000-01-01&status=open", 200),
        ("/desk/accounts/desk/no%20such", 404),
        ("/desk/accounts/desk/SIM001/lots?exchange=NSE&symbol=INFY", 422),
        ("/desk/accounts/desk/SIM001/lots?exchange=&symbol=INFY&product=CNC", 422),
        ("/desk/accounts/desk/SIM001/lots?exchange=<b>&symbol=<b>&product=<b>&day=2026-01-02", 200),
        ("/desk/accounts/desk/SIM001/lots?exchange=N&symbol=I&product=C&day=2099-01-01", 404),
        ("/desk/orders/x", 404),
        (f"/desk/orders/{uuid4()}", 404),
        ("/desk/assign", 422),
        ("/desk/assign?" + "&".join(f"order={uuid4()}" for _ in range(51)), 422),
        ("/desk/breaks/desk/SIM001?kind=k&subject=none", 404),
        ("/desk/audit?before=0", 422),
        ("/desk/external?show=none", 422),
    ):
        page = asha.get(path)
        assert page.status == status, (path, page.text)
        assert "tradesync" in page.text
        assert "<b>" not in page.html
    token = asha.get("/desk/").form("/sign-out").values["form_token"]
    long = asha.client.post("/desk/assign", data={"form_token": token, "why": "x" * 70_000})
    assert long.status_code == 413
    assert "too long" in long.text
