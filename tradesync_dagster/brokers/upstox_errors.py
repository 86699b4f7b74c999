"""What Upstox's error answers mean.

What belongs here: Upstox's codes, statuses and words. What does not: its data (``upstox``).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from tradesync_dagster.brokers import reading
from tradesync_dagster.brokers.transport import NOT_SENT_AGAIN, Answer
from tradesync_dagster.domain import errors
from tradesync_dagster.domain.margin_texts import order_rejected

BROKER = "UPSTOX"
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
    if error is errors.OrderRejectedError:
        return order_rejected(BROKER, endpoint, what, reason)
    if error is errors.RateLimitedError:
        return errors.RateLimitedError(BROKER, endpoint, what, answer.retry_after)
    if error is errors.SessionExpiredError:
        what = (
            f"the session of {account} has ended, or this machine's address is not registered: "
            f"{what}; log in at Upstox and give the new access_token with `tradesync accounts add`"
        )
    elif error is errors.BrokerUnavailableError and write:
        what += NOT_SENT_AGAIN
    return error(BROKER, endpoint, what)


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
