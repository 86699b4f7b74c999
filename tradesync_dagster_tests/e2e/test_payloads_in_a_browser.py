"""Scripts and injections in every text that a broker or a person controls, in Chromium.

Each is kept to the letter, shown as text on every page, and runs nowhere.
"""

from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import orjson
import pytest
from sqlalchemy import select, update

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.bootstrap.audit import entry_of
from tradesync_dagster.domain.breaks import Break
from tradesync_dagster.domain.fake_orders import Wanted, fake_order
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.orders import Order, OrderEvent, OrderStatus, Origin
from tradesync_dagster.domain.publications import OutboxMessage
from tradesync_dagster.store import tables
from tradesync_dagster.store.people import PeopleRows
from tradesync_dagster_tests.support.chromium import Tab, open_tab
from tradesync_dagster_tests.support.desk import open_desk
from tradesync_dagster_tests.support.orders import sample_order
from tradesync_dagster_tests.support.pages import PASSWORD, Pages, running_pages

pytestmark = pytest.mark.browser
PAYLOADS = (
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(2)>",
    "'; DROP TABLE orders; --",
    "{{7*7}}${7*7}#{7*7}{% for x in y %}",
    "javascript:alert(3)",
    "</textarea></select></title><svg/onload=alert(4)>",
    "\u202egnirts sdrawkcab\u2066\u200f",
    '=HYPERLINK("http://127.0.0.1:9/","x")',
    "&lt;script&gt;&amp;&#60;b&#62;",
    "line\r\none\tand\u2028two\x1b[31m",
    "x" * 20_000,
)
LINKS = (
    "[...document.querySelectorAll('[href], [action], [src]')].map(e => e.getAttribute('href')"
    " || e.getAttribute('action') || e.getAttribute('src'))"
)


def put(services: Services, text: str) -> tuple[UUID, UUID, UUID]:
    """Write one text into every place that is not ours to word; return the orders' ids."""
    (account,) = services.chosen("desk/SIM001")
    at, key = services.clock.now(), uuid4().hex[:8]
    orders = []
    for status, origin in (
        (OrderStatus.OPEN, Origin.EXTERNAL), (OrderStatus.FAILED, Origin.INTERNAL),
    ):  # fmt: skip
        broker = replace(
            sample_order(at), trade_date=trade_date_of(at), symbol=text, product=text, tag=text,
            message=text, status_word=text, order_type=text, validity=text,
            broker_order_id=f"{key}-{status.value}-{text}", exchange_order_id=text,
        )  # fmt: skip
        order = Order(
            uuid4(), account.account_id, broker, origin, status, at, at, strategy_id="",
        )  # fmt: skip
        if status is OrderStatus.FAILED:
            order = replace(
                order, client_order_id=f"c{key}", failure_reason=text,
                first_failed_at=at,
            )  # fmt: skip
        orders.append(order)
    fake = fake_order(Wanted("desk", "PJM", "N", "BUY", "1", "2", at.isoformat()), uuid4(), at)
    fake = replace(fake, market=text, node=text)
    body = orjson.dumps({"message": text})
    message = OutboxMessage(uuid4().hex, account.account_id, text, text, body, at)
    services.add_strategy("desk", f"s{key}", text)
    with services.store.begin([account.account_id]) as work:
        work.put_orders(orders, [OrderEvent(o.order_id, "seen", at, {text: text}) for o in orders])
        work.put_breaks(
            [Break(account.account_id, "book_shrank", text, at, {text: [text, {text: 1}]})]
        )
        work.add_fake_orders([fake])
        work.add_messages([message])
    with services.store.writing() as connection:
        connection.execute(
            update(tables.breaks)
            .where(tables.breaks.c.subject == text)
            .values(note=text, owner=text)
        )
        entry = entry_of(services.clock, text, text, "desk", text, {text: text})
        PeopleRows(connection).note(entry)
    return orders[0].order_id, orders[1].order_id, fake.order_id


def sign_in(tab: Tab, pages: Pages) -> None:
    tab.open(f"{pages.url}/desk/")
    tab.type("asha")
    tab.key("Tab")
    tab.type(PASSWORD)
    tab.follow(lambda: tab.key("Enter"))


def shown(text: str) -> str:
    """Return a text as pages show it, with blanks drawn together as browsers do."""
    seen = (c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)
    return " ".join("".join(seen).split())


def test_no_text_of_a_broker_or_a_person_is_more_than_text(tmp_path: Path) -> None:
    with open_desk(f"sqlite:///{tmp_path}/books.sqlite3", tmp_path) as desk:
        ids = [put(desk.services, text) for text in PAYLOADS]
        with running_pages(desk.services) as pages, open_tab(tmp_path) as tab:
            sign_in(tab, pages)
            paths = [
                "/", "/accounts/desk/SIM001", "/external?show=all", "/retries", "/breaks",
                "/strategies", "/schedules", "/fake-orders", "/notifications?state=waiting",
                "/notifications/preferences", "/audit",
            ]  # fmt: skip
            for order, failed, fake in ids:
                paths += [f"/orders/{order}", f"/retries/{failed}", f"/fake-orders/{fake}",
                          f"/assign?order={order}"]  # fmt: skip
            seen = {}
            for path in paths:
                tab.open(f"{pages.url}/desk{path}")
                assert tab.run("document.querySelectorAll('main script, main img, main iframe, "
                               "main svg:not(.chart)').length") == 0, path  # fmt: skip
                assert tab.run(f"{LINKS}.every(one => /^(https?:|[/#?])/.test(one))"), path
                seen[path] = " ".join(str(tab.run("document.body.textContent")).split())
            look_narrow(tab, pages, paths)
            assert tab.complaints == []
    for listed in ("/accounts/desk/SIM001", "/breaks", "/strategies", "/fake-orders", "/audit",
                   "/notifications?state=waiting", "/retries"):  # fmt: skip
        missing = [text for text in PAYLOADS if shown(text)[:500] not in seen[listed]]
        assert missing == [], listed
    for (order, failed, fake), text in zip(ids, PAYLOADS, strict=True):
        for path in (f"/orders/{order}", f"/retries/{failed}", f"/fake-orders/{fake}"):
            assert shown(text)[:500] in seen[path], path


def look_narrow(tab: Tab, pages: Pages, paths: list[str]) -> None:
    tab.look(width=360)
    for path in paths[:11] + paths[-4:]:  # those of one order with the longest text
        tab.open(f"{pages.url}/desk{path}")
        tab.fits(360)


def test_the_books_keep_every_text_to_the_letter(tmp_path: Path) -> None:
    with open_desk(f"sqlite:///{tmp_path}/books.sqlite3", tmp_path) as desk:
        for text in PAYLOADS:
            put(desk.services, text)
        with desk.services.store.reading() as connection:
            for column in (tables.orders.c.symbol, tables.orders.c.tag, tables.orders.c.message,
                           tables.breaks.c.subject, tables.breaks.c.note):  # fmt: skip
                assert set(connection.execute(select(column)).scalars()) == set(PAYLOADS), column
