"""Signing in and out: cookies, ends of sessions, and guessing passwords."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from tradesync_dagster.domain.people import (
    FAILURE_WINDOW,
    IDLE,
    LIFETIME,
    MOST_FAILURES,
    Role,
    SignInRefusedError,
    TooManyFailuresError,
    digest_of,
)
from tradesync_dagster_tests.support.desk import Desk
from tradesync_dagster_tests.support.pages import PASSWORD, Browser, Pages, running_pages

SESSION = "tradesync_desk"


def signed_in(browser: Browser) -> bool:
    """Look for oneself, as a page that refreshes itself does, so that looking keeps nothing up."""
    answer = browser.client.get("/desk/", headers={"X-Refresh": "1"}, follow_redirects=False)
    assert answer.status_code in {200, 303}
    return answer.status_code == 200


def test_a_session_begins_with_a_fresh_token_and_ends_with_the_sign_out(pages: Pages) -> None:
    browser = pages.browser()
    first = browser.get("/desk/breaks?state=open")
    assert first.path.startswith("/desk/sign-in?next=")
    planted = "planted-by-somebody-else"
    browser.client.cookies.set(SESSION, planted, path="/desk")
    form = first.form("/sign-in")
    answer = browser.client.post(
        "/desk/sign-in",
        data=form.values | {"name": "vera", "password": PASSWORD},
        follow_redirects=False,
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk/breaks?state=open")
    [cookie] = [c for c in answer.headers.get_list("set-cookie") if c.startswith(SESSION)]
    for flag in ("HttpOnly", "SameSite=strict", "Path=/desk", "Max-Age=43200"):
        assert flag in cookie
    assert "Secure" not in cookie, "not behind TLS"
    token = answer.cookies[SESSION]
    assert token != planted
    other = pages.browser()
    other.client.cookies.set(SESSION, token, path="/desk")
    assert signed_in(other)
    with pages.services.store.reading() as connection:
        kept = str(connection.exec_driver_sql("SELECT * FROM people_sessions").fetchall())
    assert digest_of(token) in kept
    assert token not in kept
    out = other.sign_out(other.get("/desk/"))
    assert out.path == "/desk/sign-in"
    thief = pages.browser()
    thief.client.cookies.set(SESSION, token, path="/desk")
    assert not signed_in(thief), "ended in the books, not in one browser only"


def test_wrong_passwords_and_unknown_names_are_told_alike(pages: Pages, desk: Desk) -> None:
    pages.services.desk_people().set_enabled("omar", enabled=False)
    told = set()
    for name, password in (
        ("vera", "not her password"), ("nobody", PASSWORD), ("omar", PASSWORD), ("vera", ""),
        ("<script>", PASSWORD), ("", ""), ("x" * 300, "y"),
    ):  # fmt: skip
        page = pages.browser().sign_in(name, password)
        assert page.status == 403, (name, page.text)
        assert not any(c.name == SESSION for c in page.answer.cookies.jar)
        assert "<script>alert" not in page.html
        told.add(page.text)
    assert len(told) == 1
    assert "do not go together" in told.pop()
    log = pages.services.audit_log().listed(
        next(p for p in pages.services.desk_people().listed() if p.name == "root")
    )
    refused = [row["who"] for row in log if row["outcome"] == "refused"]
    assert sorted(refused) == ["", "", "", "nobody", "omar", "vera", "vera"]
    assert PASSWORD not in str(log)


def test_sessions_end_by_age_by_idleness_and_by_whoever_runs_it(pages: Pages, desk: Desk) -> None:
    people = pages.services.desk_people()
    idle, busy = pages.browser("vera"), pages.browser("vera")
    for _ in range(3):
        desk.clock.move(IDLE - timedelta(minutes=1))
        assert busy.get("/desk/breaks").path == "/desk/breaks"
    assert not signed_in(idle)
    desk.clock.move(LIFETIME)
    assert not signed_in(busy)

    watching = pages.browser("vera")
    desk.clock.move(IDLE - timedelta(minutes=1))
    assert signed_in(watching)
    desk.clock.move(timedelta(minutes=2))
    assert not signed_in(watching), "a page that refreshes itself is nobody's doing"
    gone = watching.client.get("/desk/", headers={"HX-Request": "true"})
    assert (gone.status_code, gone.headers["hx-redirect"]) == (401, "/desk/sign-in")

    browser = pages.browser("vera")
    people.set_password("vera", "five words make six")
    assert not signed_in(browser)
    assert browser.sign_in("vera", "five words make six").path == "/desk/"
    people.set_enabled("vera", enabled=False)
    assert not signed_in(browser)


def test_a_role_changes_from_the_next_request_on(pages: Pages) -> None:
    browser = pages.browser("vera")
    assert browser.get("/desk/audit").status == 403
    pages.services.desk_people().set_role("vera", Role.ADMIN)
    assert browser.get("/desk/audit").status == 200


def test_guessing_is_stopped_by_name_and_forgiven_in_time(pages: Pages, desk: Desk) -> None:
    for number in range(MOST_FAILURES["name"]):
        assert pages.browser().sign_in("vera", f"guess number {number}").status == 403
    stopped = pages.browser().sign_in("vera")
    assert stopped.status == 429, "the right password too"
    assert "15 minutes" in stopped.text
    assert stopped.answer.headers["retry-after"] == "900"
    assert signed_in(pages.browser("omar")), "others may"
    desk.clock.move(FAILURE_WINDOW + timedelta(seconds=1))
    assert pages.browser().sign_in("vera").status == 200


def test_guessing_is_stopped_by_address_over_all_names(desk: Desk) -> None:
    people = desk.services.desk_people()
    people.add("vera", "desk", Role.VIEWER, PASSWORD)
    for number in range(MOST_FAILURES["address"]):
        with pytest.raises(SignInRefusedError):
            people.sign_in(f"name{number}", PASSWORD, "192.0.2.1")
    with pytest.raises(TooManyFailuresError, match="address"):
        people.sign_in("vera", PASSWORD, "192.0.2.1")
    assert people.sign_in("vera", PASSWORD, "192.0.2.2")


def test_good_sign_ins_use_no_failures_up(desk: Desk) -> None:
    people = desk.services.desk_people()
    people.add("vera", "desk", Role.VIEWER, PASSWORD)
    tokens = {people.sign_in("vera", PASSWORD, "::1") for _ in range(MOST_FAILURES["name"] + 2)}
    assert len(tokens) == MOST_FAILURES["name"] + 2


def test_guesses_at_once_cannot_outrun_the_count(desk: Desk) -> None:
    people = desk.services.desk_people()
    people.add("vera", "desk", Role.VIEWER, PASSWORD)

    def guess(number: int) -> str:
        try:
            people.sign_in("vera", f"guess number {number}", f"192.0.2.{number}")
        except TooManyFailuresError:
            return "stopped"
        except SignInRefusedError:
            return "looked at"
        return "opened"

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(guess, range(MOST_FAILURES["name"] * 2)))
    assert (
        sorted(found) == ["looked at"] * MOST_FAILURES["name"] + ["stopped"] * MOST_FAILURES["name"]
    )


def test_behind_tls_cookies_are_secure_and_the_forwarded_address_counts(desk: Desk) -> None:
    secured = desk.with_settings(behind_tls_proxy=True)
    with running_pages(secured.services) as pages:
        browser = pages.browser()
        page = browser.get("/desk/sign-in")
        answer = browser.client.post(
            "/desk/sign-in",
            data=page.form("/sign-in").values | {"name": "vera", "password": PASSWORD},
            headers={
                "X-Forwarded-For": "6.6.6.6, 192.0.2.9",
                "Cookie": page.answer.headers["set-cookie"].partition(";")[0],
            },
            follow_redirects=False,
        )
        assert answer.status_code == 303
        (cookie,) = [c for c in answer.headers.get_list("set-cookie") if SESSION in c]
        assert "; Secure" in cookie
        root = next(p for p in pages.services.desk_people().listed() if p.name == "root")
        entry = pages.services.audit_log().listed(root)[0]
    assert entry["detail"] == {"address": "192.0.2.9"}, "what the proxy itself says"
