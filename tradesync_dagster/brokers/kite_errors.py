"""Kite's envelope: the data in it, or what its error means.

What belongs here: Kite's envelope, error types, statuses and words. What does not: its data
(``kite``), who answers in it (``zerodha``, ``paper``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tradesync_dagster.brokers import reading
from tradesync_dagster.brokers.calls import Answer, told_error
from tradesync_dagster.domain import errors

LOGIN = "login"
"""The call that makes a session; none can have ended there."""
_REJECTIONS = frozenset({"MarginException", "OrderException", "HoldingException"})
_REFUSALS = _REJECTIONS | {"InputException", "PermissionException"}
_OUTAGES = frozenset({"NetworkException", "GeneralException", "DataException"})


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who answers in Kite's wire format.

    Attributes:
        broker: The broker's name.
        ended: The sentence of a session that has ended, which says what to do; ``{account}`` is
            the account's key, ``{what}`` what was answered.
    """

    broker: str
    ended: str


def data_of(
    speaker: Speaker,
    endpoint: str,
    answer: Answer,
    account: str,
    secrets: Sequence[str],
    *,
    write: bool,
) -> Any:
    """Take the data out of Kite's envelope; see ``told`` for the arguments.

    Raises:
        BrokerError: What the envelope tells, or that it is none.
    """
    document = reading.parse_json(speaker.broker, endpoint, answer, secrets)
    envelope = document if isinstance(document, Mapping) else {}
    status = envelope.get("status")
    if answer.status >= 400 or status == "error":
        raise told(speaker, endpoint, answer, envelope, account, secrets, write=write)
    if answer.status >= 300 or status != "success" or "data" not in envelope:
        what = f"the answer (HTTP {answer.status}) is not Kite's envelope"
        raise errors.UnreadableAnswerError(speaker.broker, endpoint, what)
    return envelope["data"]


def told(
    speaker: Speaker,
    endpoint: str,
    answer: Answer,
    envelope: Mapping[str, Any],
    account: str,
    secrets: Sequence[str],
    *,
    write: bool,
) -> errors.BrokerError:
    """Build the error that Kite tells of.

    Args:
        speaker: Who answered.
        endpoint: The call.
        answer: What came.
        envelope: Its JSON; empty where there was none.
        account: The account's key.
        secrets: What the error must not say, also where Kite says it.
        write: Whether the call would have changed something.
    """
    kind = str(envelope.get("error_type") or "no error type")
    words = str(envelope.get("message") or "no reason given")
    broker = speaker.broker
    reason, shown = (reading.harmless(text, secrets) for text in (words, kind))
    what = f"{reason} ({shown}, HTTP {answer.status})"
    error = _error_class(kind, answer.status, write=write)
    if error is errors.SessionExpiredError and endpoint == LOGIN:
        what = f"Kite took the request_token or the api_secret of {account} for wrong: {what}"
        return errors.RefusedRequestError(broker, endpoint, what)
    if error is errors.SessionExpiredError:
        what = speaker.ended.format(account=account, what=what)
    return told_error(error, broker, endpoint, answer, what, reason=reason, write=write)


def _error_class(kind: str, status: int, *, write: bool) -> type[errors.BrokerError]:
    if status == 429:
        return errors.RateLimitedError
    if kind == "TokenException" or (status == 403 and kind != "PermissionException"):
        return errors.SessionExpiredError
    if kind in _REJECTIONS and write:
        return errors.OrderRejectedError
    if kind in _OUTAGES or (status >= 500 and kind not in _REFUSALS):
        return errors.BrokerUnavailableError
    return (
        errors.RefusedRequestError
        if status >= 400 or kind in _REFUSALS
        else errors.UnreadableAnswerError
    )
