"""Kite Connect v3's JSON and CSV: how books are written.

Belongs here: turning the market's records into the broker's fields, exactly.
Does not belong here: routes, headers and form parsing (kite.py). No float ever passes here.
"""

from tradesync_dagster.brokers.exchange import figures, risk
from tradesync_dagster.brokers.exchange.faces import Json
from tradesync_dagster.brokers.exchange.figures import HoldingFigures, PositionFigures
from tradesync_dagster.brokers.exchange.instruments import Instrument
from tradesync_dagster.brokers.exchange.ledger import Account
from tradesync_dagster.brokers.exchange.market import Market
from tradesync_dagster.brokers.exchange.orders import Fill, Order, OrderEvent
from tradesync_dagster.brokers.exchange.units import SCALE, number, stamp, text

_CSV_HEAD = (
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,"
    "tick_size,lot_size,instrument_type,segment,exchange"
)


def order(one: Order) -> Json:
    """Write an order as the order book shows it."""
    item = one.instrument
    row: Json = {
        "account_id": one.user_id,
        "placed_by": one.user_id,
        "order_id": one.order_id,
        "exchange_order_id": one.exchange_order_id,
        "parent_order_id": None,
        "status": one.status,
        "status_message": one.message,
        "status_message_raw": one.message_raw,
        "order_timestamp": stamp(one.placed_at),
        "exchange_update_timestamp": stamp(one.exchange_at) if one.exchange_at else None,
        "exchange_timestamp": stamp(one.exchange_at) if one.exchange_at else None,
        "variety": one.variety,
        "modified": one.modified,
        "exchange": item.exchange,
        "tradingsymbol": item.symbol,
        "instrument_token": item.token,
        "order_type": one.order_type,
        "transaction_type": one.side,
        "validity": one.validity,
        "validity_ttl": one.validity_ttl,
        "product": one.product,
        "quantity": one.quantity,
        "disclosed_quantity": one.disclosed_quantity,
        "price": number(one.price),
        "trigger_price": number(one.trigger_price),
        "average_price": number(one.average_price),
        "filled_quantity": one.filled,
        "pending_quantity": one.pending,
        "cancelled_quantity": one.cancelled,
        "market_protection": 0,
        "meta": {},
        "tag": one.tag,
        "guid": None,
    }
    tags = [] if one.tag is None else [one.tag]
    if one.source == "auto_slice":
        tags += ["autoslice"] + ([f"autoslice:{one.slice_of}"] if one.slice_of else [])
    elif one.source == "square_off":
        row["placed_by"] = "ADMINSQF"
    elif one.source == "auction":
        row |= {"variety": "auction", "auction_number": one.order_id[-4:]}
    return row | ({"tags": tags} if tags else {})


def history(one: Order, event: OrderEvent) -> Json:
    """Write one past state of an order."""
    ended = event.status in ("REJECTED", "COMPLETE")
    pending = 0 if ended else event.quantity - event.filled
    return order(one) | {
        "exchange_order_id": event.exchange_order_id,
        "status": event.status,
        "status_message": event.message,
        "status_message_raw": one.message_raw if event.message else None,
        "order_timestamp": stamp(event.at),
        "exchange_update_timestamp": stamp(event.exchange_at) if event.exchange_at else None,
        "exchange_timestamp": stamp(event.exchange_at) if event.exchange_at else None,
        "order_type": event.order_type,
        "quantity": event.quantity,
        "price": number(event.price),
        "trigger_price": number(event.trigger_price),
        "average_price": number(event.average_price),
        "filled_quantity": event.filled,
        "pending_quantity": pending,
        "cancelled_quantity": event.cancelled,
    }


def trade(fill: Fill) -> Json:
    """Write a trade; its order_timestamp is a time of day only, as the broker's is."""
    at = stamp(fill.at)
    return {
        "trade_id": fill.trade_id,
        "order_id": fill.order_id,
        "exchange": fill.instrument.exchange,
        "tradingsymbol": fill.instrument.symbol,
        "instrument_token": fill.instrument.token,
        "product": fill.product,
        "average_price": number(fill.price),
        "quantity": fill.quantity,
        "exchange_order_id": fill.exchange_order_id,
        "transaction_type": fill.side,
        "fill_timestamp": at,
        "order_timestamp": at[11:],
        "exchange_timestamp": at,
    }


def order_book(account: Account) -> list[Json]:
    """Write today's orders in no order: by the id read backwards."""
    shuffled = sorted(account.orders.values(), key=lambda one: one.order_id[::-1])
    return [order(one) for one in shuffled]


