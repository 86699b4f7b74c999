"""Kotak Neo's JSON of orders and trades, and its names of instruments.

Belongs here: turning the market's records into Kotak's fields and words, exactly.
Does not belong here: routes and errors (kotak.py), request fields (kotak_forms.py), what an account
has (kotak_portfolio.py). No float ever passes here.

Most of Kotak's numbers are texts, and a field without a value holds a filler of its own.
"""

from collections.abc import Iterator
from datetime import date, datetime

from tradesync_dagster.brokers.exchange.faces import Json, status_word
from tradesync_dagster.brokers.exchange.instruments import MONTHS, Instrument
from tradesync_dagster.brokers.exchange.ledger import Account
from tradesync_dagster.brokers.exchange.orders import CLOSED, Fill, Order, OrderEvent
from tradesync_dagster.brokers.exchange.units import money

SEGMENTS = {"NSE": "nse_cm", "BSE": "bse_cm", "NFO": "nse_fo", "MCX": "mcx_fo"}
ORDER_TYPES = {"LIMIT": "L", "MARKET": "MKT", "SL": "SL", "SL-M": "SL-M"}
_SIDES = {"BUY": "B", "SELL": "S"}
_ORDER_SOURCES = {
    "": "ADMINCPPAPI_NEOTRADEAPI",
    "other_api": "ADMINCPPAPI_NEOTRADEAPI",
    "by_hand": "ADMINCPPAPI_MOB",
}


def token(item: Instrument) -> str:
    """Give the exchange's number of an instrument."""
    return str(item.token >> 8)


def _month(day: date) -> str:
    return MONTHS[day.month - 1].title()


def stamp(at: datetime | None) -> str:
    """Write a time as 03-Nov-2025 09:20:11; month names are English whatever the locale."""
    if at is None:
        return "--"
    return f"{at:%d}-{_month(at)}-{at:%Y %H:%M:%S}"


def named(item: Instrument) -> Json:
    """Name an instrument with what Kotak repeats of it in every row."""
    return {
        "exSeg": SEGMENTS[item.exchange],
        "trdSym": item.series_symbol,
        "sym": item.name if item.expiry else item.symbol,
        "tok": token(item),
        "series": "XX" if item.expiry else "EQ" if item.exchange == "NSE" else "A",
        "optTp": item.kind if item.is_option else "XX",
        "stkPrc": money(item.strike),
        "expDt": f"{item.expiry:%d} {_month(item.expiry)}, {item.expiry:%Y}"
        if item.expiry
        else "NA",
        "lotSz": str(item.lot),
        "brdLtQty": item.lot,
        "multiplier": str(item.multiplier),
        "precision": "2",
    } | dict.fromkeys(("genNum", "genDen", "prcNum", "prcDen"), "1")


def _terms(one: Order) -> Json:
    return {
        "nOrdNo": one.order_id,
        "trnsTp": _SIDES[one.side],
        "prod": one.product,
        "ordGenTp": "AMO" if one.variety == "amo" else "--",
        "ordSrc": _ORDER_SOURCES.get(one.source, ""),
        "vendorCode": "",
        "strategyCode": "NA",
        "locId": "111111111111100",
        "algId": "NA",
        "rptTp": "NA",
        "mfdBy": one.user_id if one.modified else "NA",
    }


def _states(one: Order) -> Iterator[tuple[OrderEvent, str, str]]:
    """Walk through what an order went through: each state, its word and the tag shown with it."""
    changed: datetime | None = None
    cancelled: datetime | None = None
    waited = 0
    for event in one.history:
        waited += event.status == "AMO REQ RECEIVED"
        if event.status == "MODIFIED" or (event.status == "AMO REQ RECEIVED" and waited > 1):
            changed = event.at
        cancelled = event.at if event.status == "CANCEL PENDING" else cancelled
        word = status_word(one, event.status, again=waited > 1)
        yield event, word, _gui_id(one, changed, cancelled)


