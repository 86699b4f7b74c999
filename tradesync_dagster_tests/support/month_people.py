"""People who trade by hand through a simulated month, and what each of their orders was for.

What belongs here: seeded decisions, and the exchange's own routes that carry them out. What does
not: the days (``simulated_month``), orders that our own desk places (``month_desk``).
"""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import Any

from tradesync_dagster.brokers.exchange.instruments import Instrument, listing
from tradesync_dagster.domain.money import format_price, parse_price
from tradesync_dagster_tests.support.desk import OPENING, ask

STRATEGIES = ("alpha", "beta", "gamma")
CLAIMED = {"INFY": "alpha", "TCS": "alpha", "ITC": "beta"}
"""Shares that somebody said are a strategy's."""
TRADED = {"SBIN": "beta", "WIPRO": "gamma", "ONGC": "alpha"}
"""Shares that strategies trade by orders of ours, and people close or add to by hand."""
TAGGED = {"NTPC": "gamma", "GAIL": "beta"}
"""Shares that another program trades for a strategy, with the strategy's name as the tag."""
PERSONAL = ("HINDALCO", "CIPLA", "TATASTEEL", "IDEA", "PNB", "ZOMATO")
"""Nobody's: no strategy trades them."""
OWNERS = {**CLAIMED, **TRADED, **TAGGED, **dict.fromkeys(PERSONAL, "")}
CONTRACTS = (("MCX", "GOLDPETAL"), ("NFO", "NIFTY"))
_ANOTHERS = 0.1
"""How often an order in a strategy's share was for nobody's strategy all the same."""


def change(url: str, method: str, body: dict[str, Any] | None = None) -> bool:
    """Change or cancel an order by hand; tell whether the exchange let it."""
    request = urllib.request.Request(
        url, data=json.dumps(body or {}).encode(), method=method,
        headers={"content-type": "application/json"},
    )  # fmt: skip
    try:
        with urllib.request.urlopen(request, timeout=60):
            return True
    except urllib.error.HTTPError as error:
        if error.code >= 500:
            raise
        return False


