"""Whether the books of a simulated month say what its exchange knows: orders, fills, what is held.

Brokers give the current day only, so a day that was missed, or whose evening had no clean
answer, is gone where no trade history can be downloaded (Kotak Neo, AutoTrader): there, what
differs must be an open break, and what is an open break must differ. What belongs here: that
comparison. What does not: living through the month (``simulated_month``), who owns what
(``month_owners``).
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from functools import cached_property
from typing import Any

from sqlalchemy import select

from tradesync_dagster.domain.market_calendar import IST
from tradesync_dagster.domain.money import parse_price
from tradesync_dagster.domain.orders import OrderStatus
from tradesync_dagster.store.schema import metadata
from tradesync_dagster_tests.support.desk import OPENING
from tradesync_dagster_tests.support.simulated_month import Month

Row = dict[str, Any]
_ENDS = {
    "COMPLETE": {"executed"}, "REJECTED": {"rejected"}, "CANCELLED": {"cancelled"},
    "AMO REQ RECEIVED": {"amo"}, "OPEN": {"open"}, "TRIGGER PENDING": {"trigger_pending"},
}  # fmt: skip
_EXPIRED = {"expired", "cancelled"}
"""Of orders that the exchange drops at night: no book of the day shows that they are gone, so that
we conclude it when their day is over, with a break."""
_TOLD = ("exchange", "product", "order_type", "quantity", "filled_quantity")
_DIFFERS = {"position_differs", "holding_differs"}


class Comparison:
    """The books beside the exchange's own records."""

    def __init__(self, month: Month) -> None:
        self.month, self.plan = month, month.plan
        self.truth = month.closes[month.plan.after]
        accounts = month.desk.services.store.accounts(enabled_only=False)
        self.names = {one.account_id: one.pseudo_account for one in accounts}
        self.orders = self._by_user("orders")
        self.fills = self._by_user("fills")

    def _by_user(self, name: str) -> dict[str, list[Row]]:
        table = metadata.tables[name]
        found: dict[str, list[Row]] = {user: [] for user in self.month.brokers}
        with self.month.desk.services.store.reading() as connection:
            for row in connection.execute(select(table)).mappings():
                found[self.names[row["account_id"]]].append(dict(row))
        return found

    @cached_property
    def isins(self) -> dict[tuple[str, str], str]:
        return {(i.exchange, i.symbol): i.isin for i in self.month.people.items.values()}

    @cached_property
    def excused(self) -> set[tuple[str, str]]:
        """Breaks that tell of an evening whose books were never whole again."""
        return {("book_shrank", day.isoformat()) for day in self.plan.rough}

    def recovers(self, user: str) -> bool:
        """Whether the account's broker lets people download past trades."""
        return self.month.brokers[user] in ("ZERODHA", "UPSTOX")

    def good(self, day: str) -> bool:
        """Whether a day's evening had clean books."""
        when = date.fromisoformat(day)
        return when > OPENING.date() and when not in self.plan.lost

    def differences(self) -> list[str]:
        """Say what is not as it must be; nothing if all is."""
        checks = (self._orders, self._own, self._fills, self._derived, self._held, self._breaks)
        return [
            f"{user} ({self.month.brokers[user]}): {sentence}"
            for user in self.month.brokers
            for check in checks
            for sentence in check(user)
        ]

    def _orders(self, user: str) -> Iterator[str]:
        theirs = {row["order_id"]: row for row in self.truth[user]["orders"]}
        ours = {row["broker_order_id"]: row for row in self.orders[user] if row["broker_order_id"]}
        for order_id in ours.keys() - theirs.keys():
            yield f"order {order_id} is invented"
        counts = Counter(r["broker_order_id"] for r in self.orders[user] if r["broker_order_id"])
        for order_id in (one for one, count in counts.items() if count > 1):
            yield f"order {order_id} stands {counts[order_id]} times"
        for order_id, row in theirs.items():
            found, good = ours.get(order_id), self.good(row["trade_date"])
            if found is None and good:
                yield f"order {order_id} of {row['trade_date']} is missing"
            elif found is not None:
                yield from self._origin(row, found, good=good)
                if good and order_id not in self.month.people.unseen:
                    yield from self._terms(row, found)
                elif good and not self._over(found):
                    yield f"order {order_id} of {row['trade_date']} is {found['status']} for ever"

    def _over(self, found: Row) -> bool:
        """Tell whether an order has ended, or still may after the last evening."""
        last = found["trade_date"] >= self.plan.trading[-1]
        return last or OrderStatus(found["status"]).is_terminal

    @staticmethod
    def _origin(row: Row, found: Row, *, good: bool) -> Iterator[str]:
        right = {"external"} if row["by_hand"] else {"internal"}
        if found["origin"] not in right | (set() if good else {"candidate"}):
            yield f"order {row['order_id']} of {row['trade_date']} is {found['origin']}"

    @staticmethod
    def _terms(row: Row, found: Row) -> Iterator[str]:
        right = {name: row[name] for name in _TOLD} | {
            "symbol": row["tradingsymbol"],
            "side": row["transaction_type"],
            "price": parse_price(row["price"]),
            "trigger_price": parse_price(row["trigger_price"]),
        }
        told = {name: found[name] for name in right}
        if told != right:
            yield f"order {row['order_id']}: {dict(told.items() - right.items())}, not {right}"
        statuses = _EXPIRED if row["expired"] else _ENDS[row["status"]]
        if found["status"] not in statuses:
            yield f"order {row['order_id']} is {found['status']}, not {row['status']}"

    def _own(self, user: str) -> Iterator[str]:
        """Ours are known as ours, each sent once, and each its strategy's."""
        sent = [row for row in self.truth[user]["orders"] if not row["by_hand"]]
        for tag, count in Counter(row["tag"] for row in sent if row["tag"]).items():
            if count > 1:
                yield f"the placement {tag} was sent {count} times"
        for row in (row for row in self.orders[user] if row["origin"] == "internal"):
            owner = self.month.own.owners.get(row["order_id"])
            if owner is not None and row["strategy_id"] != owner:
                yield f"our order {row['order_id']} is {row['strategy_id']}'s, not {owner}'s"
            if not row["broker_order_id"] and row["status"] != "failed":
                day = row["trade_date"].isoformat()
                if self.good(day):
                    yield f"our order {row['order_id']} of {day} is {row['status']}"

    def _fills(self, user: str) -> Iterator[str]:
        if self.month.brokers[user] == "AUTOTRADER":
            return
        theirs = {(row["trade_date"], row["trade_id"]): row for row in self.truth[user]["fills"]}
        ours = {(str(row["trade_date"]), row["trade_id"]): row for row in self.fills[user]}
        for key in ours.keys() - theirs.keys():
            yield f"fill {key} is invented"
        for key, row in theirs.items():
            found = ours.get(key)
            if found is not None:
                yield from self._fill(row, found)
            elif self.good(key[0]) or self.recovers(user):
                yield f"fill {key} is missing"

    @staticmethod
    def _fill(row: Row, found: Row) -> Iterator[str]:
        right = {
            "exchange": row["exchange"], "symbol": row["tradingsymbol"],
            "side": row["transaction_type"], "quantity": row["quantity"],
            "price": parse_price(row["price"]),
        }  # fmt: skip
        if found["source"] == "broker":  # files tell no product, and Upstox's no order and no time
            at = datetime.fromisoformat(row["at"]).replace(tzinfo=IST)
            right |= {"product": row["product"], "filled_at": at}
        if found["broker_order_id"]:
            right["broker_order_id"] = row["order_id"]
        told = {name: found[name] for name in right}
        if told != right:
            yield f"fill {row['trade_date']} {row['trade_id']}: {told}, not {right}"

    def _derived(self, user: str) -> Iterator[str]:
        """A broker without trades: each order's quantity and value are those of its trades."""
        if self.month.brokers[user] != "AUTOTRADER":
            return
        theirs = self._sums(self.truth[user]["fills"], "order_id")
        ours = self._sums(self.fills[user], "broker_order_id")
        days = {row["order_id"]: row["trade_date"] for row in self.truth[user]["orders"]}
        for order_id in theirs.keys() | ours.keys():
            quantity, value = theirs.get(order_id, (0, 0))
            got, worth = ours.get(order_id, (0, 0))
            if got > quantity or (self.good(days[order_id]) and got != quantity):
                yield f"order {order_id} has fills of {got}, not {quantity}"
            elif got == quantity and abs(worth - value) > quantity:
                yield f"order {order_id} has fills worth {worth}, not {value}"

    @staticmethod
    def _sums(rows: list[Row], name: str) -> dict[str, tuple[int, int]]:
        sums: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
        for row in rows:
            price = row["price"] if isinstance(row["price"], int) else parse_price(row["price"])
            quantity, value = sums[row[name]]
            sums[row[name]] = quantity + row["quantity"], value + row["quantity"] * price
        return sums

    def untold(self, user: str) -> set[str]:
        """Name what the account traded on days that are gone for good."""
        if self.recovers(user):
            return set()
        return {
            row["isin"] or row["tradingsymbol"]
            for row in self.truth[user]["fills"]
            if date.fromisoformat(row["trade_date"]) in self.plan.lost
        }

    def _held(self, user: str) -> Iterator[str]:
        """Positions and holdings at each day's end, of all that was told."""
        untold = self.untold(user)
        for day, truth in self.month.closes.items():
            if self.recovers(user) and day in self.plan.lost:
                continue  # what a file brings has no product, so that intraday is netted otherwise
            wrong = sorted(self.differing(user, day, truth[user]) - untold)
            if wrong:
                yield f"at the end of {day} differs {wrong}"

    def differing(self, user: str, day: date, truth: Row) -> set[str]:
        """Name what is held otherwise than the exchange says at a day's end."""
        services, account = self.month.desk.services, f"desk/{user}"
        ours, theirs = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
        for row in services.positions(account, as_of=day):
            isin = self.isins[row["exchange"], row["symbol"]]
            ours[isin or row["symbol"], row["product"]] += row["quantity"]
        for row in truth["positions"]:
            isin = self.isins[row["exchange"], row["tradingsymbol"]]
            theirs[isin or row["tradingsymbol"], row["product"]] += row["quantity"]
        for row in services.holdings(account, as_of=day):
            isin = row["isin"] or self.isins[row["exchange"], row["symbol"]]
            ours[isin, "held"] += row["quantity"] + row["t1_quantity"]
        for row in truth["holdings"]:
            theirs[row["isin"], "held"] += row["quantity"]
        return {key[0] for key in {*ours, *theirs} if ours[key] != theirs[key]}

    def _breaks(self, user: str) -> Iterator[str]:
        """Nothing false is open; what is wrong for want of trades is open."""
        account, untold = f"desk/{user}", self.untold(user)
        clean = [day for day in self.month.breaks if not untold or day < min(self.plan.lost)]
        for day in clean:
            for row in self.month.breaks[day]:
                if row["account"] == account and not self._is_due(user, row):
                    yield f"break of {day}: {row['kind']} {row['subject']} {row['evidence']}"
        open_now = self.month.desk.services.breaks(account)
        told = {self._name(row["subject"]) for row in open_now if row["kind"] in _DIFFERS}
        last = self.plan.after
        differing = self.differing(user, last, self.truth[user])
        if told != differing:
            yield f"open breaks tell of {sorted(told)}, and {sorted(differing)} differ"
        for row in () if untold else open_now:
            if not self._is_due(user, row):
                yield f"open in the end: {row['kind']} {row['subject']} {row['evidence']}"

    def _is_due(self, user: str, row: Row) -> bool:
        """Tell whether a break is one that must be: a rough evening, an end without a word."""
        if row["kind"] != "expired_without_word":
            return (row["kind"], row["subject"]) in self.excused
        [order] = [one for one in self.orders[user] if str(one["order_id"]) == row["subject"]]
        name = order["broker_order_id"]
        dropped = {one["order_id"] for one in self.truth[user]["orders"] if one["expired"]}
        unseen = name in dropped or name in self.month.people.unseen
        return unseen or not self.good(order["trade_date"].isoformat())

    def _name(self, subject: str) -> str:
        """Name what a break is about as ``untold`` does."""
        where = subject.partition(" ")[0]
        exchange, _, symbol = where.partition(":")
        return self.isins.get((exchange, symbol), "") or symbol or where
