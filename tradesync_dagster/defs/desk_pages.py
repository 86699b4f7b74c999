"""Links from what Dagster shows to the desk's pages.

What belongs here: metadata with a link. What does not: the pages (``api.pages``), where they are
reached (``settings.pages``).
"""

from urllib.parse import quote

import dagster as dg

from tradesync_dagster.settings import load_settings

BASE = load_settings().desk_url.rstrip("/")
"""Read once, as Dagster loads the definitions; empty where it is not set."""


def page_link(path: str = "/") -> dict[str, dg.MetadataValue]:
    """Link to a page.

    Args:
        path: Below ``/desk``.

    Returns:
        Metadata with the link; nothing where nobody said where the pages are.
    """
    return {"desk_page": dg.MetadataValue.url(f"{BASE}/desk{path}")} if BASE else {}


def account_link(account: str, day: str = "") -> dict[str, dg.MetadataValue]:
    """Link to an account's page.

    Args:
        account: ``ORG/ACCOUNT``.
        day: Of that trading day, ``YYYY-MM-DD``; of the present day when empty.

    Returns:
        As ``page_link``.
    """
    organization, _, name = account.partition("/")
    path = f"/accounts/{quote(organization, safe='')}/{quote(name, safe='')}"
    return page_link(f"{path}?day={day}" if day else path)