@dataclass
class People:
    """Everybody with a broker's app.

    Attributes:
        owners: The strategy that each order by hand was for, by the broker's order id; empty for
            none.
        unseen: Orders that were changed or cancelled after the last look at their day's book.
    """

    url: str
    users: list[str]
    dice: Random
    owners: dict[str, str] = field(default_factory=dict)
    resting: dict[str, list[str]] = field(default_factory=dict)
    held: dict[str, dict[str, int]] = field(default_factory=dict)
    prices: dict[str, int] = field(default_factory=dict)
    intraday: set[str] = field(default_factory=set)
    unseen: set[str] = field(default_factory=set)
    items: dict[str, Instrument] = field(default_factory=lambda: listing(OPENING.date()))

    def truth(self, user: str) -> Any:
        return ask(f"{self.url}/sim/truth/{user}")

    def morning(self) -> None:
        """Forget the orders of yesterday and look at what everybody holds."""
        named = {item.isin: item.symbol for item in self.items.values() if item.isin}
        self.resting, self.intraday = {user: [] for user in self.users}, set()
        for user in self.users:
            rows = self.truth(user)["holdings"]
            self.held[user] = {named[row["isin"]]: row["quantity"] for row in rows}

    def look(self) -> None:
        """Look at the prices."""
        found = ask(f"{self.url}/sim/prices")
        self.prices = {key: parse_price(price) for key, price in found.items()}

    def act(self, rate: float, contracts: set[str]) -> None:
        """Let some of them act; only those of ``contracts`` trade derivatives."""
        self.look()
        for user in self.users:
            if self.dice.random() < rate:
                self._one(user, contracts=user in contracts)

    def _one(self, user: str, *, contracts: bool) -> None:
        throw, dice = self.dice.random(), self.dice
        if throw < 0.30:
            self._share(user, "BUY", dice.randint(1, 15))
        elif throw < 0.42:
            self._share(user, "BUY", dice.randint(100, 500), limit=True)
        elif throw < 0.48:
            self._stop(user)
        elif throw < 0.62:
            self._sell(user)
        elif throw < 0.74:
            self.intraday.add(user)
            self._share(user, dice.choice(["BUY", "SELL"]), dice.randint(1, 20), product="MIS")
        elif throw < 0.82 and contracts:
            self._contract(user)
        else:
            self._meddle(user)

    def _share(self, user: str, side: str, quantity: int, *, limit: bool = False,
               **more: Any) -> None:  # fmt: skip
        symbol = self.dice.choice(list(OWNERS))
        if limit:
            more |= {"order_type": "LIMIT", "price": self.limit(f"NSE:{symbol}", side)}
        self.place(user, side, quantity, symbol, **more)

    def _stop(self, user: str) -> None:
        symbol = self.dice.choice(PERSONAL)
        trigger = self.limit(f"NSE:{symbol}", "BUY", ticks=self.dice.randint(2, 8))
        self.place(user, "BUY", self.dice.randint(1, 9), symbol, order_type="SL-M",
                   trigger_price=trigger)  # fmt: skip

    def _sell(self, user: str) -> None:
        held = [symbol for symbol, count in self.held[user].items() if count > 0]
        if held:
            symbol = self.dice.choice(sorted(held))
            count = self.dice.randint(1, self.held[user][symbol])
            if self.place(user, "SELL", count, symbol):
                self.held[user][symbol] -= count

    def _contract(self, user: str) -> None:
        exchange, name = self.dice.choice(CONTRACTS)
        item = next(i for i in self.items.values() if (i.name, i.kind) == (name, "FUT"))
        self.place(user, self.dice.choice(["BUY", "SELL"]), item.lot, item.symbol,
                   exchange=exchange, product="NRML")  # fmt: skip

    def _meddle(self, user: str, *, late: bool = False) -> None:
        """Cancel a resting order, or change it."""
        if not self.resting[user]:
            return
        order_id = self.dice.choice(self.resting[user])
        if late:
            self.unseen.add(order_id)
        url = f"{self.url}/sim/orders/{user}/{order_id}"
        if self.dice.random() < 0.5:
            change(url, "DELETE")
        else:
            change(url, "PUT", {"quantity": self.dice.randint(200, 700)})

    def evening(self, rate: float, *, late: bool) -> None:
        """Place after-market orders, and cancel or change some of them."""
        self.look()
        for user in self.users:
            if self.dice.random() < rate:
                symbol = self.dice.choice(list(OWNERS))
                self.place(user, "BUY", self.dice.randint(1, 12), symbol, variety="amo",
                           order_type="LIMIT", price=self.limit(f"NSE:{symbol}", "BUY", ticks=3),
                           )  # fmt: skip
            elif self.dice.random() < rate:
                self._meddle(user, late=late)

    def place(self, user: str, side: str, quantity: int, symbol: str, **more: Any) -> bool:
        """Place an order by hand and remember what it was for; tell whether it became one."""
        owner = OWNERS.get(symbol, "") if self.dice.random() > _ANOTHERS else ""
        body = {
            "user_id": user, "exchange": "NSE", "tradingsymbol": symbol, "product": "CNC",
            "transaction_type": side, "quantity": quantity, "order_type": "MARKET",
        }  # fmt: skip
        if symbol in TAGGED and owner:
            body |= {"tag": owner, "source": "other_api"}
        try:
            placed = ask(f"{self.url}/sim/orders", body | more)
        except urllib.error.HTTPError as error:
            if error.code >= 500:
                raise
            return False
        self.owners[placed["order_id"]] = owner
        if placed["status"] not in ("COMPLETE", "REJECTED", "CANCELLED"):
            self.resting[user].append(placed["order_id"])
        return True

    def square_off(self) -> None:
        """Close what is open intraday, as brokers do before the close."""
        for user in sorted(self.intraday):
            for order_id in self.resting[user]:
                change(f"{self.url}/sim/orders/{user}/{order_id}", "DELETE")
            for row in self.truth(user)["positions"]:
                if row["product"] == "MIS" and row["quantity"]:
                    side = "SELL" if row["quantity"] > 0 else "BUY"
                    self.place(user, side, abs(row["quantity"]), row["tradingsymbol"],
                               exchange=row["exchange"], product="MIS", source="square_off",
                               )  # fmt: skip

    def limit(self, key: str, side: str, ticks: int = 0) -> str:
        """A price on the tick, at the last one or so many ticks from it."""
        tick = self.items[key].tick
        units = self.prices[key] // tick * tick + (ticks if side == "BUY" else -ticks) * tick
        return format_price(units)


def tradebook(url: str, user: str, broker: str, today: date) -> str | None:
    """What an account's broker lets people download: all trades of earlier days, if anything."""
    if broker == "ZERODHA":
        with urllib.request.urlopen(f"{url}/sim/tradebook/{user}", timeout=60) as response:
            return str(response.read().decode())
    if broker != "UPSTOX":
        return None
    rows = [
        {"exchange": row["exchange"], "segment": "EQ", "symbol": row["tradingsymbol"],
         "trade_id": row["trade_id"], "trade_date": row["trade_date"], "isin": row["isin"],
         "transaction_type": row["transaction_type"], "quantity": row["quantity"],
         "price": row["price"], "option_type": "", "expiry": "", "strike_price": ""}
        for row in ask(f"{url}/sim/truth/{user}")["fills"]
        if row["isin"] and row["trade_date"] < today.isoformat()
    ]  # fmt: skip
    return json.dumps({"status": "success", "data": rows})