def position(one: PositionFigures) -> Json:
    """Write one position, carried quantity and today's trades together."""
    totals, item = one.totals, one.item
    return {
        "tradingsymbol": item.symbol,
        "exchange": item.exchange,
        "instrument_token": item.token,
        "product": totals.product,
        "quantity": one.quantity,
        "overnight_quantity": one.overnight,
        "multiplier": item.multiplier,
        "average_price": number(one.average_price),
        "close_price": number(one.close if one.overnight else 0),
        "last_price": number(one.last),
        "value": number(one.sell_value - one.buy_value),
        "pnl": number(one.pnl),
        "m2m": number(one.sell_m2m - one.buy_m2m + one.worth),
        "unrealised": number(one.pnl),
        "realised": 0,
        "buy_quantity": one.buys,
        "buy_price": number(one.buy_price),
        "buy_value": number(one.buy_value),
        "buy_m2m": number(one.buy_m2m),
        "sell_quantity": one.sells,
        "sell_price": number(one.sell_price),
        "sell_value": number(one.sell_value),
        "sell_m2m": number(one.sell_m2m),
        "day_buy_quantity": totals.buy_quantity,
        "day_buy_price": number(one.day_buy_price),
        "day_buy_value": number(totals.buy_value),
        "day_sell_quantity": totals.sell_quantity,
        "day_sell_price": number(one.day_sell_price),
        "day_sell_value": number(totals.sell_value),
    }


def positions(market: Market, account: Account) -> Json:
    """Write the net book and the day's book."""
    net = list(figures.positions(market, account))
    day = figures.of_today(market, net)
    return {"net": [position(one) for one in net], "day": [position(one) for one in day]}


def holding(market: Market, one: HoldingFigures) -> Json:
    """Write one holding: what was sold today is used, the last day's buys are T1."""
    return {
        "tradingsymbol": one.item.symbol,
        "exchange": one.item.exchange,
        "instrument_token": one.item.token,
        "isin": one.isin,
        "product": "CNC",
        "price": 0,
        "quantity": one.free,
        "used_quantity": one.sold,
        "t1_quantity": one.unsettled_left,
        "realised_quantity": one.settled,
        "authorised_quantity": 0,
        "authorised_date": f"{market.day} 00:00:00",
        "authorisation": {},
        "opening_quantity": one.opening,
        "short_quantity": 0,
        "collateral_quantity": 0,
        "collateral_type": "",
        "discrepancy": False,
        "average_price": number(one.price),
        "last_price": number(one.last),
        "close_price": number(one.close),
        "pnl": number((one.last - one.price) * (one.opening - one.sold)),
        "day_change": number(one.last - one.close),
        "day_change_percentage": number((one.last - one.close) * 100 * SCALE // one.close),
        "mtf": {"quantity": 0, "used_quantity": 0, "average_price": 0, "value": 0,
                "initial_margin": 0},
    }  # fmt: skip


def holdings(market: Market, account: Account) -> list[Json]:
    """Write the demat account as the day opened, less today's sales."""
    return [holding(market, one) for one in figures.holdings(market, account)]


def margins(market: Market, account: Account) -> Json:
    """Write both segments; all funds stand in equity."""
    debits = risk.used(account, market.tape.last)
    return {
        "equity": _segment(account.opening_cash, risk.balance(account, market.tape.last), debits),
        "commodity": _segment(0, 0, 0),
    }


def _segment(opening: int, cash: int, debits: int) -> Json:
    names = ("exposure", "m2m_realised", "m2m_unrealised", "option_premium", "payout", "span",
             "holding_sales", "turnover", "liquid_collateral", "stock_collateral",
             "equity", "delivery", "additional")  # fmt: skip
    return {
        "enabled": True,
        "net": number(cash - debits),
        "available": {
            "adhoc_margin": 0,
            "cash": number(cash),
            "opening_balance": number(opening),
            "live_balance": number(cash - debits),
            "collateral": 0,
            "intraday_payin": 0,
        },
        "utilised": {"debits": number(debits)} | dict.fromkeys(names, 0),
    }


def instruments_csv(market: Market, exchange: str | None) -> str:
    """Write the list of instruments, of one exchange or all."""
    closes = market.tape.closes
    rows = [
        _csv_row(item, closes[item.key])
        for item in market.instruments.values()
        if exchange in (None, item.exchange)
    ]
    return "\n".join([_CSV_HEAD, *rows]) + "\n"


def _csv_row(item: Instrument, price: int) -> str:
    expiry = item.expiry.isoformat() if item.expiry else ""
    return (
        f'{item.token},{item.token >> 8},{item.symbol},"{item.name}",{text(price)},{expiry},'
        f"{text(item.strike)},{text(item.tick)},{item.lot},{item.kind},{item.segment},"
        f"{item.exchange}"
    )


def quote(market: Market, item: Instrument, depth: str) -> Json:
    """Write a quote: "ltp", "ohlc" or the full "quote"."""
    tape, key = market.tape, item.key
    row: Json = {"instrument_token": item.token, "last_price": number(tape.last[key])}
    if depth == "ltp":
        return row
    row["ohlc"] = {
        "open": number(tape.opens[key]),
        "high": number(tape.highs[key]),
        "low": number(tape.lows[key]),
        "close": number(tape.closes[key]),
    }
    if depth == "quote":
        low, high = risk.band(item, tape.closes[key])
        row |= {
            "timestamp": stamp(market.now),
            "last_trade_time": stamp(market.now),
            "lower_circuit_limit": number(low),
            "upper_circuit_limit": number(high),
            "net_change": number(tape.last[key] - tape.closes[key]),
            "volume": 0,
            "oi": 0,
            "depth": {"buy": [], "sell": []},
        }
    return row
