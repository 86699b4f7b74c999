"""What the exchange knows, over all days: the yardstick for whoever keeps books.

Belongs here: exact records of orders, fills, holdings and positions; money as decimal strings.
Does not belong here: a broker's wire format (the faces).
"""

from dataclasses import asdict
from typing import Any

from tradesync_dagster.brokers.exchange import risk
from tradesync_dagster.brokers.exchange.charges import Charges, segment
from tradesync_dagster.brokers.exchange.ledger import Account, Lot
from tradesync_dagster.brokers.exchange.market import Market
from tradesync_dagster.brokers.exchange.orders import Fill, Order
from tradesync_dagster.brokers.exchange.units import stamp, text

_TRADEBOOK = (
    "symbol,isin,trade_date,exchange,segment,series,trade_type,auction,quantity,price,"
    "trade_id,order_id,order_execution_time,expiry_date"
)


def account(market: Market, user_id: str) -> dict[str, Any]:
    """Give one account's whole truth."""
    known = market.accounts[user_id]
    return {
        "user_id": user_id,
        "now": market.now.isoformat(),
        "trade_date": market.day.isoformat(),
        "cash": text(known.cash),
        "balance": text(risk.balance(known, market.tape.last)),
        "orders": [_order(one) for one in (*known.earlier_orders, *known.orders.values())],
        "fills": [_fill(one) for one in (*known.earlier_fills, *known.fills)],
        "holdings": [
            {"isin": isin, "quantity": held.quantity + min(known.delivery_net(isin), 0),
             "lots": _lots(held.lots)}
            for isin, held in known.holdings.items()
        ],
        "positions": [
            {
                "exchange": totals.instrument.exchange,
                "tradingsymbol": totals.instrument.symbol,
                "product": totals.product,
                "multiplier": totals.instrument.multiplier,
                "quantity": carried.quantity + totals.net,
                "overnight_quantity": carried.quantity,
                "overnight_lots": _lots(carried.lots),
            }
            for totals, carried in known.positions()
        ],
    }  # fmt: skip


def _lots(lots: list[Lot]) -> list[dict[str, Any]]:
    return [
        {"quantity": lot.quantity, "price": text(lot.price), "day": lot.day.isoformat()}
        for lot in lots
    ]


def _order(one: Order) -> dict[str, Any]:
    return {
        "order_id": one.order_id,
        "exchange_order_id": one.exchange_order_id,
        "trade_date": one.day.isoformat(),
        "placed_at": stamp(one.placed_at),
        "exchange": one.instrument.exchange,
        "tradingsymbol": one.instrument.symbol,
        "isin": one.instrument.isin,
        "transaction_type": one.side,
        "product": one.product,
        "order_type": one.order_type,
        "variety": one.variety,
        "validity": one.validity,
        "quantity": one.quantity,
        "price": text(one.price),
        "trigger_price": text(one.trigger_price),
        "status": one.status,
        "status_message": one.message,
        "filled_quantity": one.filled,
        "cancelled_quantity": one.cancelled,
        "average_price": text(one.average_price),
        "tag": one.tag,
        "by_hand": one.by_hand,
        "expired": one.expired,
    }


def _fill(one: Fill) -> dict[str, Any]:
    return {
        "trade_id": one.trade_id,
        "order_id": one.order_id,
        "exchange_order_id": one.exchange_order_id,
        "trade_date": one.at.date().isoformat(),
        "at": stamp(one.at),
        "exchange": one.instrument.exchange,
        "tradingsymbol": one.instrument.symbol,
        "isin": one.instrument.isin,
        "transaction_type": one.side,
        "product": one.product,
        "quantity": one.quantity,
        "price": text(one.price),
        "multiplier": one.instrument.multiplier,
    }


def charges(known: Account) -> dict[str, Any]:
    """Give what an account's trades have cost, in all, by day and one by one."""
    days: dict[str, Charges] = {}
    for fill, owed in known.paid:
        day = fill.at.date().isoformat()
        days[day] = days.get(day, Charges()) + owed
    return {
        "user_id": known.user_id,
        "charged": known.charged,
        "all": _owed(sum(days.values(), Charges())),
        "days": [{"trade_date": day} | _owed(owed) for day, owed in days.items()],
        "trades": [
            {"trade_id": fill.trade_id, "order_id": fill.order_id, "at": stamp(fill.at),
             "segment": segment(fill.instrument, fill.product)} | _owed(owed)
            for fill, owed in known.paid
        ],
    }  # fmt: skip


def _owed(owed: Charges) -> dict[str, str]:
    parts = {name: text(amount) for name, amount in asdict(owed).items()}
    return parts | {"total": text(owed.total)}


def tradebook(known: Account) -> str:
    """Write the trades of earlier days as the broker's console exports them."""
    return "\n".join([_TRADEBOOK, *(_tradebook_row(fill) for fill in known.earlier_fills)]) + "\n"


def _tradebook_row(fill: Fill) -> str:
    item = fill.instrument
    whole, _, part = text(fill.price).partition(".")
    segment = "EQ" if item.is_equity else "COM" if item.exchange == "MCX" else "FO"
    fields = (
        item.symbol,
        item.isin,
        fill.at.date().isoformat(),
        item.exchange,
        segment,
        item.kind if item.is_equity and item.exchange == "NSE" else "A" if item.is_equity else "",
        fill.side.lower(),
        "false",
        f"{fill.quantity}.000000",
        f"{whole}.{part:0<6}",
        fill.trade_id,
        fill.order_id,
        fill.at.isoformat()[:19],
        item.expiry.isoformat() if item.expiry else "",
    )
    return ",".join(fields)
