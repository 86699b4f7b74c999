"""Reading brokers' answers exactly: JSON, fields, rows and the fetch that they end up in.

What belongs here: what adapters share around the bytes. What does not: names of a broker's
fields (one file a broker), sending (``transport``).
"""

import hashlib
import json
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NoReturn, TypeVar

from yarl import URL

from tradesync_dagster.brokers.transport import Answer
from tradesync_dagster.domain import money
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.answers import Fetch, Outcome, Reject
from tradesync_dagster.domain.errors import (
    BrokerError,
    ConfigurationError,
    UnreadableAnswerError,
    ValueRefusedError,
)
from tradesync_dagster.domain.market_calendar import IST, trade_date_of

RowT = TypeVar("RowT")
Row = Mapping[str, Any]

_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_SECRET = re.compile(r"[\x21-\x7e]+")
_MAX_TEXT = _MAX_RAW = 4096
_SHOWN = 80
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)
_FIRST_YEAR = 1990
"""Some systems write no time as year 1; no exchange here kept electronic books before this."""


def harmless(text: str, secrets: Sequence[str] = (), limit: int = 500) -> str:
    """Make words from outside fit for a log: one bounded printable line without secrets."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * limit]).split())
    return line if len(line) <= limit else f"{line[:limit]}..."


def parse_json(broker: str, endpoint: str, answer: Answer, secrets: Sequence[str] = ()) -> Any:
    """Parse a body exactly: numbers with a fraction become Decimals, never floats.

    Raises:
        UnreadableAnswerError: It is not JSON: a page, a cut-off body, NaN, an overlong number.
            The error's words hold none of ``secrets``.
    """
    try:
        return json.loads(answer.body, parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, ArithmeticError, RecursionError):
        content = harmless(answer.headers.get("Content-Type", "no content type"), secrets)
        shown = harmless(answer.body.decode(errors="replace"), secrets, _SHOWN)
        raise UnreadableAnswerError(
            broker,
            endpoint,
            f"the answer (HTTP {answer.status}, {content}, {len(answer.body)} bytes) "
            f"is not JSON; it begins: {shown!r}",
        ) from None


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(word)


def exact_json(value: Any) -> str:
    """Write what ``parse_json`` gave back as JSON text, Decimals with all their digits."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(k)}: {exact_json(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(exact_json, value)) + "]"
    return json.dumps(value)


def text(row: Row, name: str) -> str:
    """Read a field that must hold text, such as an id.

    Raises:
        ValueRefusedError: It is missing or empty, or see ``optional_text``.
    """
    value = optional_text(row, name)
    if not value:
        raise ValueRefusedError(f"{name}: missing or empty")
    return value


def optional_text(row: Row, name: str) -> str:
    """Read text, or a whole number's digits, without outer blanks; empty for missing or null.

    Raises:
        ValueRefusedError: It is something else, overlong, or no store could hold it.
    """
    value = row.get(name)
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise ValueRefusedError(f"{name}: expected text, got a {type(value).__name__}")
    if len(value) > _MAX_TEXT:
        raise ValueRefusedError(f"{name}: text of {len(value)} characters is too long")
    if _NO_TEXT.search(value):
        raise ValueRefusedError(f"{name}: text has characters that are no text")
    return value.strip()


def price(row: Row, name: str) -> int:
    """Read a price exactly, in millionths; see ``money.parse_price``."""
    return money.parse_price(_present(row, name), name)


def average(row: Row, name: str = "average_price") -> int:
    """Read an average, rounded to millionths; see ``money.parse_average``."""
    return money.parse_average(_present(row, name), name)


def signed_quantity(row: Row, name: str) -> int:
    """Read a whole quantity of either sign; see ``money.parse_quantity``."""
    return money.parse_quantity(_present(row, name), name)


def quantity(row: Row, name: str, least: int = 0) -> int:
    """Read a whole quantity that cannot be negative.

    Raises:
        ValueRefusedError: It is missing, not whole, or below ``least``.
    """
    value = signed_quantity(row, name)
    if value < least:
        raise ValueRefusedError(f"{name}: {value} is below {least}")
    return value


def _present(row: Row, name: str) -> Any:
    value = row.get(name)
    if value is None:
        raise ValueRefusedError(f"{name}: missing or null")
    return value


def ist_time(row: Row, name: str) -> datetime:
    """Read ``YYYY-MM-DD HH:MM:SS``, Indian time though it does not say so, as aware UTC.

    Raises:
        ValueRefusedError: It is missing or something else, such as a time of day only.
    """
    value = text(row, name)
    try:
        at = datetime.fromisoformat(value if _TIME.fullmatch(value) else "").replace(tzinfo=IST)
    except ValueError:
        shown = harmless(value, limit=_SHOWN)
        raise ValueRefusedError(f"{name}: {shown!r} is not a time as YYYY-MM-DD HH:MM:SS") from None
    if at.year < _FIRST_YEAR:
        raise ValueRefusedError(f"{name}: year {at.year} is no time of an exchange")
    return at.astimezone(UTC)


