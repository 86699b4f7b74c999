"""The pages as a browser without scripts meets them: cookies, links, forms as they were sent."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from html.parser import HTMLParser
from urllib.parse import urljoin
from uuid import uuid4

import httpx
from argon2 import PasswordHasher

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.domain.breaks import Break
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.orders import Order, OrderEvent, OrderStatus, Origin
from tradesync_dagster.domain.people import Person, Role
from tradesync_dagster.store.people import PeopleRows
from tradesync_dagster_tests.support.api import NOWHERE, RIVAL, running_api
from tradesync_dagster_tests.support.orders import sample_order

PASSWORD = "four words make five"


@dataclass
class Form:
    """A form with the fields that a browser would send, and the buttons that send it."""

    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    boxes: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def values(self) -> dict[str, str]:
        return dict(self.fields)


class _Reader(HTMLParser):
    """Takes a page apart."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._form: Form | None = None
        self._select = ""
        self._options: list[tuple[str, bool]] = []
        self._button: tuple[str, str] | None = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append((tag, given))
        if tag == "a" and given.get("href"):
            self.links.append(str(given["href"]))
        if tag == "form":
            method = str(given.get("method", "get")).upper()
            self._form = Form(str(given.get("action", "")), method)
            self.forms.append(self._form)
        if self._form is not None:
            self._field(self._form, tag, given)

    def _field(self, form: Form, tag: str, given: dict[str, str | None]) -> None:
        name, value = str(given.get("name") or ""), str(given.get("value") or "")
        if tag == "input" and name and given.get("type") == "checkbox":
            form.boxes.append((name, value))
        elif tag == "input" and name:
            form.fields.append((name, value))
        elif tag == "select":
            self._select, self._options = name, []
        elif tag == "option":
            self._options.append((value, "selected" in given))
        elif tag == "button":
            self._button = (name, value)

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.words.append(data.strip())
            if self._button and self._form:
                self._form.buttons.append((*self._button, data.strip()))
                self._button = None

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "select" and self._form is not None and self._options:
            chosen = next((v for v, marked in self._options if marked), self._options[0][0])
            self._form.fields.append((self._select, chosen))


@dataclass
class Page:
    """An answer, taken apart."""

    answer: httpx.Response

    def __post_init__(self) -> None:
        found = _Reader(self.answer.text)
        self.forms, self.links, self.tags = found.forms, found.links, found.tags
        self.text = " ".join(found.words)
        self.html = self.answer.text
        self.status = self.answer.status_code
        self.path = self.answer.url.raw_path.decode()

    def form(self, action: str, method: str = "POST") -> Form:
        found = [f for f in self.forms if f.action.endswith(action) and f.method == method]
        assert len(found) == 1, f"{len(found)} forms {method} {action} in {self.path}: {self.text}"
        return found[0]


class Browser:
    """One person's browser, without scripts."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = httpx.Client(base_url=url, timeout=60, follow_redirects=True)

    def get(self, path: str, **query: str) -> Page:
        return Page(self.client.get(path, params=query or None))

    def send(self, page: Page, form: Form, press: str = "", **filled: str | list[str]) -> Page:
        """Fill a form in and send it by a button, named by its words."""
        pressed = [b for b in form.buttons if b[2].startswith(press)]
        assert pressed, f"no button {press!r} among {form.buttons}"
        data: dict[str, str | list[str]] = {}
        for name, value in form.fields:
            had = data.get(name)
            data[name] = (
                value if had is None else [*([had] if isinstance(had, str) else had), value]
            )
        data |= filled
        if pressed[0][0]:
            data[pressed[0][0]] = pressed[0][1]
        where = urljoin(str(page.answer.url), form.action)
        if form.method == "GET":
            return Page(self.client.get(where, params=data))
        return Page(self.client.post(where, data=data))

    def sign_in(self, name: str, password: str = PASSWORD) -> Page:
        page = self.get("/desk/sign-in")
        return self.send(page, page.form("/sign-in"), name=name, password=password)

    def sign_out(self, page: Page) -> Page:
        return self.send(page, page.form("/sign-out"))


@dataclass
class Pages:
    """Running pages, and browsers for the people of a desk."""

    url: str
    services: Services
    opened: ExitStack

    def browser(self, name: str = "") -> Browser:
        """Open a browser, signed in if a name is given."""
        made = Browser(self.url)
        self.opened.enter_context(made.client)
        if name:
            page = made.sign_in(name)
            assert page.status == 200, page.text
            assert page.path == "/desk/", page.path
        return made


PEOPLE = (
    ("vera", "desk", Role.VIEWER),
    ("omar", "desk", Role.OPERATOR),
    ("asha", "desk", Role.ADMIN),
    ("rita", "rival", Role.ADMIN),
    ("root", "", Role.ADMIN),
)


@cache
def _kept() -> str:
    """Hash the one password once: real hashes are made to be slow."""
    return PasswordHasher().hash(PASSWORD)


def add_people(services: Services) -> None:
    """Put ``PEOPLE`` into the books."""
    with services.store.writing() as connection:
        for name, organization, role in PEOPLE:
            person = Person(name, organization, role, services.clock.now())
            assert PeopleRows(connection).add(person, _kept())


@contextmanager
def running_pages(
    services: Services, dagster_url: str = NOWHERE, serving: Services | None = None
) -> Iterator[Pages]:
    """Serve the pages of a desk whose people are ``PEOPLE``, beside an account of a rival.

    ``serving`` is what the server works with, where that is let into the books as somebody else.
    """
    services.store.put_accounts([RIVAL])
    add_people(services)
    with running_api(serving or services, dagster_url) as url, ExitStack() as opened:
        yield Pages(url, services, opened)


HOSTILE = "<script>alert('got in')</script>\"><img src=x onerror=alert(1)>{{7*7}}"
"""What a broker, or whoever names things, might send."""


def put_hostile(services: Services, account: str) -> Order:
    """Put an order and a break into an account whose every free text is hostile."""
    (found,) = services.chosen(account)
    at = services.clock.now()
    broker = replace(
        sample_order(at), trade_date=trade_date_of(at), symbol=HOSTILE, product=HOSTILE,
        tag=HOSTILE, message=HOSTILE, status_word=HOSTILE, order_type=HOSTILE,
        broker_order_id=f"B-{HOSTILE}", exchange_order_id=HOSTILE, validity=HOSTILE,
    )  # fmt: skip
    order = Order(
        uuid4(), found.account_id, broker, Origin.EXTERNAL, OrderStatus.OPEN, at, at,
        strategy_id="",
    )  # fmt: skip
    event = OrderEvent(order.order_id, "seen", at, {HOSTILE: HOSTILE})
    with services.store.begin([found.account_id]) as work:
        work.put_orders([order], [event])
        evidence = {HOSTILE: [HOSTILE, {HOSTILE: 1}]}
        work.put_breaks([Break(found.account_id, "book_shrank", HOSTILE, at, evidence)])
    return order
