"""How the pages are reached.

What belongs here: settings of the pages for people. What does not: who may sign in (the books).
"""

from pydantic import Field
from pydantic_settings import BaseSettings


class PageSettings(BaseSettings):
    """Addresses and what stands before the server."""

    dagster_url: str = Field(default="", pattern=r"^(https?://[A-Za-z0-9._:\[\]/-]+)?$")
    """The Dagster UI as people's browsers reach it; where not set, what ``--dagster-url`` says."""
    desk_url: str = Field(default="", pattern=r"^(https?://[A-Za-z0-9._:\[\]/-]+)?$")
    """The API's server, with the pages, as people's browsers reach it, for links in the Dagster UI;
    none are written where not set."""
    behind_tls_proxy: bool = False
    """Whether a proxy with TLS stands before the server, and alone reaches it."""
