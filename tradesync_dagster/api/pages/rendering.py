"""Templates, and how values read on pages.

Everything is escaped, and what no screen can show is shown as such: brokers' texts and names are
anybody's. What belongs here: the template environment, its filters, what every page is given. What
does not: what single pages show.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

from fastapi import Request
from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from tradesync_dagster.api.pages.navigation import NAVIGATION
from tradesync_dagster.api.pages.static import address_of_file
from tradesync_dagster.api.pages.visitors import ROOT, Visitor
from tradesync_dagster.bootstrap import Services
from tradesync_dagster.bootstrap.dagster_graphql import Dagster
from tradesync_dagster.domain.market_calendar import IST
from tradesync_dagster.domain.money import format_price
from tradesync_dagster.domain.people import Role
from tradesync_dagster.sync.documents import span

_NOTHING = "\N{EN DASH}"
_UNSHOWABLE = "\N{REPLACEMENT CHARACTER}"


def _finalize(value: Any) -> Any:
    if value is None:
        return _NOTHING
    if isinstance(value, Markup) or not isinstance(value, str) or value.isprintable():
        return value
    return "".join(c if c.isprintable() or c == "\n" else _UNSHOWABLE for c in value)


def money(units: Any) -> str:
    """Write an amount in millionths as exact decimal text; a dash where it is not known."""
    return _NOTHING if units is None else format_price(int(units))


def moment(at: datetime | None, now: datetime | None = None) -> Markup:
    """Write a time in the exchange's zone; with the date where it is not ``now``'s day."""
    if at is None:
        return Markup.escape(_NOTHING)
    local = at.astimezone(IST)
    same = now is not None and now.astimezone(IST).date() == local.date()
    text = local.strftime("%H:%M:%S" if same else "%Y-%m-%d %H:%M:%S")
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(), text)


def instant(text: str | None, now: datetime | None = None) -> Markup:
    """Write a time that is ISO 8601 text; see ``moment``."""
    return moment(datetime.fromisoformat(text) if text else None, now)


def age(at: datetime | None, now: datetime) -> str:
    """Write how long ago something was, in one unit."""
    if at is None:
        return _NOTHING
    return span(max(int((now - at).total_seconds()), 0))


def words(text: Any) -> str:
    """Write a name of the code's as words."""
    return str(text).replace("_", " ")


def said(value: Any) -> str:
    """Write one value of evidence, which is JSON, for people; moments as elsewhere."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    at = _moment_in(value)
    return moment(at) if at else _NOTHING if value in (None, "") else str(value)


def _moment_in(value: Any) -> datetime | None:
    """Read a text that is a moment with its zone; anything else is none, a far year too."""
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
        return at.astimezone(IST) if at and at.tzinfo else None
    except (ValueError, OverflowError):
        return None


def is_pair(value: Any) -> bool:
    """Whether evidence holds names and values."""
    return isinstance(value, dict)


@cache
def environment() -> Environment:
    """Read the templates, once."""
    folder = files("tradesync_dagster.api") / "templates"
    sources = {
        one.name: one.read_text(encoding="utf-8")
        for one in folder.iterdir()
        if one.name.endswith(".html")
    }
    made = Environment(
        loader=DictLoader(sources),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    shown: dict[str, Callable[..., Any]] = {
        "money": money, "moment": moment, "instant": instant, "age": age,
        "words": words, "said": said,
    }  # fmt: skip
    made.filters |= shown
    made.tests |= {"pair": is_pair}
    made.globals |= {"root": ROOT, "file": address_of_file, "Role": Role}
    return made


def part(template: str, **context: Any) -> Markup:
    """Render a piece of a page."""
    rendered = environment().get_template(template).render(context)
    return Markup(rendered)  # noqa: S704 - the template has escaped it


def page(
    request: Request,
    template: str,
    visitor: Visitor | None = None,
    *,
    status: int = 200,
    **context: Any,
) -> HTMLResponse:
    """Render a page.

    Args:
        request: What is answered.
        template: Its file in ``api/templates``.
        visitor: Who asks; ``None`` before the sign-in.
        status: The HTTP status.
        context: What the template shows.

    Returns:
        The answer.
    """
    services: Services = request.app.state.services
    links = [one for one in NAVIGATION if visitor is not None and visitor.may(one.role)]
    given = {
        "visitor": visitor,
        "links": links,
        "here": request.url.path,
        "dagster_url": dagster_url(request),
        "now": services.clock.now(),
    }
    return HTMLResponse(environment().get_template(template).render(given | context), status)


def dagster_url(request: Request) -> str:
    """Return the Dagster UI's address as people's browsers reach it."""
    services: Services = request.app.state.services
    dagster: Dagster = request.app.state.dagster
    return services.settings.dagster_url.rstrip("/") or dagster.url


def days_back(today: date, days: int) -> date:
    """Return the first of so many days, today included."""
    return today - timedelta(days=days - 1)
