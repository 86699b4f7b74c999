"""What AutoTrader's refusals mean.

AutoTrader has no codes: a failure is ``status`` false with the words of the stock broker behind it,
whichever that is. What belongs here: which words mean what. What does not: its data
(``autotrader``).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tradesync_dagster.brokers import reading
from tradesync_dagster.brokers.calls import Answer, told_error
from tradesync_dagster.domain import errors

BROKER = "AUTOTRADER"
_SESSION = re.compile(
    r"api[ -]?key|not logged ?in|please log ?in|log ?in (again|first|failed|required)"
    r"|(session|token)[^.]{0,30}(expired|invalid|ended|timed out)"
    r"|(invalid|expired|incorrect)[^.]{0,30}(session|token)"
)
_LIMIT = re.compile(r"too many requests|rate limit|requests per (second|minute)")
_OUTAGE = re.compile(
    r"timed?[ -]?out|connection|unreachable|unavailable|gateway|internal (server )?error"
    r"|unexpected error|no response|network|try again"
)
"""Words of a failure between AutoTrader and the stock broker, after which an order may exist."""


def told(
    endpoint: str,
    answer: Answer,
    envelope: Mapping[str, Any],
    account: str,
    secrets: Sequence[str],
    *,
    write: bool,
) -> errors.BrokerError:
    """Build the error that AutoTrader tells of.

    Args:
        endpoint: The call.
        answer: What came.
        envelope: Its JSON; empty where there was none.
        account: The account's key.
        secrets: What the error must not say, also where AutoTrader says it.
        write: Whether the call would have changed something.
    """
    words = envelope.get("message") or envelope.get("error")
    given = words if isinstance(words, str) and words.strip() else ""
    reason = reading.harmless(given or "no reason given", secrets)
    what = f"{reason} (HTTP {answer.status})"
    error = _error_class(given.lower(), answer.status, write=write)
    if error is errors.SessionExpiredError:
        what = (
            f"AutoTrader does not let {account} in: {what}; see there that the account is live and "
            "logged in, and give a changed api_key with `tradesync accounts add`"
        )
    return told_error(error, BROKER, endpoint, answer, what, reason=reason, write=write)


def _error_class(words: str, status: int, *, write: bool) -> type[errors.BrokerError]:
    if status >= 400:
        return _by_status(status)
    if not words:  # a refusal, or anything else: nobody says
        return errors.UnreadableAnswerError
    if _LIMIT.search(words):
        return errors.RateLimitedError
    if _SESSION.search(words):
        return errors.SessionExpiredError
    if _OUTAGE.search(words):
        return errors.BrokerUnavailableError
    return errors.OrderRejectedError if write else errors.RefusedRequestError


def _by_status(status: int) -> type[errors.BrokerError]:
    if status == 429:
        return errors.RateLimitedError
    if status in (401, 403):  # 403: the key is wrong, or its user is disabled
        return errors.SessionExpiredError
    return errors.BrokerUnavailableError if status >= 500 else errors.RefusedRequestError
