"""Upstox's JSON: how its books are written.

Belongs here: turning the market's records into Upstox's fields and words, exactly.
Does not belong here: routes and errors (upstox.py), request bodies (upstox_forms.py), sums
(figures.py). No float ever passes here.
"""

from tradesync_dagster.brokers.exchange import figures, risk
from tradesync_dagster.brokers.exchange.faces import Json, status_word
from tradesync_dagster.brokers.exchange.figures import HoldingFigures, PositionFigures
from tradesync_dagster.brokers.exchange.instruments import Instrument
from tradesync_dagster.brokers.exchange.ledger import Account
from tradesync_dagster.brokers.exchange.market import Market
from tradesync_dagster.brokers.exchange.orders import Fill, Order
from tradesync_dagster.brokers.exchange.units import SCALE, number, stamp

PRODUCTS = {"CNC": "D", "NRML": "D", "MIS": "I"}
_SEGMENTS = {"NFO": "NSE_FO", "MCX": "MCX_FO"}


def segment(item: Instrument) -> str:
    """Give the segment's word, the first half of an instrument key."""
    return f"{item.exchange}_EQ" if item.is_equity else _SEGMENTS[item.exchange]


def instrument_key(item: Instrument) -> str:
    """Give what Upstox knows an instrument by: the ISIN of a share, a number of the rest."""
    return f"{segment(item)}|{item.isin or item.token >> 8}"


def _names(item: Instrument, symbol: str) -> Json:
    return {
        "exchange": item.exchange,
        "instrument_token": instrument_key(item),
        "trading_symbol": symbol,
        "tradingsymbol": symbol,
    }


def _traded(item: Instrument) -> Json:
    """Name an instrument as books of trading do: shares at the NSE carry their series."""
    return _names(item, item.series_symbol)


def order(one: Order) -> Json:
    """Write an order as the order book shows it."""
    changes = sum(event.status == "MODIFIED" for event in one.history)
    return _traded(one.instrument) | {
        "product": PRODUCTS[one.product],
        "price": number(one.price),
        "quantity": one.quantity,
        "status": status_word(one, one.status, again=one.modified),
        "guid": None,
        "tag": one.tag,
        "placed_by": one.user_id,
        "order_type": one.order_type,
        "validity": "IOC" if one.validity == "IOC" else "DAY",
        "trigger_price": number(one.trigger_price),
        "disclosed_quantity": one.disclosed_quantity,
        "transaction_type": one.side,
        "average_price": number(one.average_price),
        "filled_quantity": one.filled,
        "pending_quantity": one.pending,
        "status_message": one.message,
        "status_message_raw": one.message_raw,
        "exchange_order_id": one.exchange_order_id,
        "parent_order_id": None,
        "order_id": one.order_id,
        "variety": "SIMPLE",
        "order_timestamp": stamp(one.placed_at),
        "exchange_timestamp": stamp(one.exchange_at) if one.exchange_at else None,
        "is_amo": one.variety == "amo",
        "order_request_id": str(1 + changes),
        "order_ref_id": f"GTT-C{one.order_id}" if one.source == "gtt" else f"sim-{one.order_id}",
    }


def history(one: Order) -> list[Json]:
    """Write every state that an order went through, with fewer fields than the order book."""
    now, rows, received = order(one), list[Json](), False
    for name in ("pending_quantity", "status_message_raw", "guid", "order_ref_id"):
        del now[name]
    for event in one.history:
        word = status_word(one, event.status, again=received)
        received = received or event.status == "AMO REQ RECEIVED"
        changed: Json = {
            "status": word,
            "status_message": event.message,
            "exchange_order_id": event.exchange_order_id,
            "order_type": event.order_type,
            "quantity": event.quantity,
            "price": number(event.price),
            "trigger_price": number(event.trigger_price),
            "average_price": number(event.average_price),
            "filled_quantity": event.filled,
            "order_timestamp": stamp(event.at),
            "exchange_timestamp": stamp(event.exchange_at) if event.exchange_at else None,
        }
        rows.append(now | changed)
    return rows


def order_book(account: Account) -> list[Json]:
    """Write today's orders, the latest first."""
    return [order(one) for one in reversed(account.orders.values())]


