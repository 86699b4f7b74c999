"""Zerodha Console's tradebook: CSV with 12 to 14 named columns, equity and derivatives alike.

What belongs here: the columns and their fields. What does not: lines and encodings
(``file_reading``), telling formats apart, repeated rows (``files``).
"""

from collections.abc import Iterator, Mapping
from datetime import date
from functools import lru_cache
from typing import BinaryIO

from tradesync_dagster.brokers import file_reading, reading
from tradesync_dagster.brokers.tradebooks import rows
from tradesync_dagster.domain.answers import Reject
from tradesync_dagster.domain.errors import ValueRefusedError
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.orders import Side

BROKER = "ZERODHA"
KIND = file_reading.FileKind(
    name="tradebook",
    as_csv="download the tradebook as CSV",
    again="import it as downloaded, or save it again as CSV UTF-8",
    unknown="this is no trade history that tradesync knows; it begins: {}. Give Zerodha Console's "
    "tradebook as CSV, or Upstox's trade history as JSON",
    required=(
        "symbol", "trade_date", "exchange", "segment", "trade_type", "quantity", "price",
        "trade_id", "order_id", "order_execution_time",
    ),
    row_id="trade_id",
)  # fmt: skip

Read = tuple[int, Fill | Reject, int]
"""Line number, what stands there, bytes of the file read so far."""


def read(stream: BinaryIO, name: str) -> Iterator[Read]:
    """Read a tradebook line by line.

    Args:
        stream: The file's bytes from the start.
        name: The file's name, for sentences.

    Returns:
        A fill or a reject for each line below the header that is not blank; see
        ``file_reading.read_csv``.
    """
    return file_reading.read_csv(stream, name, KIND, _fill)


def _fill(row: Mapping[str, str]) -> Fill:
    exchange, product, symbol, isin = _instrument(
        row["exchange"], row["segment"], row["symbol"], row.get("isin", "")
    )
    name = "order_execution_time"
    at = row[name].strip()
    filled_at = reading.ist_time({name: f"{at[:10]} {at[11:]}" if at[10:11] == "T" else at}, name)
    trade_date = _day(row["trade_date"])
    if trade_date != trade_date_of(filled_at):
        raise ValueRefusedError(
            f"trade_date: {trade_date}, but {name} is on {trade_date_of(filled_at)}"
        )
    return Fill(
        trade_id=rows.identity(row, "trade_id"),
        broker_order_id=rows.identity(row, "order_id"),
        trade_date=trade_date,
        exchange=exchange,
        symbol=symbol,
        product=product,
        side=_side(row["trade_type"]),
        quantity=_quantity(row["quantity"].strip()),
        price=_price(row["price"].strip()),
        filled_at=filled_at,
        isin=isin,
    )


# What follows keeps what it has read, since the same few texts come again and again in a long file.


@lru_cache(maxsize=4_096)
def _instrument(exchange: str, segment: str, symbol: str, isin: str) -> tuple[str, str, str, str]:
    """Read exchange, product, symbol and security."""
    row = {"exchange": exchange, "segment": segment, "symbol": symbol, "isin": isin}
    return *rows.place(row), reading.text(row, "symbol"), rows.isin(row)


@lru_cache(maxsize=4_096)
def _day(text: str) -> date:
    return file_reading.day({"trade_date": text}, "trade_date")


@lru_cache(maxsize=64)
def _side(text: str) -> Side:
    return reading.side({"trade_type": text}, "trade_type")


@lru_cache(maxsize=4_096)
def _quantity(text: str) -> int:
    return reading.quantity(rows.number(text, "quantity"), "quantity", least=1)


@lru_cache(maxsize=65_536)
def _price(text: str) -> int:
    return reading.price(rows.number(text, "price"), "price")
