"""Rows of Kotak Neo's books in our words and units.

What belongs here: Kotak's fields and words. What does not: its addresses (``kotak``).

Kotak's order system names everything in a few letters, sends most numbers as text, and puts ``--``
or ``NA`` where it has nothing.
"""

import re
from datetime import datetime, timedelta
from typing import Any

from tradesync_dagster.brokers import reading
from tradesync_dagster.brokers.reading import Row
from tradesync_dagster.domain import money
from tradesync_dagster.domain.answers import BrokerHolding, BrokerPosition, Margin
from tradesync_dagster.domain.errors import ValueRefusedError
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.order_sources import KOTAK, source_of
from tradesync_dagster.domain.orders import BrokerOrder, Side

EXCHANGES = {
    "nse_cm": "NSE", "bse_cm": "BSE", "nse_fo": "NFO", "bse_fo": "BFO", "cde_fo": "CDS",
    "bcs_fo": "BCD", "mcx_fo": "MCX",
}  # fmt: skip
ORDER_TYPES = {"L": "LIMIT", "MKT": "MARKET", "SL": "SL", "SL-M": "SL-M"}
_SIDES = {"B": Side.BUY, "S": Side.SELL}
_NOTHING = frozenset({"", "-", "--", "NA"})
_FACTORS = (("multiplier", "genNum", "prcNum"), ("genDen", "prcDen"))
_KOTAKS_OWN = re.compile(r"\d{10}-\d+-.*-ADMINAPI(?:-\d{10})?")
_STAMPED = re.compile(r"(.+)-\d{10}")
_NUMBERED = re.compile(r"(\d\d)(\d\d)(\d\d)\d{9}", re.ASCII)
_LONGEST_WAIT = timedelta(days=31)
"""Between an order's number and its entry at the exchange: an after-market order over holidays."""


def order(row: Row) -> BrokerOrder:
    """Read an order.

    What never reached the exchange has no time of entry; its latest time stands in. An order's
    number begins with the day on which it was given, and that day stays when times move on.
    """
    latest = _time(row, "ordDtTm")
    placed_at = _time(row, "ordEntTm") or latest
    if placed_at is None:
        raise ValueRefusedError("ordEntTm: missing, and so is ordDtTm")
    later = filter(None, (latest, _time(row, "exCfmTm")))
    word = reading.text(row, "ordSt")
    return BrokerOrder(
        broker_order_id=reading.text(row, "nOrdNo"),
        trade_date=trade_date_of(_numbered_on(row, placed_at)),
        **_instrument(row),
        side=_side(row),
        order_type=_order_type(row),
        validity=reading.text(row, "vldt"),
        variety=_variety(row, word),
        status_word=word,
        quantity=reading.quantity(row, "qty", least=1),
        filled_quantity=reading.quantity(row, "fldQty"),
        pending_quantity=reading.quantity(row, "unFldSz"),
        cancelled_quantity=reading.quantity(row, "cnlQty"),
        price=reading.price(row, "prc"),
        trigger_price=reading.price(row, "trgPrc"),
        average_price=reading.average(row, "avgPrc"),
        placed_at=placed_at,
        updated_at=max([placed_at, *later]),
        tag=_tag(row, word),
        message=_known(row, "rejRsn"),
        exchange_order_id=_known(row, "exOrdId"),
        source=source_of(KOTAK, row),
    )


def fill(row: Row) -> Fill:
    """Read a trade: its quantity is ``fldQty``, its price ``avgPrc``, read exactly.

    Its time is ``flDt`` and ``flTm``; ``exTm`` may be the order's.
    """
    at = f"{reading.text(row, 'flDt')} {reading.text(row, 'flTm')}"
    filled_at = reading.ist_time({"flDt, flTm": at}, "flDt, flTm")
    return Fill(
        trade_id=reading.text(row, "flId"),
        broker_order_id=reading.text(row, "nOrdNo"),
        trade_date=trade_date_of(filled_at),
        **_instrument(row),
        side=_side(row),
        quantity=reading.quantity(row, "fldQty", least=1),
        price=reading.price(row, "avgPrc"),
        filled_at=filled_at,
    )


def position(row: Row) -> BrokerPosition:
    """Read a position; it has no last price.

    Quantities are in units, of contracts too; at the MCX they are lots, and the multiplier tells
    how much a lot is. Averages are worked out of amounts as Kotak documents it; what was carried
    has the close of the day before for its amount there, not its cost.
    """
    factor = _factor(row)
    names = ("cfBuy", "flBuy", "cfSell", "flSell")
    held_long, bought, held_short, sold = (reading.quantity(row, f"{name}Qty") for name in names)
    names = ("cfBuyAmt", "buyAmt", "cfSellAmt", "sellAmt")
    long_worth, paid, short_worth, got = (reading.price(row, name) for name in names)
    net = held_long + bought - held_short - sold
    side = (long_worth + paid, held_long + bought)
    if net < 0:
        side = (short_worth + got, held_short + sold)
    carried = (long_worth, held_long) if held_long else (short_worth, held_short)
    return BrokerPosition(
        **_instrument(row),
        quantity=money.parse_quantity(net, "flBuyQty"),
        overnight_quantity=held_long - held_short,
        multiplier=factor,
        average_price=_mean(*side, factor) if net else 0,
        last_price=None,
        close_price=_mean(*carried, factor),
        overnight_price=0,  # what it cost is not told: Kotak values it anew at each close
    )