def trade(account: Account, fill: Fill) -> Json:
    """Write a trade."""
    return _traded(fill.instrument) | {
        "product": PRODUCTS[fill.product],
        "order_type": account.orders[fill.order_id].order_type,
        "transaction_type": fill.side,
        "quantity": fill.quantity,
        "exchange_order_id": fill.exchange_order_id,
        "order_id": fill.order_id,
        "exchange_timestamp": stamp(fill.at),
        "average_price": number(fill.price),
        "trade_id": fill.trade_id,
        "order_ref_id": f"sim-{fill.order_id}",
        "order_timestamp": stamp(account.orders[fill.order_id].placed_at),
    }


def trades(account: Account) -> list[Json]:
    """Write today's trades."""
    return [trade(account, fill) for fill in account.fills]


def position(one: PositionFigures) -> Json:
    """Write one position; its `value` is what is in it, positive for a bought one."""
    totals, carried = one.totals, one.overnight
    return _traded(one.item) | {
        "product": PRODUCTS[totals.product],
        "quantity": one.quantity,
        "overnight_quantity": carried,
        "multiplier": one.item.multiplier,
        "value": number(one.buy_value - one.sell_value),
        "pnl": number(one.pnl),
        "average_price": number(one.average_price),
        "last_price": number(one.last),
        "close_price": number(one.close),
        "unrealised": number(one.pnl),
        "realised": 0,
        "buy_value": number(totals.buy_value),
        "buy_price": number(one.buy_price),
        "sell_value": number(totals.sell_value),
        "sell_price": number(one.sell_price),
        "day_buy_quantity": totals.buy_quantity,
        "day_buy_value": number(totals.buy_value),
        "day_buy_price": number(one.day_buy_price),
        "day_sell_quantity": totals.sell_quantity,
        "day_sell_value": number(totals.sell_value),
        "day_sell_price": number(one.day_sell_price),
        "overnight_buy_quantity": max(carried, 0),
        "overnight_buy_amount": number(one.buy_value - totals.buy_value),
        "overnight_sell_quantity": max(-carried, 0),
        "overnight_sell_amount": number(one.sell_value - totals.sell_value),
    }


def positions(market: Market, account: Account) -> list[Json]:
    """Write every position, those of the day and those carried in one list."""
    return [position(one) for one in figures.positions(market, account)]


def holding(one: HoldingFigures) -> Json:
    """Write one holding: all of it, with what is unsettled and what was sold beside it."""
    item = one.item
    return _names(item, item.symbol) | {
        "isin": one.isin,
        "company_name": item.name,
        "product": "D",
        "quantity": one.opening,
        "t1_quantity": one.unsettled,
        "cnc_used_quantity": one.sold,
        "collateral_type": "",
        "collateral_quantity": 0,
        "collateral_update_quantity": 0,
        "haircut": 0,
        "average_price": number(one.price),
        "last_price": number(one.last),
        "close_price": number(one.close),
        "pnl": number((one.last - one.price) * one.opening),
        "day_change": number(one.last - one.close),
        "day_change_percentage": number((one.last - one.close) * 100 * SCALE // one.close),
    }


def holdings(market: Market, account: Account) -> list[Json]:
    """Write the demat account."""
    return [holding(one) for one in figures.holdings(market, account)]


def funds(market: Market, account: Account) -> Json:
    """Write both segments; all funds stand in equity."""
    used = risk.used(account, market.tape.last)
    balance = risk.balance(account, market.tape.last)
    return {"equity": _segment(balance - used, used), "commodity": _segment(0, 0)}


def _segment(available: int, used: int) -> Json:
    rest = ("payin_amount", "span_margin", "adhoc_margin", "notional_cash", "exposure_margin")
    margins: Json = {"available_margin": number(available), "used_margin": number(used)}
    return margins | dict.fromkeys(rest, 0)


def instrument(item: Instrument) -> Json:
    """Write an instrument as the search gives it."""
    return {
        "name": item.name,
        "segment": segment(item),
        "exchange": segment(item).partition("_")[0],
        "isin": item.isin,
        "instrument_key": instrument_key(item),
        "exchange_token": str(item.token >> 8),
        "trading_symbol": item.symbol,
        "short_name": item.name,
        "instrument_type": item.kind,
        "tick_size": number(item.tick * 100),
        "lot_size": item.lot,
        "freeze_quantity": item.freeze,
        "expiry": item.expiry.isoformat() if item.expiry else None,
        "strike_price": number(item.strike),
    }
