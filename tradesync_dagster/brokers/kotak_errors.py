"""What Kotak Neo's answers say beside their data: success, an empty book, or what went wrong.

What belongs here: Kotak's codes, statuses and words. What does not: its data (``kotak_rows``).

Kotak tells of an error in several shapes, depending on which of its systems refuses, and sends some
with HTTP 200: ``{stat: Not_Ok, stCode, errMsg or emsg}``; ``{error: [{code, message}]}``; the first
one inside ``data``; the gateway's ``{code, message}`` or ``{fault: {...}}``.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tradesync_dagster.brokers import reading
from tradesync_dagster.brokers.calls import Answer, told_error
from tradesync_dagster.domain import errors

BROKER = "KOTAK"
_FINE, _EMPTY = "200", "5203"
_SESSION = frozenset(
    {
        "401",
        "1003",  # invalid session
        "100021",  # the token of a login without its second step
        "100022",  # invalid session token
        "900901",  # the gateway knows no such credentials
    }
)
_ADDRESS = "100008"
"""Unauthorized: as far as is known, orders from an address that is not registered at Kotak."""
_LIMIT = frozenset({"429", "900807"})
_OUTAGES = frozenset({"424", "1005"})
_REJECTIONS = frozenset({"1004", "1021", "5204"})
"""Too little money; an order that has ended; the order system's no, whatever its reason."""
_MAY_EXIST = "already exists"
"""In the words of a refusal: an order with this tag is there, perhaps the very one."""
_CORE = "32"
"""The core's error without words. It was seen where a tag came twice."""
_WORDS = ("errMsg", "emsg", "stMsg", "message", "desc", "description")
_CODES = ("stCode", "code", "errorCode")
_NESTED = ("error", "data", "fault")


def is_success(envelope: Mapping[str, Any], status: int, *, bare: bool) -> bool:
    """Tell whether an answer is one.

    Args:
        envelope: Its JSON.
        status: Its HTTP status.
        bare: Whether this endpoint leaves out the status words where all is well.
    """
    if bare and "stat" not in envelope and "stCode" not in envelope:
        return status < 300 and isinstance(envelope.get("data"), list) and "error" not in envelope
    code = str(envelope.get("stCode", _FINE))
    return status < 300 and _stat(envelope) == "ok" and code == _FINE and "error" not in envelope


def is_empty_book(envelope: Mapping[str, Any], status: int) -> bool:
    """Tell whether an answer is Kotak's way to say that a book has no rows, and nothing else."""
    told = _stat(envelope) == "not_ok" and str(envelope.get("stCode")) == _EMPTY
    fine = status < 300 or (400 <= status < 500 and status not in (401, 403, 429))
    return told and fine and not envelope.get("data") and "error" not in envelope


def _stat(envelope: Mapping[str, Any]) -> str:
    return str(envelope.get("stat")).lower()


def told(
    endpoint: str,
    answer: Answer,
    envelope: Mapping[str, Any],
    account: str,
    secrets: Sequence[str],
    *,
    write: bool,
) -> errors.BrokerError:
    """Build the error that Kotak tells of.

    Args:
        endpoint: The call.
        answer: What came.
        envelope: Its JSON; empty where there was none.
        account: The account's key.
        secrets: What the error must not say, also where Kotak says it.
        write: Whether the call would have changed something.
    """
    problems = list(_problems(envelope))
    codes = [code for code, _ in problems if code]
    words = "; ".join(word for _, word in problems if word) or "no reason given"
    reason, shown = (reading.harmless(text, secrets) for text in (words, ", ".join(codes)))
    what = f"{reason} ({shown or 'no error code'}, HTTP {answer.status})"
    error = _error_class(frozenset(codes), words, answer.status, write=write)
    if error is errors.SessionExpiredError:
        what = (
            f"the session of {account} has ended: {what}; log in at Kotak and give the new "
            "access_token and sid with `tradesync accounts add`"
        )
    elif _ADDRESS in codes:
        what += "; this machine's address may not be registered at Kotak"
    return told_error(error, BROKER, endpoint, answer, what, reason=reason, write=write)


def _problems(envelope: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Take pairs of code and words out of whatever shape an error has."""
    code = next((str(envelope[name]) for name in _CODES if name in envelope), "")
    code = "" if code == _FINE else code  # no error, whatever else is wrong with the answer
    words = next((str(envelope[name]) for name in _WORDS if envelope.get(name)), "")
    if code or words:
        yield code, words
    for name in _NESTED:
        inner = envelope.get(name)
        for one in inner if isinstance(inner, list) else [inner]:
            if isinstance(one, Mapping):
                yield from _problems({key: one[key] for key in (*_CODES, *_WORDS) if key in one})


def _error_class(
    codes: frozenset[str], words: str, status: int, *, write: bool
) -> type[errors.BrokerError]:
    if status == 429 or codes & _LIMIT:
        return errors.RateLimitedError
    if status in (401, 403) or codes & _SESSION:
        return errors.SessionExpiredError
    if write and (_CORE in codes or _MAY_EXIST in words.lower()):
        return errors.UnreadableAnswerError
    if write and codes & _REJECTIONS:
        return errors.OrderRejectedError
    if status >= 500 or codes & _OUTAGES:
        return errors.BrokerUnavailableError
    return errors.RefusedRequestError if status >= 400 or codes else errors.UnreadableAnswerError
