"""Kotak Neo's JSON of what an account has: positions, holdings, funds; and quotes.

Belongs here: turning the market's figures into Kotak's fields, exactly.
Does not belong here: orders and trades, names of instruments (kotak_wire.py), sums (figures.py). No
float ever passes here.
"""

from tradesync_dagster.brokers.exchange import figures, risk
from tradesync_dagster.brokers.exchange.faces import Json
from tradesync_dagster.brokers.exchange.figures import HoldingFigures, PositionFigures
from tradesync_dagster.brokers.exchange.instruments import Instrument
from tradesync_dagster.brokers.exchange.kotak_wire import SEGMENTS, named, token
from tradesync_dagster.brokers.exchange.ledger import Account
from tradesync_dagster.brokers.exchange.market import Market
from tradesync_dagster.brokers.exchange.units import money, number

_ROUNDED = 100
"""What averages of holdings are rounded to, in millionths: four decimals."""


def position(user_id: str, one: PositionFigures) -> Json:
    """Write one position: what was carried at the last close, today's trades beside it."""
    totals, carried = one.totals, one.overnight
    return named(one.item) | {
        "actId": user_id,
        "prod": totals.product,
        "type": _kind(one.item),
        "cfBuyQty": str(max(carried, 0)),
        "cfSellQty": str(max(-carried, 0)),
        "cfBuyAmt": money(one.buy_m2m - totals.buy_value),
        "cfSellAmt": money(one.sell_m2m - totals.sell_value),
        "flBuyQty": str(totals.buy_quantity),
        "flSellQty": str(totals.sell_quantity),
        "buyAmt": money(totals.buy_value),
        "sellAmt": money(totals.sell_value),
        "upldPrc": "0.00",
        "posFlg": "true",
        "sqrFlg": "Y",
        "dscQty": "",
    }


def _kind(item: Instrument) -> str:
    if item.is_equity:
        return ""
    index = "IDX" if item.name.endswith("NIFTY") else "STK"
    of = "COM" if item.exchange == "MCX" else index
    return f"{'OPT' if item.is_option else 'FUT'}{of}"


def positions(market: Market, account: Account) -> list[Json]:
    """Write every position, those of the day and those carried in one list."""
    return [position(account.user_id, one) for one in figures.positions(market, account)]


def holding(one: HoldingFigures) -> Json:
    """Write one holding; unsettled shares can be sold too, and have no figure of their own."""
    item = one.item
    return {
        "instrumentType": "Equity",
        "instrumentName": item.name,
        "instrumentToken": item.token,
        "symbol": item.symbol,
        "displaySymbol": item.symbol,
        "commonScripCode": item.symbol,
        "exchangeSegment": SEGMENTS[item.exchange],
        "exchangeIdentifier": token(item),
        "series": "EQ",
        "quantity": one.opening,
        "sellableQuantity": one.opening - one.sold,
        "averagePrice": number((one.price + _ROUNDED // 2) // _ROUNDED * _ROUNDED),
        "holdingCost": number(one.price * one.opening),
        "closingPrice": number(one.close),
        "mktValue": number(one.close * one.opening),
        "isAlternateScrip": False,
        "scripId": "",
        "marketLot": 1,
        "strikePrice": "0.00",
    }


def holdings(market: Market, account: Account) -> list[Json]:
    """Write the demat account."""
    return [holding(one) for one in figures.holdings(market, account)]


def limits(market: Market, account: Account) -> Json:
    """Write the funds; the only answer that names the account."""
    used = risk.used(account, market.tape.last)
    balance = risk.balance(account, market.tape.last)
    rest = ("AdhocMargin", "Collateral", "NotionalCash", "SpanMarginPrsnt", "ExposureMarginPrsnt")
    return {
        "Category": "CLIENT_SIM",
        "EntityId": f"account-{account.user_id}",
        "CollateralValue": money(balance),
        "MarginUsed": money(used),
        "Net": money(balance - used),
    } | dict.fromkeys(rest, "0")


def quote(market: Market, item: Instrument) -> Json:
    """Write a quote."""
    tape, key = market.tape, item.key
    prices = {"open": tape.opens, "high": tape.highs, "low": tape.lows, "close": tape.closes}
    return {
        "exchange_token": token(item),
        "display_symbol": f"{item.series_symbol}-IN",
        "exchange": SEGMENTS[item.exchange],
        "lstup_time": str(int(market.now.timestamp())),
        "ltp": f"{money(tape.last[key])}00",
        "ohlc": {name: f"{money(kept[key])}00" for name, kept in prices.items()},
    }