def optional_ist_time(row: Row, name: str) -> datetime | None:
    """Read a time as ``ist_time``; ``None`` where the field is missing, null or empty."""
    return ist_time(row, name) if row.get(name) not in (None, "") else None


def read_rows(
    kind: str,
    rows: Sequence[Any],
    parse: Callable[[Row], RowT],
    id_field: str,
    key: Callable[[RowT], Hashable] | None = None,
) -> tuple[tuple[RowT, ...], tuple[Reject, ...]]:
    """Read each row; quarantine one that cannot be read, and go on.

    Args:
        kind: What the rows are, for the reason.
        rows: The broker's rows.
        parse: Reads one row or raises ``ValueRefusedError``.
        id_field: The field that names a row.
        key: What must be unique, if anything: the same row again is dropped, a differing one
            quarantined.
    """
    good: dict[Hashable, RowT] = {}
    rejects: list[Reject] = []
    for number, raw in enumerate(rows):
        try:
            row = parse(_object(raw))
        except ValueRefusedError as error:
            rejects.append(_reject(raw, f"{kind}: {error}", id_field))
            continue
        if good.setdefault(key(row) if key else number, row) != row:
            reason = f"{kind}: {id_field}: another row of this book has it, and differs"
            rejects.append(_reject(raw, reason, id_field))
    return tuple(good.values()), tuple(rejects)


def _object(raw: Any) -> Row:
    if not isinstance(raw, Mapping):
        raise ValueRefusedError(f"expected an object, got a {type(raw).__name__}")
    return raw


def _reject(row: Any, reason: str, id_field: str) -> Reject:
    named = row.get(id_field) if isinstance(row, Mapping) else None
    row_id = harmless(str(named), limit=_SHOWN) if isinstance(named, str | int) else ""
    try:
        raw = exact_json(row)
    except RecursionError:
        raw = "(nested too deeply to show)"
    return Reject(row_id, reason, raw if len(raw) <= _MAX_RAW else f"{raw[: _MAX_RAW - 3]}...")


def failed_fetch(
    kind: str, error: BrokerError, requested_at: datetime, seconds: float, answer: Answer | None
) -> Fetch[Any]:
    """Build the fetch of a failure, with the body that told of it where there was one."""
    return Fetch(
        kind=kind,
        outcome=Outcome.FAILED,
        trade_date=trade_date_of(requested_at),
        requested_at=requested_at,
        seconds=seconds,
        payload=answer.body if answer else b"",
        payload_hash=_hash(answer.body) if answer else "",
        error=str(error),
        error_kind=type(error).__name__,
        broker_time=answer.broker_time if answer else None,
    )


def read_fetch(
    kind: str, answer: Answer, rows: tuple[RowT, ...], rejects: tuple[Reject, ...]
) -> Fetch[RowT]:
    """Build the fetch of a whole answer.

    It is partial where rows came and none could be read: that tells of the format, not the book.
    """
    unread = bool(rejects) and not rows
    error = f"none of {len(rejects)} rows could be read; {rejects[0].reason}" if unread else ""
    return Fetch(
        kind=kind,
        outcome=Outcome.PARTIAL if unread else Outcome.COMPLETE,
        trade_date=trade_date_of(answer.requested_at),
        requested_at=answer.requested_at,
        seconds=answer.seconds,
        rows=rows,
        rejects=rejects,
        payload=answer.body,
        payload_hash=_hash(answer.body),
        error=error,
        error_kind=ValueRefusedError.__name__ if unread else "",
        broker_time=answer.broker_time,
    )


def _hash(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest() if body else ""


def credential(account: Account, name: str) -> str:
    """Return a credential that can be sent in a header.

    Raises:
        ConfigurationError: It is missing, or has characters that no key or token has.
    """
    value = account.credentials.get(name, "")
    if not _SECRET.fullmatch(value):
        what = "has characters that no key or token has" if value else "is missing"
        todo = "give it with `tradesync accounts add`"
        raise ConfigurationError(f"{account.key}: its {name} {what}; {todo}")
    return value


def base_url(account: Account, default: str) -> str:
    """Return the address of the account's broker, without a slash at its end.

    Raises:
        ConfigurationError: The account's own is not an http address, or carries a login or query.
    """
    try:
        url = URL(account.base_url or default)
    except ValueError:
        url = URL()
    if url.scheme not in ("http", "https") or not url.host or url.query_string or url.user:
        what = f"its base_url is not an address such as {default}"
        raise ConfigurationError(f"{account.key}: {what}; correct it with `tradesync accounts add`")
    return str(url).rstrip("/")