def _gui_id(one: Order, changed: datetime | None, cancelled: datetime | None) -> str:
    """Give what Kotak shows as the order's tag.

    That is the tag as long as nobody touches the order. A change puts an id of Kotak's own in its
    place, a cancellation appends a time; what came without a tag has Kotak's id from the start.
    """
    made = changed or (one.placed_at if one.tag is None else None)
    if made is not None:
        return f"{int(made.timestamp())}-{one.order_id[-6:]}-{one.user_id}-ADMINAPI"
    return f"{one.tag}-{int(cancelled.timestamp())}" if cancelled else f"{one.tag}"


def order(one: Order) -> Json:
    """Write an order as the order book shows it."""
    *_, (_, word, tag) = _states(one)
    latest = one.updated_at or one.placed_at
    return named(one.instrument) | _terms(one) | {
        "actId": one.user_id,
        "usrId": one.user_id,
        "stat": word,
        "ordSt": word,
        "prcTp": ORDER_TYPES[one.order_type],
        "prc": money(one.price),
        "trgPrc": money(one.trigger_price),
        "avgPrc": money(one.average_price),
        "qty": one.quantity,
        "fldQty": one.filled,
        "unFldSz": one.pending,
        "cnlQty": one.cancelled,
        "dscQty": one.disclosed_quantity,
        "minQty": 0,
        "vldt": "IOC" if one.validity == "IOC" else "DAY",
        "rejRsn": one.message or "--",
        "exOrdId": one.exchange_order_id or "NA",
        "ordEntTm": stamp(one.placed_at if one.exchange_order_id else None),
        "ordDtTm": stamp(latest),
        "exCfmTm": stamp(one.exchange_at),
        "hsUpTm": f"{latest:%Y/%m/%d %H:%M:%S}",
        "GuiOrdId": tag,
        "reqId": "1",
    }  # fmt: skip


def history(one: Order) -> list[Json]:
    """Write every state that an order went through, the latest first."""
    return [_state(one, *state) for state in _states(one)][::-1]


def _state(one: Order, event: OrderEvent, word: str, tag: str) -> Json:
    """Write one past state; it has names of its own for much of what the order book has."""
    over = event.status in CLOSED
    return named(one.instrument) | _terms(one) | {
        "exch": one.instrument.exchange,
        "ordSt": word,
        "prcTp": ORDER_TYPES[event.order_type],
        "prc": money(event.price),
        "trgPrc": money(event.trigger_price),
        "avgPrc": money(event.average_price),
        "qty": event.quantity,
        "fldQty": event.filled,
        "unFldSz": 0 if over else event.quantity - event.filled,
        "dclQty": str(one.disclosed_quantity),
        "ordDur": "IOC" if one.validity == "IOC" else "DAY",
        "rejRsn": event.message or "--",
        "exchOrdId": event.exchange_order_id or "NA",
        "exchTmstp": stamp(event.exchange_at),
        "flDtTm": stamp(event.at),
        "GuiOrdId": tag,
        "nReqId": "1",
    }  # fmt: skip


def order_book(account: Account) -> list[Json]:
    """Write today's orders, the latest first."""
    return [order(one) for one in reversed(account.orders.values())]


def trade(account: Account, fill: Fill) -> Json:
    """Write a trade; its quantity is fldQty, and qty is always nought."""
    one, at = account.orders[fill.order_id], stamp(fill.at)
    *_, (_, _, tag) = _states(one)
    return named(fill.instrument) | _terms(one) | {
        "actId": account.user_id,
        "usrId": account.user_id,
        "prcTp": ORDER_TYPES[one.order_type],
        "prod": fill.product,
        "avgPrc": money(fill.price),
        "fldQty": fill.quantity,
        "flId": fill.trade_id,
        "flLeg": 1,
        "flDt": at[:11],
        "flTm": at[12:],
        "exTm": stamp(one.exchange_at),
        "hsUpTm": f"{fill.at:%Y/%m/%d %H:%M:%S}",
        "exOrdId": fill.exchange_order_id,
        "GuiOrdId": tag,
        "rptTp": "fill",
        "ordDur": "NA",
        "tok": "",
        "qty": 0,
        "prc": "",
    }  # fmt: skip


def trades(account: Account) -> list[Json]:
    """Write today's trades."""
    return [trade(account, fill) for fill in account.fills]
