"""What Kite Connect's published samples come to in the books, worked out from them by hand."""

from datetime import UTC, date, datetime, timedelta
from typing import Any


def ist(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+05:30").astimezone(UTC)


FIRST_LOOK = ist("2025-08-07 14:00:00")
SECOND_LOOK = FIRST_LOOK + timedelta(seconds=30)
TODAY = date(2025, 8, 7)
MAY_2021 = date(2021, 5, 31)


# What follows was worked out by hand from the samples: prices and averages in millionths.

ORDERS: list[dict[str, Any]] = [
    {
        "trade_date": MAY_2021, "broker_order_id": "100000000000000",
        "exchange_order_id": "200000000000000", "status": "cancelled", "status_word": "CANCELLED",
        "exchange": "CDS", "symbol": "USDINR21JUNFUT", "product": "NRML", "side": "BUY",
        "price": 72_000_000, "pending_quantity": 1, "cancelled_quantity": 1,
        "placed_at": ist("2021-05-31 09:18:57"), "updated_at": ist("2021-05-31 09:18:58"),
    },
    {
        "trade_date": MAY_2021, "broker_order_id": "300000000000000",
        "exchange_order_id": "400000000000000", "exchange": "NSE", "symbol": "IOC",
        "side": "BUY", "filled_quantity": 1, "price": 109_400_000, "average_price": 109_400_000,
        "placed_at": ist("2021-05-31 15:20:28"), "updated_at": ist("2021-05-31 15:20:28"),
    },
    {
        "trade_date": MAY_2021, "broker_order_id": "500000000000000",
        "exchange_order_id": "600000000000000", "exchange": "NSE", "symbol": "IOC",
        "side": "SELL", "order_type": "MARKET", "filled_quantity": 1, "average_price": 109_350_000,
        "placed_at": ist("2021-05-31 15:20:51"), "updated_at": ist("2021-05-31 15:20:52"),
    },
    {
        "trade_date": MAY_2021, "source": "other_api", "broker_order_id": "700000000000000",
        "exchange_order_id": "800000000000000", "exchange": "MCX", "symbol": "GOLDPETAL21JUNFUT",
        "product": "NRML", "side": "BUY", "filled_quantity": 1, "price": 4_854_000_000,
        "average_price": 4_852_000_000, "tag": "connect test order1",
        "placed_at": ist("2021-05-31 16:00:36"), "updated_at": ist("2021-05-31 16:00:36"),
    },
    {
        "trade_date": MAY_2021, "source": "other_api", "broker_order_id": "9000000000000000",
        "exchange_order_id": "1000000000000000", "exchange": "MCX", "symbol": "GOLDPETAL21JUNFUT",
        "product": "NRML", "side": "BUY", "filled_quantity": 1, "price": 4_854_000_000,
        "average_price": 4_852_000_000, "tag": "connect test order2",
        "placed_at": ist("2021-05-31 16:08:40"), "updated_at": ist("2021-05-31 16:08:41"),
    },
    {
        "source": "auto_slice",
        "trade_date": date(2022, 5, 24), "broker_order_id": "220524001859672",
        "exchange_order_id": "", "status": "rejected", "status_word": "REJECTED",
        "exchange": "NSE", "symbol": "SBIN", "side": "BUY", "validity": "TTL",
        "variety": "iceberg", "quantity": 200, "price": 463_000_000, "tag": "icebergord",
        "message": "Insufficient funds. Required margin is 95417.84 but available margin is "
        "74251.80. Check the orderbook for open orders.",
        "placed_at": ist("2022-05-24 12:26:52"), "updated_at": ist("2022-05-24 12:26:52"),
    },
    {
        "source": "auction",
        "trade_date": date(2023, 6, 12), "broker_order_id": "98000000000000000",
        "exchange_order_id": "67000000000000000", "status": "cancelled",
        "status_word": "CANCELLED", "exchange": "NSE", "symbol": "BHEL", "side": "SELL",
        "variety": "auction", "quantity": 60, "pending_quantity": 60, "price": 85_000_000,
        "placed_at": ist("2023-06-12 14:00:58"), "updated_at": ist("2023-06-12 14:00:58"),
    },
    {
        "trade_date": date(2025, 1, 17), "broker_order_id": "250117800776785",
        "exchange_order_id": "1300000029561105", "status": "cancelled", "status_word": "CANCELLED",
        "exchange": "NSE", "symbol": "SBIN", "product": "MTF", "side": "BUY",
        "pending_quantity": 1, "cancelled_quantity": 1, "price": 702_000_000,
        "placed_at": ist("2025-01-17 11:49:45"), "updated_at": ist("2025-01-17 11:49:45"),
    },
    {
        "trade_date": TODAY, "broker_order_id": "1953341975595868160",
        "exchange_order_id": "1300000038792287", "exchange": "NSE", "symbol": "TATASTEEL",
        "side": "BUY", "filled_quantity": 1, "price": 159_820_000, "average_price": 156_700_000,
        "placed_at": ist("2025-08-07 11:56:33"), "updated_at": ist("2025-08-07 11:56:33"),
    },
    {
        "trade_date": TODAY, "source": "auto_slice", "broker_order_id": "1953367517686685697",
        "exchange_order_id": "1500000159758742", "exchange": "NFO", "symbol": "NIFTY2580724400CE",
        "product": "NRML", "side": "BUY", "order_type": "MARKET", "quantity": 150,
        "filled_quantity": 150, "average_price": 12_300_000,
        "placed_at": ist("2025-08-07 13:38:02"), "updated_at": ist("2025-08-07 13:38:02"),
        "parent_order_id": "1953367517640548352",  # told in a tag: a slice of it
    },
]  # fmt: skip
"""By day and time. What most of them share is in ``USUAL``."""

USUAL: dict[str, Any] = {
    "status": "executed", "status_word": "COMPLETE", "origin": "external", "client_order_id": "",
    "product": "CNC", "order_type": "LIMIT", "validity": "DAY", "variety": "regular",
    "quantity": 1, "filled_quantity": 0, "pending_quantity": 0, "cancelled_quantity": 0,
    "price": 0, "trigger_price": 0, "average_price": 0, "tag": "", "message": "",
    "parent_order_id": "", "source": "unknown", "first_seen_at": FIRST_LOOK,
}  # fmt: skip

FILLS: list[dict[str, Any]] = [
    {
        "fill_id": "CDS:40000000:BUY", "trade_id": "40000000", "broker_order_id": "500000000000000",
        "exchange": "CDS", "symbol": "USDINR21JUNFUT", "product": "MIS", "price": 72_755_000,
        "filled_at": ist("2021-05-31 11:18:27"),
    },
    {
        "fill_id": "MCX:70000000:BUY", "trade_id": "70000000", "broker_order_id": "800000000000000",
        "exchange": "MCX", "symbol": "GOLDPETAL21JUNFUT", "product": "NRML",
        "price": 4_852_000_000, "filled_at": ist("2021-05-31 16:00:36"),
    },
    {
        "fill_id": "MCX:90000000:BUY", "trade_id": "90000000",
        "broker_order_id": "1100000000000000", "exchange": "MCX", "symbol": "GOLDPETAL21JUNFUT",
        "product": "NRML", "price": 4_852_000_000, "filled_at": ist("2021-05-31 16:08:41"),
    },
    {
        "fill_id": "NSE:10000000:BUY", "trade_id": "10000000", "broker_order_id": "200000000000000",
        "exchange": "NSE", "symbol": "SBIN", "product": "CNC", "price": 420_650_000,
        "filled_at": ist("2021-05-31 09:16:39"),
    },
]  # fmt: skip
EACH_FILL: dict[str, Any] = {"trade_date": MAY_2021, "side": "BUY", "quantity": 1}

INSTRUMENTS = [
    # The positions' sample prices the first two and NSE's SBIN, the holdings' one the others.
    ("BSE", "SBIN", 1, 762_450_000),
    ("MCX", "GOLDGUINEA17DECFUT", 1, 23_355_000_000),
    ("MCX", "LEADMINI17DECFUT", 1000, 161_050_000),
    ("NSE", "AARON", 1, 352_950_000),
    ("NSE", "SBIN", 1, 308_400_000),
]

POSITIONS = [
    ("CDS", "USDINR21JUNFUT", "MIS", 1, "72.755", None, None),
    ("MCX", "GOLDPETAL21JUNFUT", "NRML", 2, "4852.00", None, None),
]
"""Their contracts are in no sample with a price, so what they are worth is not known."""

HOLDINGS = [
    ("NSE", "AARON", 1, 0, "161.00", "352.95", "191.95"),
    ("NSE", "AARON", 1000, 0, "100.00", "352.95", "252950.00"),
    ("NSE", "SBIN", 16, 0, "777.960547", "308.40", "-7512.96875"),
]
"""AARON as the holdings' sample has it, bought on margin too. SBIN's 16 shares of the sample, at
BSE, are the one that its trades bought at NSE in 2021 for 420.65, and 15 whose trades are unknown
at the sample's average of 801.78125; valued at NSE's last price, which the sample of positions
tells."""

COMPACT = [
    "63MOONS", "AARON", "ADL", "ASHOKLEY", "BHEL", "BRNL", "DLF", "FEDERALBNK", "GAIL", "GPIL",
    "IDFCFIRSTB", "IOC", "JIOFIN", "MMTC", "NITINSPIN", "PNBHOUSING", "RECLTD", "RELIANCE",
    "RELINFRA-BE", "SAIL", "SBIN",
]  # fmt: skip
"""What the sample of compact holdings lists."""
