"""How an account's days read in Dagster.

What belongs here: turning a curve into one event a day, with metadata. What does not: the figures
(``domain.performance``), which days are recorded (``history``).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import dagster as dg
import numpy as np

from tradesync_dagster.defs.desk_pages import account_link
from tradesync_dagster.defs.partitions import key_of
from tradesync_dagster.domain.money import PRICE_UNIT, format_price
from tradesync_dagster.domain.performance import Curve

Metadata = dict[str, dg.MetadataValue | str | int]
_COUNTS = ("positions", "holdings", "unpriced")
_PRODUCT_COLUMNS = (
    "product", "positions", "holdings", "realised", "realised_total", "unrealised", "exposure",
    "unpriced",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Day:
    """One account's figures at a day's end; money in millionths of the currency.

    Attributes:
        positions: Open ones that are no delivery shares.
        holdings: Delivery shares, those bought on the day included.
        unpriced: Open ones without a price, which count at their cost.
        realised: P&L closed on the day.
        realised_total: P&L closed up to it.
    """

    positions: int = 0
    holdings: int = 0
    unpriced: int = 0
    realised: int = 0
    realised_total: int = 0
    unrealised: int = 0
    exposure: int = 0

    @property
    def equity(self) -> int:
        """All profit since the books began, realised and not."""
        return self.realised_total + self.unrealised


def events(
    account: str, curves: Mapping[str, Curve], days: Sequence[date], names: Collection[str]
) -> Iterator[dg.AssetMaterialization]:
    """Record an account's days.

    Args:
        account: ``ORG/ACCOUNT``.
        curves: Its figures by product, from the trading day before on, and of all together under
            the empty name; nothing if it has never traded.
        days: Trading days of the curves.
        names: ``daily_positions``, ``daily_holdings`` or both.

    Yields:
        A materialization of each asset for each day.
    """
    products = {name: _figures(curve, days) for name, curve in sorted(curves.items()) if name}
    for at, (day, figures) in enumerate(zip(days, _figures(curves.get(""), days), strict=True)):
        by_product = {name: each[at] for name, each in products.items() if each[at] != Day()}
        for name, metadata in (
            ("daily_positions", _positions(figures) | {"by_product": _table(by_product)}),
            ("daily_holdings", _holdings(figures)),
        ):
            if name in names:
                linked = metadata | account_link(account, day.isoformat())
                yield dg.AssetMaterialization(
                    asset_key=name, partition=key_of(account, day), metadata=linked
                )


def _figures(curve: Curve | None, days: Sequence[date]) -> list[Day]:
    if curve is None:
        return [Day() for _ in days]
    totals = np.cumsum(curve.realised.astype(object))
    at = np.searchsorted(curve.day, [day.toordinal() for day in days])
    return [
        Day(
            positions=int(curve.positions[n]),
            holdings=int(curve.holdings[n]),
            unpriced=int(curve.unpriced[n]),
            realised=int(curve.realised[n]),
            realised_total=int(totals[n]),
            unrealised=int(curve.unrealised[n]),
            exposure=int(curve.exposure[n]),
        )
        for n in at
    ]


def _positions(day: Day) -> Metadata:
    return {
        "open_positions": day.positions,
        "account_realised": format_price(day.realised),
        "account_realised_total": format_price(day.realised_total),
        **_account(day),
    }


def _table(products: Mapping[str, Day]) -> dg.MetadataValue:
    """List the products with anything open, now or ever."""
    columns = [
        dg.TableColumn(name, "int" if name in _COUNTS else "string") for name in _PRODUCT_COLUMNS
    ]
    records = [
        dg.TableRecord(
            {
                "product": product,
                "positions": day.positions,
                "holdings": day.holdings,
                "realised": format_price(day.realised),
                "realised_total": format_price(day.realised_total),
                "unrealised": format_price(day.unrealised),
                "exposure": format_price(day.exposure),
                "unpriced": day.unpriced,
            }
        )
        for product, day in products.items()
    ]
    return dg.MetadataValue.table(records, dg.TableSchema(columns))


def _holdings(day: Day) -> Metadata:
    return {"holdings": day.holdings, **_account(day)}


def _account(day: Day) -> Metadata:
    """Sum up all that is open, positions and holdings."""
    return {
        "account_unrealised": format_price(day.unrealised),
        "account_equity": format_price(day.equity),
        "account_exposure": format_price(day.exposure),
        "account_unpriced": day.unpriced,
        "plot_equity": _plotted(day.equity),
        "plot_exposure": _plotted(day.exposure),
    }


def _plotted(units: int) -> dg.MetadataValue:
    """Round money for a chart, which draws numbers only; the exact text stands beside it."""
    return dg.MetadataValue.float(round(units / PRICE_UNIT, 2))
