"""AutoTrader's JSON: how its books are written.

Belongs here: turning the market's records into AutoTrader's fields and words, exactly.
Does not belong here: routes and errors (autotrader.py), request forms (autotrader_forms.py), sums
(figures.py). No float ever passes here.
"""

from datetime import UTC, datetime, timedelta

from tradesync_dagster.brokers.exchange import figures, risk
from tradesync_dagster.brokers.exchange.faces import Json
from tradesync_dagster.brokers.exchange.figures import HoldingFigures, PositionFigures
from tradesync_dagster.brokers.exchange.instruments import MONTHS, Instrument
from tradesync_dagster.brokers.exchange.ledger import Account
from tradesync_dagster.brokers.exchange.market import Market
from tradesync_dagster.brokers.exchange.orders import Order
from tradesync_dagster.brokers.exchange.units import SCALE, number

PRODUCTS = {"CNC": "DELIVERY", "MIS": "INTRADAY", "NRML": "NORMAL"}
ORDER_TYPES = {"LIMIT": "LIMIT", "MARKET": "MARKET", "SL": "STOP_LOSS", "SL-M": "SL_MARKET"}
_STATUSES = {
    "COMPLETE": "COMPLETE",
    "CANCELLED": "CANCELLED",
    "REJECTED": "REJECTED",
    "TRIGGER PENDING": "TRIGGER_PENDING",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def independent_symbol(item: Instrument) -> str:
    """Give AutoTrader's own name: a share's symbol, or a contract's parts in full."""
    if item.expiry is None:
        return item.symbol
    day = f"{item.expiry.day:02d}-{MONTHS[item.expiry.month - 1]}-{item.expiry.year}"
    strike = f"_{item.strike // SCALE}" if item.is_option else ""
    return f"{item.name}_{day}_{item.kind}{strike}"


def _milliseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(milliseconds=1)


def _whose(user_id: str) -> Json:
    return {
        "pseudoAccount": user_id,
        "tradingAccount": user_id,
        "stockBroker": "ZERODHA",
        "platform": "KITE",
    }


def _names(item: Instrument) -> Json:
    return {"exchange": item.exchange, "symbol": item.symbol}


def _independent(item: Instrument) -> Json:
    return {
        "independentExchange": item.exchange,
        "independentSymbol": independent_symbol(item),
    }


def order(one: Order) -> Json:
    """Write an order as the order book shows it: few status words, and the platform's beside."""
    item = one.instrument
    return {
        "id": one.order_id,
        "tradeType": one.side,
        "orderType": ORDER_TYPES[one.order_type],
        "productType": PRODUCTS[one.product],
        "variety": "REGULAR",
        "validity": "IOC" if one.validity == "IOC" else "DAY",
        "quantity": one.quantity,
        "disclosedQuantity": one.disclosed_quantity,
        "price": number(one.price),
        "triggerPrice": number(one.trigger_price),
        "amo": one.variety == "amo",
        "statusMessage": one.message,
        "publisherId": one.tag,
        "modifiedTime": None,
        "createdTime": None,
        "parentOrderId": None,
        "exchangeOrderId": one.exchange_order_id,
        "averagePrice": number(one.average_price),
        "clientId": one.user_id,
        "rawStatus": one.status,
        "platformTime": _milliseconds(one.placed_at),
        "exchangeTime": _milliseconds(one.exchange_at) if one.exchange_at else None,
        "pendingQuantity": one.pending,
        "filledQuantity": one.filled,
        "status": _STATUSES.get(one.status, "OPEN"),
        "nestRequestId": None,
    } | _names(item) | _independent(item) | _whose(one.user_id)  # fmt: skip


def order_book(account: Account) -> list[Json]:
    """Write today's orders."""
    return [order(one) for one in account.orders.values()]


def position(user_id: str, row: int, category: str, one: PositionFigures) -> Json:
    """Write one position of the net book or of the day's."""
    way = "LONG" if one.quantity > 0 else "SHORT"
    return {
        "id": str(row),
        "buyQuantity": one.buys,
        "sellQuantity": one.sells,
        "netQuantity": one.quantity,
        "type": one.totals.product,
        "pnl": number(one.pnl),
        "mtm": number(one.sell_m2m - one.buy_m2m + one.worth),
        "buyValue": number(one.buy_value),
        "sellValue": number(one.sell_value),
        "netValue": number(one.sell_value - one.buy_value),
        "buyAvgPrice": number(one.buy_price),
        "sellAvgPrice": number(one.sell_price),
        "category": category,
        "ltp": number(one.last),
        "accountId": user_id,
        "overnightQuantity": one.overnight,
        "multiplier": one.item.multiplier,
        "realisedPnl": 0,
        "unrealisedPnl": number(one.pnl),
        "state": "OPEN" if one.quantity else "CLOSED",
        "direction": way if one.quantity else "NONE",
        "atPnl": number(one.pnl),
    } | _names(one.item) | _independent(one.item) | _whose(user_id)  # fmt: skip


def positions(market: Market, account: Account) -> list[Json]:
    """Write the net book and the day's book as one list."""
    net = list(figures.positions(market, account))
    listed = [("NET", one) for one in net]
    listed += [("DAY", one) for one in figures.of_today(market, net)]
    return [
        position(account.user_id, row, category, one)
        for row, (category, one) in enumerate(listed, start=1)
    ]


def holding(user_id: str, row: int, one: HoldingFigures) -> Json:
    """Write one holding: what is left of it; what was sold today is not told."""
    left = one.free + one.unsettled_left
    return {
        "id": str(row),
        "isin": one.isin,
        "collateralType": None,
        "instrumentToken": str(one.item.token),
        "product": "CNC",
        "quantity": one.free,
        "collateralQty": 0,
        "t1Qty": one.unsettled_left,
        "pnl": number((one.last - one.price) * left),
        "haircut": 0,
        "avgPrice": number(one.price),
        "ltp": number(one.last),
        "currentValue": number(one.last * left),
        "totalQty": left,
    } | _names(one.item) | _whose(user_id)  # fmt: skip


def holdings(market: Market, account: Account) -> list[Json]:
    """Write the demat account."""
    listed = enumerate(figures.holdings(market, account), start=1)
    return [holding(account.user_id, row, one) for row, one in listed]


def margins(market: Market, account: Account) -> list[Json]:
    """Write all segments and their sum; all funds stand in equity."""
    used = risk.used(account, market.tape.last)
    balance = risk.balance(account, market.tape.last)
    rows = (("EQUITY", balance, used), ("COMMODITY", 0, 0), ("ALL", balance, used))
    return [
        {
            "category": category,
            "funds": number(funds),
            "utilized": number(taken),
            "available": number(funds - taken),
            "total": number(funds),
            "net": number(funds - taken),
            "realisedMtm": 0,
            "unrealisedMtm": 0,
        }
        | _whose(account.user_id)
        for category, funds, taken in rows
    ]
