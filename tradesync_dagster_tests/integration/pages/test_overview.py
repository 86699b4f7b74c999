"""The overview under load: kept, packed, not sent twice, and never behind the books for long."""

import time

from tradesync_dagster.domain.breaks import Break
from tradesync_dagster_tests.support.api import RIVAL
from tradesync_dagster_tests.support.pages import Browser, Pages


def wait_for(browser: Browser, text: str) -> None:
    deadline = time.monotonic() + 30
    while text not in browser.get("/desk/").html:
        assert time.monotonic() < deadline, f"{text} did not come"
        time.sleep(0.1)


def test_it_is_one_page_packed_or_not_and_each_persons_own(pages: Pages) -> None:
    vera, omar = pages.browser("vera"), pages.browser("omar")
    packed = vera.client.get("/desk/")
    assert packed.headers["content-encoding"] == "gzip"
    plain = vera.client.get("/desk/", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.text == packed.text
    assert "\0" not in plain.text
    assert plain.text.endswith("</html>")
    assert "(viewer, desk)" in plain.text
    assert "(operator, desk)" in omar.client.get("/desk/").text
    assert packed.headers["cache-control"] == "no-store"


def test_it_is_not_sent_again_to_whom_has_it_and_to_them_only(pages: Pages) -> None:
    vera, omar = pages.browser("vera"), pages.browser("omar")
    tag = vera.client.get("/desk/").headers["etag"]
    known = {"If-None-Match": f'"other", {tag}'}
    again = vera.client.get("/desk/", headers=known)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert omar.client.get("/desk/", headers=known).status_code == 200
    vera.sign_out(vera.get("/desk/"))
    gone = vera.client.get("/desk/", headers=known, follow_redirects=False)
    assert gone.status_code == 303


def test_what_is_written_shows_at_once_and_to_its_organization_only(pages: Pages) -> None:
    vera, rita = pages.browser("vera"), pages.browser("rita")
    for browser in (vera, rita):
        assert "<strong>" not in browser.get("/desk/").html
    (rival,) = pages.services.chosen(RIVAL.key)
    with pages.services.store.begin([rival.account_id]) as work:
        work.put_breaks([Break(rival.account_id, "book_shrank", "S", pages.services.clock.now())])
    wait_for(rita, "<strong>1</strong>")
    assert "<strong>" not in vera.get("/desk/").html
