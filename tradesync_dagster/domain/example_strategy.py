"""An example strategy: buy what fell below its average of the last days, and sell on the way back.

It shows the shape of one, and is no advice. What belongs here: its rule. What does not: how many
units are bought, when a position is sold (``mandates``).
"""

from collections.abc import Iterator

from tradesync_dagster.domain.errors import ValueRefusedError
from tradesync_dagster.domain.mandates import WHOLE
from tradesync_dagster.domain.strategies import View, Wish

_TICK = 50_000
"""Five paise: the coarsest tick of shares on the NSE and BSE."""


class BuyTheDip:
    """Buys instruments whose last price is so far below their average of the last days.

    Options: ``days`` (20), how many days' prices the average is of; ``dip`` (300), how far below it
    in basis points; ``symbols``, such as ``NSE:INFY,NSE:TCS``, all that are known when empty.
    """

    def wishes(self, view: View) -> Iterator[Wish]:
        """See ``strategies.Strategy``."""
        days, dip = _whole(view, "days", 20), _whole(view, "dip", 300)
        wanted = {name for name in view.options.get("symbols", "").split(",") if name}
        for place, rows in view.prices.groupby(["exchange", "symbol"]):
            exchange, symbol = (str(part) for part in place)
            prices = [int(price) for price in rows["price"].tail(days)]
            fresh = rows["trade_date"].iloc[-1] == view.day
            if (wanted and f"{exchange}:{symbol}" not in wanted) or not fresh:
                continue
            average, last = sum(prices) // len(prices), prices[-1]
            below = (average - last) * WHOLE // average if average > 0 else 0
            if len(prices) == days and below >= dip and not view.units.get((exchange, symbol)):
                why = f"{below} basis points below its average of {days} days"
                price = last // _TICK * _TICK
                yield Wish(exchange, symbol, price, target=average, score=below, why=why)


def _whole(view: View, name: str, default: int) -> int:
    text = view.options.get(name, str(default))
    if not (text.isdecimal() and len(text) <= len(str(WHOLE)) and 1 <= int(text) <= WHOLE):
        raise ValueRefusedError(f"the option {name} is a whole number from 1 to {WHOLE}")
    return int(text)
