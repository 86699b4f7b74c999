"""Downloaded trade histories as brokers write them, and what came of reading one."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tradesync_dagster.brokers.tradebooks.files import Tradebook, open_tradebook
from tradesync_dagster.brokers.tradebooks.rows import Chunk
from tradesync_dagster.domain.errors import FileRefusedError
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.orders import Side

ROW = {
    "symbol": "TATASTEEL",
    "isin": "INE081A01020",
    "trade_date": "2024-03-11",
    "exchange": "NSE",
    "segment": "EQ",
    "series": "EQ",
    "trade_type": "buy",
    "auction": "false",
    "quantity": "12.000000",
    "price": "147.350000",
    "trade_id": "700123",
    "order_id": "1100000000004711",
    "order_execution_time": "2024-03-11T09:31:07",
}
FILL = Fill(
    "700123", "1100000000004711", date(2024, 3, 11), "NSE", "TATASTEEL", "CNC", Side.BUY, 12,
    147_350_000, datetime(2024, 3, 11, 4, 1, 7, tzinfo=UTC), "INE081A01020",
)  # fmt: skip
COLUMNS_12 = [name for name in ROW if name != "auction"]
TRADE: dict[str, Any] = {
    "exchange": "NSE",
    "segment": "EQ",
    "option_type": "",
    "quantity": 4,
    "amount": Decimal("1724.2"),
    "trade_id": "88112233",
    "trade_date": "2024-03-11",
    "transaction_type": "SELL",
    "scrip_name": "ITC",
    "strike_price": "0.0",
    "expiry": "",
    "price": Decimal("431.05"),
    "isin": "INE154A01025",
    "symbol": "ITC",
    "instrument_token": "NSE_EQ|INE154A01025",
}
OPTION = TRADE | {
    "segment": "FO", "symbol": "NIFTY", "scrip_name": "NIFTY", "isin": "", "option_type": "CE",
    "strike_price": "22000.0", "expiry": "2024-03-14", "instrument_token": "NSE_FO|41000",
}  # fmt: skip


def csv(*rows: dict[str, str], columns: Sequence[str] = tuple(ROW)) -> bytes:
    lines = [",".join(columns), *(",".join(row[name] for name in columns) for row in rows)]
    return ("\n".join(lines) + "\n").encode()


def page(*trades: dict[str, Any], number: int = 1, of: int = 1) -> dict[str, Any]:
    told = {"page_number": number, "page_size": 500, "total_records": 1, "total_pages": of}
    return {
        "status": "success",
        "data": list(trades),
        "errors": None,
        "meta_data": {"page": told},
    }


def saved(document: object) -> bytes:
    """JSON with Decimals as bare numbers, as a broker writes them."""
    marked = json.dumps(document, default=lambda number: f"#{number}#")
    return marked.replace('"#', "").replace('#"', "").encode()


class Reading:
    """What came of a file."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self.chunks = chunks
        self.rows = [row for chunk in chunks for row in chunk.rows]
        self.fills = [row.fill for row in self.rows if row.fill]
        self.reasons = {row.line: row.reject.reason for row in self.rows if row.reject}
        self.repeated = sum(chunk.repeated for chunk in chunks)
        self.notices = [notice for chunk in chunks for notice in chunk.notices]


class Desk:
    """Where a test's downloads are."""

    def __init__(self, room: Path) -> None:
        self.path = room / "download"

    def open(self, content: bytes) -> Tradebook:
        self.path.write_bytes(content)
        return open_tradebook(self.path)

    def read(self, content: bytes, rows: int = 5_000) -> Reading:
        return Reading(list(self.open(content).chunks(rows)))

    def refusal(self, content: bytes) -> str:
        with pytest.raises(FileRefusedError) as caught:
            self.read(content)
        assert str(caught.value).startswith("download: ")
        return str(caught.value)
