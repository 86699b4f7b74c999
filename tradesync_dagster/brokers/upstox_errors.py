"""Upstox's envelope: the data in it, or what its error means.

What belongs here: Upstox's envelope, codes, statuses and words. What does not: its data
(``upstox``).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from tradesync_dagster.brokers import reading
from tradesync_dagster.brokers.calls import Answer, told_error
from tradesync_dagster.domain import errors
from tradesync_dagster.domain.margin_texts import MarginAmounts, read_margin

BROKER = "UPSTOX"
LOGIN = "login"
"""The call that makes a session; none can have ended there."""
_SESSION = frozenset({"UDAPI100050", "UDAPI100016", "UDAPI100073"})
_LIMIT = "UDAPI10005"
_OUTAGE = "UDAPI100500"
_REJECTIONS = frozenset(
    {
        "UDAPI100039",  # an after-market order in market hours
        "UDAPI100040",  # cancelling an order that has ended
        "UDAPI100041",  # changing an order that has ended
        "UDAPI100057",  # the market is closed
        "UDAPI100074",  # outside the API's own hours
        "UDAPI1158",  # market orders are not allowed
        "UDAPI1161",  # the commodity exchange is closed to the API
    }
)
"""Well-formed orders that Upstox will not take now."""


def data_of(
    endpoint: str, answer: Answer, account: str, secrets: Sequence[str], *, write: bool
) -> tuple[Any, str]:
    """Take the data out of Upstox's envelope; see ``told`` for the arguments.

    Returns:
        The data, and why it is not all of it where Upstox says so.

    Raises:
        BrokerError: What the envelope tells, or that it is none.
    """
    envelope = envelope_of(endpoint, answer, account, secrets, write=write)
    status = envelope.get("status")
    if status not in ("success", "partial_success") or "data" not in envelope:
        what = f"the answer (HTTP {answer.status}) is not Upstox's envelope"
        raise errors.UnreadableAnswerError(BROKER, endpoint, what)
    partly = "Upstox calls its answer a partial success"
    return envelope["data"], "" if status == "success" else partly


def envelope_of(
    endpoint: str, answer: Answer, account: str, secrets: Sequence[str], *, write: bool
) -> Mapping[str, Any]:
    """Return an answer that tells of no error; empty where it is no object.

    Raises:
        BrokerError: What it tells, or that nobody can read it.
    """
    document = reading.parse_json(BROKER, endpoint, answer, secrets)
    envelope = document if isinstance(document, Mapping) else {}
    if answer.status >= 400 or envelope.get("status") == "error":
        raise told(endpoint, answer, envelope, account, secrets, write=write)
    if answer.status >= 300:
        what = f"the answer (HTTP {answer.status}) is not Upstox's envelope"
        raise errors.UnreadableAnswerError(BROKER, endpoint, what)
    return envelope


def told(
    endpoint: str,
    answer: Answer,
    envelope: Mapping[str, Any],
    account: str,
    secrets: Sequence[str],
    *,
    write: bool,
) -> errors.BrokerError:
    """Build the error that Upstox tells of.

    Args:
        endpoint: The call.
        answer: What came.
        envelope: Its JSON; empty where there was none.
        account: The account's key.
        secrets: What the error must not say, also where Upstox says it.
        write: Whether the call would have changed something.
    """
    codes, words = _problems(envelope)
    reason, shown = (reading.harmless(text, secrets) for text in (words, ", ".join(codes)))
    what = f"{reason} ({shown or 'no error code'}, HTTP {answer.status})"
    error = _error_class(frozenset(codes), answer.status, write=write)
    if error is errors.RefusedRequestError and write and read_margin(reason) != MarginAmounts():
        error = errors.OrderRejectedError  # no code for lack of funds is published: the words tell
    if error is errors.SessionExpiredError and endpoint == LOGIN:
        what = f"Upstox took the code or the api_secret of {account} for wrong: {what}"
        return errors.RefusedRequestError(BROKER, endpoint, what)
    if error is errors.SessionExpiredError:
        what = (
            f"the session of {account} has ended, or this machine's address is not registered: "
            f"{what}; log in with `tradesync login {account}`"
        )
    return told_error(error, BROKER, endpoint, answer, what, reason=reason, write=write)


def _problems(envelope: Mapping[str, Any]) -> tuple[list[str], str]:
    """Take codes and words out of the list of problems, whichever spelling it has."""
    listed = envelope.get("errors")
    rows = listed if isinstance(listed, list) else []
    problems = [one for one in rows if isinstance(one, Mapping)]
    codes = [str(one.get("error_code") or one.get("errorCode") or "") for one in problems]
    words = [str(one.get("message") or "") for one in problems]
    return list(filter(None, codes)), "; ".join(filter(None, words)) or "no reason given"


def _error_class(codes: frozenset[str], status: int, *, write: bool) -> type[errors.BrokerError]:
    if status == 429 or _LIMIT in codes:
        return errors.RateLimitedError
    if status == 401 or codes & _SESSION:
        return errors.SessionExpiredError
    if write and codes & _REJECTIONS:
        return errors.OrderRejectedError
    if status >= 500 or _OUTAGE in codes:
        return errors.BrokerUnavailableError
    return errors.RefusedRequestError if status >= 400 or codes else errors.UnreadableAnswerError
