"""The pages in Chromium: by the keyboard alone, light, dark, narrow, and with no complaint."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from tradesync_dagster.domain.breaks import Break
from tradesync_dagster.domain.fake_orders import Wanted
from tradesync_dagster.sync.assigning import Assignment
from tradesync_dagster_tests.support.chromium import Tab, open_tab
from tradesync_dagster_tests.support.desk import Desk, open_desk
from tradesync_dagster_tests.support.pages import (
    HOSTILE,
    PASSWORD,
    Pages,
    put_hostile,
    running_pages,
)

pytestmark = pytest.mark.browser


@contextmanager
def running(tmp_path: Path) -> Iterator[tuple[Desk, Pages, Tab]]:
    with open_desk(f"sqlite:///{tmp_path}/books.sqlite3", tmp_path) as desk:
        desk.services.add_strategy("desk", "momentum")
        desk.by_hand("BUY", 10)
        desk.sync("desk/SIM001")
        desk.clock.move(timedelta(seconds=90))
        desk.sync("desk/SIM001")
        with running_pages(desk.services) as pages, open_tab(tmp_path) as tab:
            yield desk, pages, tab


def sign_in(tab: Tab, pages: Pages, name: str) -> None:
    """Sign in by the keyboard: the name has the focus, Tab leads to the password."""
    tab.open(f"{pages.url}/desk/")
    tab.type(name)
    tab.key("Tab")
    tab.type(PASSWORD)
    tab.follow(lambda: tab.key("Enter"))
    assert tab.run("location.pathname") == "/desk/"


def choose(tab: Tab, status: str) -> None:
    """Choose a status in the filter, as a click into the list does."""
    tab.run(
        "(() => { const list = document.querySelector('select[name=status]');"
        f" list.value = '{status}';"
        " list.dispatchEvent(new Event('change', {bubbles: true})) })()"
    )


def test_an_order_is_assigned_by_hand_without_a_mouse(tmp_path: Path) -> None:
    with running(tmp_path) as (desk, pages, tab):
        sign_in(tab, pages, "omar")
        tab.key("Tab")
        assert tab.run("document.activeElement.textContent") == "Skip to content"
        tab.key("Enter")
        tab.wait("location.hash === '#main'")
        tab.follow(lambda: tab.press("External orders"))
        tab.run("document.querySelector('input[name=order]').focus()")
        tab.key(" ")
        assert tab.run("document.querySelectorAll('input[name=order]:checked').length") == 1
        tab.follow(lambda: tab.press("Assign"))
        tab.type("placed by me")
        tab.follow(lambda: tab.key("Enter"))
        assert "1 order changed owner." in tab.text()
        assert desk.services.unassigned_orders("desk/SIM001") == []
        tab.follow(lambda: tab.press("Sign out"))
        assert tab.run("location.pathname") == "/desk/sign-in"
        assert tab.complaints == []


def test_a_filter_changes_its_part_only_and_the_overview_renews_itself(tmp_path: Path) -> None:
    with running(tmp_path) as (desk, pages, tab):
        sign_in(tab, pages, "vera")
        tab.run("window.same = true")
        desk.by_hand("BUY", 3)
        desk.sync("desk/SIM001")
        tab.wait("window.same && document.querySelector('#accounts td.number').textContent === '2'")
        tab.open(f"{pages.url}/desk/accounts/desk/SIM001")
        tab.run("window.same = true")
        choose(tab, "open")
        tab.wait("window.same && document.body.innerText.includes('No order of that day fits.')")
        assert "status=open" in tab.run("location.search")
        people = desk.services.desk_people()
        people.set_enabled("vera", enabled=False)
        tab.run("window.left = true")
        choose(tab, "executed")
        tab.loaded()
        assert tab.run("location.pathname") == "/desk/sign-in", "not a part of a page inside it"


def put_watched(desk: Desk) -> str:
    """Let a strategy earn or lose, fake orders be decided, and an account be silent."""
    services = desk.services
    [row] = services.external_orders("desk/SIM001")
    services.assign("desk/SIM001", Assignment([UUID(row["order_id"])], "momentum", "omar", "mine"))
    desk.step(20)
    desk.sync("desk/SIM001", force=True)
    accounts = [one.account_id for one in services.store.accounts()]
    with services.store.begin([]) as work:
        work.beat(accounts, "sync", desk.clock.now(), desk.clock.now())
    for number in range(8):
        hour = desk.clock.now().isoformat()
        place = Wanted("desk", "PJM", f"NODE {number}", "BUY", "5", "38", hour)
        services.moderation().add(place)
    desk.clock.move(timedelta(minutes=35))
    services.moderation().decide_due()
    services.moderation().mark()
    return str(services.moderation().positions("desk")[0]["order_id"])


def test_news_reach_an_open_page_within_seconds(tmp_path: Path) -> None:
    with running(tmp_path) as (desk, pages, tab):
        sign_in(tab, pages, "vera")
        tab.open(f"{pages.url}/desk/notifications?state=sent")
        tab.run("window.same = true")
        before = tab.run("document.querySelector('caption').textContent")
        time.sleep(2)
        desk.sync("desk/SIM001")
        begun = time.monotonic()
        tab.wait(f"window.same && document.querySelector('caption').textContent !== '{before}'")
        assert time.monotonic() - begun < 40, "not by the timer of a minute"
        assert tab.complaints == []


def test_every_page_reads_well_in_light_dark_and_narrow_and_runs_nothing_hostile(
    tmp_path: Path,
) -> None:
    with running(tmp_path) as (desk, pages, tab):
        order = put_hostile(desk.services, "desk/SIM002").order_id
        (account,) = desk.services.chosen("desk/SIM001")
        with desk.services.store.begin([account.account_id]) as work:
            work.put_breaks([Break(account.account_id, "book_shrank", "S", desk.clock.now())])
        fake = put_watched(desk)
        sign_in(tab, pages, "asha")
        for path in (
            "/strategies", "/strategies/desk/momentum?days=90", "/fake-orders",
            f"/fake-orders/{fake}", "/notifications?state=sent", "/schedules",
            "/", "/accounts/desk/SIM001", "/accounts/desk/SIM002", f"/orders/{order}", "/external",
            f"/assign?order={order}", "/breaks", "/breaks/desk/SIM001?kind=book_shrank&subject=S",
            "/audit", "/accounts/desk/SIM001/lots?exchange=NSE&symbol=INFY&product=CNC",
        ):  # fmt: skip
            drawn = set()
            for dark, width in ((False, 1400), (True, 1400), (False, 360)):
                tab.look(dark=dark, width=width)
                tab.open(f"{pages.url}/desk{path}")
                tab.fits(width)
                drawn.add(tab.draw(tmp_path / "page.png"))
                assert lowest_contrast(tab) >= 4.5, (path, dark)
                assert tab.run("[...document.querySelectorAll('table')].every("
                               "t => t.caption && t.querySelector('th[scope]'))")  # fmt: skip
                assert tab.run("[...document.querySelectorAll('input:not([type=hidden]), select')]"
                               ".every(e => e.labels.length || e.ariaLabel)")  # fmt: skip
            assert hard_on_a_phone(tab) == [], path
            assert len(drawn) == 3, path
        assert HOSTILE.partition("{")[0] in tab.run(
            f"fetch('/desk/orders/{order}').then(r => r.text())"
            ".then(t => new DOMParser().parseFromString(t, 'text/html').body.innerText)"
        )
        assert tab.complaints == []


def hard_on_a_phone(tab: Tab) -> list[str]:
    """List what a finger misses, what is cut off, and what makes the page wider from in a table."""
    script = """(() => {
        const found = [], all = s => [...document.querySelectorAll(s)], name = e => e.outerHTML;
        all('details').forEach(e => e.open = true);
        for (const e of all('a:not(.skip), button, select, input:not([type=hidden]), summary'))
            if (e.getBoundingClientRect().height < 24) found.push('low: ' + name(e));
        for (const e of all('input:not([type=hidden]):not([type=checkbox]), select'))
            if (parseFloat(getComputedStyle(e).fontSize) < 16) found.push('zooms: ' + name(e));
        for (const e of all('caption'))
            if (e.getBoundingClientRect().right > innerWidth) found.push('cut: ' + name(e));
        for (const e of all('.wide .hidden'))
            if (!e.offsetParent.closest('.wide')) found.push('escapes: ' + name(e));
        for (const e of all('td > .facts'))
            if (e.clientWidth < 160) found.push('thin: ' + name(e));
        return found; })()"""
    return list(tab.run(script))


def lowest_contrast(tab: Tab) -> float:
    """Compute the least contrast of any text with the nearest ground behind it, as WCAG does."""
    return float(
        tab.run("""(() => {
        const parts = c => (c.match(/[\\d.]+/g) || []).map(Number);
        const light = c => { const [r, g, b] = parts(c).map(v => v / 255)
            .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
            return .2126 * r + .7152 * g + .0722 * b; };
        const ground = e => { for (; e; e = e.parentElement) {
            const c = getComputedStyle(e).backgroundColor;
            if (parts(c).length === 3) return c; } return 'rgb(255, 255, 255)'; };
        let least = 21;
        for (const e of document.querySelectorAll('body *')) {
            if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
            const a = light(getComputedStyle(e).color), b = light(ground(e));
            least = Math.min(least, (Math.max(a, b) + .05) / (Math.min(a, b) + .05));
        }
        return least; })()""")
    )
