"""Reading brokers' answers exactly: JSON, its fields, and what an account is called with.

What belongs here: what adapters share around one value. What does not: whole books
(``fetching``), names of a broker's fields (one file a broker), sending (``transport``).
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NoReturn

from yarl import URL

from tradesync_dagster.brokers.calls import Answer
from tradesync_dagster.domain import money
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.errors import (
    ConfigurationError,
    RefusedRequestError,
    UnreadableAnswerError,
    ValueRefusedError,
)
from tradesync_dagster.domain.market_calendar import IST
from tradesync_dagster.domain.orders import Side

Row = Mapping[str, Any]

_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_SECRET = re.compile(r"[\x21-\x7e]+")
_MAX_TEXT = 4096
_SHOWN = 80
_PATH_WORD = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CLOCK = r"\d\d:\d\d:\d\d"
_TIME = re.compile(rf"\d{{4}}-\d\d-\d\d {_CLOCK}", re.ASCII)
_DAY_FIRST = re.compile(rf"(\d\d)-([A-Za-z]{{3}})-(\d{{4}}) ({_CLOCK})", re.ASCII)
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_FIRST_YEAR = 1990
"""Some systems write no time as year 1; no exchange here kept electronic books before this."""


def harmless(text: str, secrets: Sequence[str] = (), limit: int = 500) -> str:
    """Make words from outside fit for a log: one bounded printable line without secrets."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * limit]).split())
    return line if len(line) <= limit else f"{line[:limit]}..."


def parse_json(broker: str, endpoint: str, answer: Answer, secrets: Sequence[str] = ()) -> Any:
    """Parse a body as ``exact_loads``; ``None`` where it is the page of an error (HTTP 4xx, 5xx).

    Raises:
        UnreadableAnswerError: It is not JSON: a page, a cut-off body, NaN, an overlong number.
            The error's words hold none of ``secrets``.
    """
    try:
        return exact_loads(answer.body)
    except (ValueError, ArithmeticError, RecursionError):
        if answer.status >= 400:
            return None
        content = harmless(answer.headers.get("Content-Type", "no content type"), secrets)
        shown = harmless(answer.body.decode(errors="replace"), secrets, _SHOWN)
        raise UnreadableAnswerError(
            broker,
            endpoint,
            f"the answer (HTTP {answer.status}, {content}, {len(answer.body)} bytes) "
            f"is not JSON; it begins: {shown!r}",
        ) from None


def exact_loads(body: str | bytes) -> Any:
    """Parse JSON exactly: numbers with a fraction become Decimals, never floats; NaN is refused."""
    return json.loads(body, parse_float=Decimal, parse_constant=_refuse_constant)


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(word)


def exact_json(value: Any) -> str:
    """Write what ``exact_loads`` gave back as JSON text, Decimals with all their digits."""
    try:
        return _exact_json(value)
    except RecursionError:
        return "(nested too deeply to show)"


def _exact_json(value: Any) -> str:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(k)}: {_exact_json(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_exact_json, value)) + "]"
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


def optional_price(row: Row, name: str) -> int:
    """Read a price as ``price``; 0 where the field is missing or null."""
    return price(row, name) if row.get(name) is not None else 0


def price_per_unit(row: Row, value: int, units: int) -> int:
    """Return what each unit of a row's instrument cost, rounded to millionths; 0 without units.

    Args:
        row: With its ``multiplier``.
        value: Of all units, in millionths.
        units: How many, of either sign.
    """
    times = abs(units) * quantity(row, "multiplier", least=1)
    return money.divide_rounded(value, times) if times else 0


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
    """Read ``YYYY-MM-DD HH:MM:SS`` or ``DD-Mon-YYYY HH:MM:SS``, Indian time, as aware UTC.

    Raises:
        ValueRefusedError: It is missing or something else, such as a time of day only.
    """
    value = text(row, name)
    try:
        at = datetime.fromisoformat(_iso(value)).replace(tzinfo=IST)
    except ValueError:
        shown = harmless(value, limit=_SHOWN)
        raise ValueRefusedError(f"{name}: {shown!r} is not a time as YYYY-MM-DD HH:MM:SS") from None
    if at.year < _FIRST_YEAR:
        raise ValueRefusedError(f"{name}: year {at.year} is no time of an exchange")
    return at.astimezone(UTC)


def _iso(value: str) -> str:
    found = _DAY_FIRST.fullmatch(value)
    if found and found[2].upper() in MONTHS:  # not strptime: its months follow the locale
        return f"{found[3]}-{MONTHS.index(found[2].upper()) + 1:02d}-{found[1]} {found[4]}"
    return value if _TIME.fullmatch(value) else ""


def optional_ist_time(row: Row, name: str) -> datetime | None:
    """Read a time as ``ist_time``; ``None`` where the field is missing, null or empty."""
    return ist_time(row, name) if row.get(name) not in (None, "") else None


def json_number(text: str) -> int | float:
    """Return a number that JSON writes with exactly the digits of a text.

    JSON's writer knows ints and floats only. A float is safe here because it is only written, and
    because what will be written is held against the text.

    Raises:
        ValueRefusedError: No float is written so.
    """
    exact = Decimal(text)
    if exact == exact.to_integral_value():
        return int(exact)
    written = float(text)
    if Decimal(repr(written)) != exact:
        raise ValueRefusedError(f"{text[:_SHOWN]} has more digits than a JSON number keeps")
    return written


def side(row: Row, name: str = "transaction_type") -> Side:
    """Read a direction.

    Raises:
        ValueRefusedError: It is missing, or neither BUY nor SELL.
    """
    word = text(row, name).upper()
    if word not in Side.__members__:
        raise ValueRefusedError(f"{name}: {word[:20]!r} is neither BUY nor SELL")
    return Side(word)


def plain_symbol(exchange: str, symbol: str) -> str:
    """Take the ordinary series off a share's name at the NSE; other series are part of it."""
    return symbol.removesuffix("-EQ") if exchange == "NSE" else symbol


def told(broker: str, endpoint: str, data: Any, name: str) -> str:
    """Read a text out of an answer that is not a book, such as the id of a placed order.

    Raises:
        UnreadableAnswerError: It is not there.
    """
    try:
        return text(data if isinstance(data, Mapping) else {}, name)
    except ValueRefusedError as error:
        raise UnreadableAnswerError(broker, endpoint, f"data.{error}") from None


def path_word(broker: str, endpoint: str, word: str) -> str:
    """Return an order id or the like that can stand in an address.

    Raises:
        RefusedRequestError: It has characters that would make it another address.
    """
    if not _PATH_WORD.fullmatch(word):
        what = "an order id or variety has odd characters"
        raise RefusedRequestError(broker, endpoint, what)
    return word


def credential(account: Account, name: str) -> str:
    """Return a credential that can be sent in a header.

    Raises:
        ConfigurationError: It is missing, or has characters that no key or token has.
    """
    value = account.credentials.get(name, "")
    if not _SECRET.fullmatch(value):
        what = "has characters that no key or token has" if value else "is missing"
        todo = "give it with `tradesync accounts add` or `tradesync login`"
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
