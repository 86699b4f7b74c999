"""Upstox's trade history: the JSON answers of ``/v2/charges/historical-trades`` as saved.

A file holds one page, or a list of pages. The answers tell the day and not the time, and no order
id. What belongs here: envelope, pages and fields. What does not: fetching them, repeated rows
(``files``).
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time
from typing import Any, BinaryIO

from tradesync_dagster.brokers import fetching, file_reading, reading
from tradesync_dagster.brokers.tradebooks import rows
from tradesync_dagster.domain.answers import Reject
from tradesync_dagster.domain.errors import FileRefusedError, ValueRefusedError
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.market_calendar import IST
from tradesync_dagster.domain.money import PRICE_UNIT, format_price

BROKER = "UPSTOX"
MAX_BYTES = 32 * 1024 * 1024
"""Most bytes of a file, which is parsed as a whole: some 100,000 trades."""

_CONTRACT = re.compile(r"\S*\d\S*(FUT|CE|PE)", re.ASCII)
_NO_OPTION = frozenset({"", "FUT", "XX"})


def read(stream: BinaryIO, name: str) -> tuple[list[Fill | Reject], tuple[str, ...]]:
    """Read the pages of a file.

    Args:
        stream: The file's bytes from the start.
        name: The file's name, for sentences.

    Returns:
        A fill or a reject for each trade, in the file's order, and what people should know.

    Raises:
        FileRefusedError: It is too large, not JSON, or not Upstox's trade history.
    """
    document = _parsed(stream.read(MAX_BYTES + 1), name)
    pages = document if isinstance(document, list) else [document]
    trades = [(trade, page) for page, found in enumerate(pages, 1) for trade in _data(found, name)]
    several = len(pages) > 1
    read_rows = [_row(trade, f"page {page}: " if several else "") for trade, page in trades]
    return read_rows, (*_missing(pages, name), *_named_otherwise(read_rows, name))


def _parsed(body: bytes, name: str) -> Any:
    if len(body) > MAX_BYTES:
        raise FileRefusedError(
            f"{name}: the file is larger than {MAX_BYTES >> 20} MB, the most that is read of JSON "
            "at once; save fewer pages a file and import each"
        )
    try:
        return reading.exact_loads(body.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise FileRefusedError(
            f"{name}: the file is not UTF-8 text; save Upstox's answer as it came"
        ) from None
    except (ValueError, ArithmeticError, RecursionError):
        raise FileRefusedError(
            f"{name}: the file is not whole JSON; save Upstox's answer again"
        ) from None


def _data(page: Any, name: str) -> list[Any]:
    envelope = page if isinstance(page, Mapping) else {}
    if envelope.get("status") == "error":
        words = reading.harmless(reading.exact_json(envelope.get("errors")), limit=200)
        raise FileRefusedError(f"{name}: this is an error that Upstox answered: {words}")
    data = envelope.get("data")
    if envelope.get("status") != "success" or not isinstance(data, list):
        raise FileRefusedError(
            f'{name}: this is not Upstox\'s trade history, which has "status" and a list "data"'
        )
    return data


def _missing(pages: Sequence[Any], name: str) -> tuple[str, ...]:
    """Say which pages of the history the file does not have; Upstox numbers them from 1."""
    numbers: set[int] = set()
    total = 0
    for page in pages:
        meta = page.get("meta_data") or page.get("metaData")
        told = meta.get("page") if isinstance(meta, Mapping) else None
        told = told if isinstance(told, Mapping) else {}
        number, most = told.get("page_number"), told.get("total_pages")
        if isinstance(number, int) and isinstance(most, int):
            numbers.add(number)
            total = max(total, most)
    if len(numbers & set(range(1, min(total, 100_000) + 1))) >= total:
        return ()
    return (
        f"{name} has {len(numbers)} of the {total} pages of this trade history; import the others "
        "too",
    )


def _named_otherwise(found: Sequence[Fill | Reject], name: str) -> tuple[str, ...]:
    """Say that a contract here is not the contract of the day's books; see ``_contract``."""
    symbols = [one.symbol for one in found if isinstance(one, Fill) and one.product != "CNC"]
    named = next((symbol for symbol in symbols if not _CONTRACT.fullmatch(symbol)), None)
    if named is None:
        return ()
    return (
        f"{name} names contracts by their expiry, such as {named}, and Upstox's order books by the "
        "exchange's symbol, which cannot be told from it: in the books they are two instruments, "
        "so a position that is still open is not closed by what the order books tell",
    )


def _row(raw: Any, where: str) -> Fill | Reject:
    try:
        return _fill(fetching.object_of(raw))
    except ValueRefusedError as error:
        return fetching.reject(raw, f"{where}{error}", "trade_id")


def _fill(row: Mapping[str, Any]) -> Fill:
    exchange, product = rows.place(row)
    trade_date = file_reading.day(row, "trade_date")
    return Fill(
        trade_id=rows.identity(row, "trade_id"),
        broker_order_id="",
        trade_date=trade_date,
        exchange=exchange,
        symbol=reading.text(row, "symbol") if product == "CNC" else _contract(row),
        product=product,
        side=reading.side(row),
        quantity=reading.quantity(row, "quantity", least=1),
        price=reading.price(row, "price"),
        filled_at=datetime.combine(trade_date, time.min, IST).astimezone(UTC),
        isin=rows.isin(row),
    )


def _contract(row: Mapping[str, Any]) -> str:
    """Name a derivative as Upstox's list of instruments does: ``NIFTY 19650 CE 15 FEB 24``.

    The history gives the underlying, expiry, strike and option type. Its exchange-style name
    (``NIFTY24FEB19650CE``) cannot be told from those: a month's last contract is written otherwise
    than a weekly one, and which that is depends on the index, the year and the holidays. A wrong
    guess would make two contracts one.
    """
    symbol = reading.text(row, "symbol").upper()
    if _CONTRACT.fullmatch(symbol):
        return symbol
    expiry = file_reading.day(row, "expiry")
    if expiry < file_reading.day(row, "trade_date"):
        raise ValueRefusedError(f"expiry: {expiry} is before the trade")
    kind = reading.optional_text(row, "option_type").upper()
    last = f"{expiry.day:02} {reading.MONTHS[expiry.month - 1]} {expiry.year % 100:02}"
    if kind in ("CE", "PE"):
        return f"{symbol} {_strike(row)} {kind} {last}"
    if kind not in _NO_OPTION:
        raise ValueRefusedError(f"option_type: {kind[:20]!r} is neither CE nor PE")
    if row.get("strike_price") not in (None, "") and reading.price(row, "strike_price"):
        raise ValueRefusedError("option_type: missing, and there is a strike_price")
    return f"{symbol} FUT {last}"


def _strike(row: Mapping[str, Any]) -> str:
    strike = reading.price(row, "strike_price")
    if strike <= 0:
        raise ValueRefusedError("strike_price: an option needs one above 0")
    return str(strike // PRICE_UNIT) if strike % PRICE_UNIT == 0 else format_price(strike)