def _mean(amount: int, units: int, factor: int) -> int:
    """Divide an amount in millionths; 0 for no units."""
    mean = money.divide_rounded(amount, units * factor) if units else 0
    return money.parse_quantity(mean, "amounts of a position")  # within what the books hold


def _factor(row: Row) -> int:
    """Read what one price unit of one contract is worth; Kotak spreads it over five fields."""
    above, below = 1, 1
    for name in _FACTORS[0]:
        above *= reading.quantity(row, name, least=1)
    for name in _FACTORS[1]:
        below *= reading.quantity(row, name, least=1)
    if above % below:
        raise ValueRefusedError(f"multiplier: {above} / {below} is not whole")
    return money.parse_quantity(above // below, "multiplier")


def quote_key(row: Row) -> str:
    """Return what a position's instrument is asked for by."""
    return f"{reading.text(row, 'exSeg')}|{reading.optional_text(row, 'tok')}"


def quoted(row: Any) -> tuple[str, int] | None:
    """Read a quote: whose, and its last price, before the first trade of the day the last close.

    Returns:
        ``None`` where it cannot be read or has no price: Kotak sends nought at times.
    """
    if not isinstance(row, dict):
        return None
    try:
        key = f"{reading.text(row, 'exchange')}|{reading.text(row, 'exchange_token')}"
        last, ohlc = reading.price(row, "ltp"), row.get("ohlc")
        if not last and isinstance(ohlc, dict):
            last = reading.price(ohlc, "close")
    except ValueRefusedError:
        return None
    return (key, last) if last else None


def margin(row: Row) -> Margin:
    """Read the funds, rounded: Kotak computes them, and they show it (19.409999999999997)."""
    return Margin("all", reading.average(row, "Net"), reading.average(row, "MarginUsed"))


def holding(row: Row) -> BrokerHolding:
    """Read a holding.

    Kotak does not tell unsettled shares apart, nor the security's ISIN. What cannot be sold is
    used, whether it was sold, pledged or is waiting to be; the only price it has is the last close.
    """
    held = reading.quantity(row, "quantity")
    free = reading.quantity(row, "sellableQuantity") if "sellableQuantity" in row else held
    if free > held:
        raise ValueRefusedError(f"sellableQuantity: {free} is more than the quantity, {held}")
    return BrokerHolding(
        exchange=_exchange(row, "exchangeSegment"),
        symbol=reading.text(row, "symbol"),
        isin=reading.optional_text(row, "isin"),
        product="CNC",
        quantity=free,
        t1_quantity=0,
        used_quantity=held - free,
        average_price=reading.average(row, "averagePrice"),
        last_price=reading.price(row, "closingPrice"),
        blocked=held - free,
    )


def _instrument(row: Row) -> dict[str, str]:
    exchange = _exchange(row, "exSeg")
    symbol = reading.plain_symbol(exchange, reading.text(row, "trdSym"))
    return {"exchange": exchange, "symbol": symbol, "product": reading.text(row, "prod")}


def _exchange(row: Row, name: str) -> str:
    segment = reading.text(row, name)
    if segment not in EXCHANGES:
        raise ValueRefusedError(f"{name}: {segment[:20]!r} is no segment that is known here")
    return EXCHANGES[segment]


def _side(row: Row) -> Side:
    word = reading.text(row, "trnsTp")
    if word not in _SIDES:
        raise ValueRefusedError(f"trnsTp: {word[:20]!r} is neither B nor S")
    return _SIDES[word]


def _order_type(row: Row) -> str:
    word = reading.text(row, "prcTp")
    return ORDER_TYPES.get(word, word)


def _variety(row: Row, word: str) -> str:
    waits = "after market order" in word.lower()
    return "amo" if waits or reading.optional_text(row, "ordGenTp") == "AMO" else "regular"


def _known(row: Row, name: str) -> str:
    value = reading.optional_text(row, name)
    return "" if value in _NOTHING else value


def _time(row: Row, name: str) -> datetime | None:
    value = _known(row, name)
    return reading.ist_time({name: value}, name) if value else None


def _numbered_on(row: Row, placed_at: datetime) -> datetime:
    """Return a time on the day that an order's number tells, where that can be the day."""
    found = _NUMBERED.fullmatch(reading.text(row, "nOrdNo"))
    if found:
        day = f"20{found[1]}-{found[2]}-{found[3]} 12:00:00"
        try:
            numbered = reading.ist_time({"day": day}, "day")
        except ValueRefusedError:
            return placed_at
        waited = trade_date_of(placed_at) - trade_date_of(numbered)
        if timedelta() <= waited <= _LONGEST_WAIT:
            return numbered
    return placed_at


def _tag(row: Row, word: str) -> str:
    """Read the tag that an order was placed with, as far as Kotak keeps it.

    A change replaces it by an id of Kotak's own, which orders without a tag have from the start; a
    cancellation appends a time to it.
    """
    shown = _known(row, "GuiOrdId")
    if _KOTAKS_OWN.fullmatch(shown):
        return ""
    stamped = _STAMPED.fullmatch(shown) if "cancel" in word.lower() else None
    return stamped[1] if stamped else shown
