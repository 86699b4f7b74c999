"""Files of facts that no interface tells: corporate actions, settlements, conversions, prices.

CSV in tradesync's own format, one kind of record a file (described in docs/records.md). What
belongs here: the columns of each kind. What does not: lines and encodings (``file_reading``), what
becomes of the records (``sync.recording_facts``).
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from math import gcd
from pathlib import Path
from typing import Any, Final

from tradesync_dagster.brokers import reading
from tradesync_dagster.brokers.file_reading import (
    ISIN,
    FileKind,
    day,
    open_checked,
    read_csv,
    unreadable,
)
from tradesync_dagster.domain.answers import Reject
from tradesync_dagster.domain.errors import FileRefusedError, ValueRefusedError
from tradesync_dagster.domain.facts import PRODUCTS, Conversion, CorporateAction, Settlement
from tradesync_dagster.domain.records import ClosingPrice

MAX_BYTES: Final = 16 * 1024 * 1024
"""Most bytes of a file, whose records are held in memory together: some 400,000 prices."""

_SHOWN: Final = 40
_MOST_SHARES: Final = 100_000
_EXCHANGES: Final = frozenset({"NSE", "BSE", "NFO", "BFO", "CDS", "BCD", "MCX", "NCO"})
_RATIO = re.compile(r"(\d{1,6}):(\d{1,6})", re.ASCII)
_ANSWERS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}

Record = CorporateAction | Settlement | Conversion | ClosingPrice
_Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RecordFile:
    """A file of records on disk.

    Attributes:
        kind: A key of ``KINDS``.
    """

    path: Path
    kind: str

    @property
    def name(self) -> str:
        """The file's name, for sentences."""
        return self.path.name

    def rows(self) -> list[tuple[int, Record | Reject]]:
        """Read the whole file.

        Returns:
            Line number, and the record or why there is none; a conversion's account is 0.

        Raises:
            FileRefusedError: The file cannot be read as what it was given for.
        """
        kind, parse = _KINDS[self.kind]
        _, size = open_checked(self.path, kind)
        if size > MAX_BYTES:
            raise FileRefusedError(
                f"{self.name}: the file is larger than {MAX_BYTES >> 20} MB; split it, and import "
                "the parts"
            )
        try:
            with self.path.open("rb") as stream:
                found = [(n, row) for n, row, _ in read_csv(stream, self.name, kind, parse)]
        except OSError as error:
            raise unreadable(self.path, error) from None
        if not found:
            raise FileRefusedError(f"{self.name}: the file holds no records, only its header")
        return found


def _action(row: _Row) -> CorporateAction:
    kind = reading.text(row, "kind").lower()
    if kind not in ("split", "bonus", "consolidation"):
        raise ValueRefusedError(
            f"kind: {kind[:_SHOWN]!r} is none of split, bonus and consolidation"
        )
    after, before = _shares(row, kind)
    if (after > before) == (kind == "consolidation") or after == before:
        more = "fewer" if kind == "consolidation" else "more"
        raise ValueRefusedError(
            f"shares_after: {after} for {before} before; after a {kind} there are {more} shares"
        )
    isin, new_isin = _isin(row, "isin"), _isin(row, "new_isin") if row.get("new_isin") else ""
    if new_isin == isin:
        raise ValueRefusedError("new_isin: the same as isin; leave it empty where it stays")
    whole = gcd(after, before)  # 10 for 2 is 5 for 1, and must not count as another fact
    return CorporateAction(
        isin, day(row, "ex_date"), kind, after // whole, before // whole, new_isin
    )


