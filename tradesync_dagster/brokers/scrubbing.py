"""Keeps a call's credentials out of what its answer leaves behind.

An answer is stored, quarantined and quoted in errors. A broker that repeats a token in it must not
make any of these a secret, so the token is struck out before anybody reads the answer. A login is
not touched: its answer has a token that its request did not.

What belongs here: finding a call's credentials, and their forms in an answer. What does not: making
words fit for a log (``reading``).
"""

import re
from collections.abc import Mapping
from urllib.parse import quote

_BEARERS = frozenset({"authorization", "auth", "sid", "api-key", "x-api-key", "neo-fin-key"})
"""Headers that credentials go in, in lower case."""
_WORD = re.compile(r"[^\s:,;]{8,}")
"""A credential; shorter words are ``Bearer`` and the like, and may stand in any text by chance."""
STRUCK_OUT = b"***"


def scrubbed(body: bytes, headers: Mapping[str, str]) -> bytes:
    """Strike a request's credentials out of an answer's body.

    Args:
        body: What came back.
        headers: What was sent.

    Returns:
        The body; the very same where there is nothing to strike out.
    """
    for name, value in headers.items():
        if name.lower() in _BEARERS:
            for word in sorted(_WORD.findall(value), key=len, reverse=True):
                for form in _forms(word):
                    if form in body:
                        body = body.replace(form, STRUCK_OUT)
    return body


def _forms(word: str) -> set[bytes]:
    """Give the ways in which a page, a URL or JSON may write a word."""
    forms = {word, word.replace("/", "\\/"), quote(word, safe="")}
    return {form.encode(errors="replace") for form in forms}