def _shares(row: _Row, kind: str) -> tuple[int, int]:
    """Read how many shares there are after for how many before.

    The market writes a bonus as new shares for held ones, so that 1:2 makes three of two; that
    wording has a column of its own, lest it be taken for the ratio itself.
    """
    bonus = reading.optional_text(row, "bonus")
    given = [name for name in ("shares_after", "shares_before") if reading.optional_text(row, name)]
    if not bonus:
        after, before = (_count(row, name) for name in ("shares_after", "shares_before"))
        return after, before
    if given or kind != "bonus":
        raise ValueRefusedError("bonus: only for a bonus, and instead of shares_after and _before")
    found = _RATIO.fullmatch(bonus)
    if not found or not int(found[1]) or not int(found[2]):
        raise ValueRefusedError(
            f"bonus: {bonus[:_SHOWN]!r} is not NEW:HELD, such as 1:2 for one new share for two held"
        )
    return int(found[1]) + int(found[2]), int(found[2])


def _count(row: _Row, name: str) -> int:
    value = reading.quantity({name: reading.text(row, name)}, name, least=1)
    if value > _MOST_SHARES:
        raise ValueRefusedError(f"{name}: {value} is above {_MOST_SHARES}")
    return value


def _isin(row: _Row, name: str) -> str:
    value = reading.text(row, name).upper()
    if not ISIN.fullmatch(value):
        raise ValueRefusedError(f"{name}: {value[:_SHOWN]!r} is no ISIN")
    return value


def _settlement(row: _Row) -> Settlement:
    return Settlement(_exchange(row), reading.text(row, "symbol"), day(row, "expiry"), _price(row))


def _closing_price(row: _Row) -> ClosingPrice:
    return ClosingPrice(
        _exchange(row), reading.text(row, "symbol"), day(row, "trade_date"), _price(row)
    )


def _conversion(row: _Row) -> Conversion:
    source, target = (_word(row, name, PRODUCTS) for name in ("from_product", "to_product"))
    if source == target:
        raise ValueRefusedError(f"to_product: {target} is from_product too")
    overnight = reading.text(row, "overnight").lower()
    if overnight not in _ANSWERS:
        raise ValueRefusedError(f"overnight: {overnight[:_SHOWN]!r} is neither true nor false")
    return Conversion(
        account_id=0,
        conversion_id=reading.text(row, "conversion_id"),
        trade_date=day(row, "trade_date"),
        exchange=_exchange(row),
        symbol=reading.text(row, "symbol"),
        side=reading.side(row, "side"),
        from_product=source,
        to_product=target,
        quantity=reading.quantity({"quantity": reading.text(row, "quantity")}, "quantity", least=1),
        overnight=_ANSWERS[overnight],
    )


def _price(row: _Row) -> int:
    return reading.price({"price": reading.text(row, "price")}, "price")


def _exchange(row: _Row) -> str:
    return _word(row, "exchange", _EXCHANGES)


def _word(row: _Row, name: str, known: Collection[str]) -> str:
    """Read one of the books' own words: a mistyped one would silently concern nothing."""
    value = reading.text(row, name).upper()
    if value not in known:
        raise ValueRefusedError(f"{name}: {value[:_SHOWN]!r} is none of {', '.join(sorted(known))}")
    return value


def _kind(name: str, row_id: str, *required: str) -> FileKind:
    return FileKind(
        name=f"file of {name}",
        as_csv="save it as CSV UTF-8",
        again="save it as CSV UTF-8",
        unknown=f"this is no file of {name}; it begins: {{}}. Its columns are "
        f"{', '.join(required)} (docs/records.md)",
        required=required,
        row_id=row_id,
    )


_KINDS: Final[Mapping[str, tuple[FileKind, Callable[[_Row], Any]]]] = {
    "actions": (_kind("corporate actions", "isin", "isin", "ex_date", "kind"), _action),
    "settlements": (
        _kind("settlements", "symbol", "exchange", "symbol", "expiry", "price"),
        _settlement,
    ),
    "conversions": (
        _kind(
            "conversions", "conversion_id", "conversion_id", "trade_date", "exchange", "symbol",
            "side", "from_product", "to_product", "quantity", "overnight",
        ),
        _conversion,
    ),
    "prices": (
        _kind("closing prices", "symbol", "exchange", "symbol", "trade_date", "price"),
        _closing_price,
    ),
}  # fmt: skip
KINDS: Final = tuple(_KINDS)
"""The kinds of record files, as people name them."""
