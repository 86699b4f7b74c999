"""rp2's books of streams of fills, as a program: streams in on stdin, books out on stdout, as JSON.

rp2 is a tax engine and knows longs only. It changes the process's decimal context, makes a log
folder where it stands and reads a configuration file: so it runs in a process and a folder of its
own. Its arithmetic has 31 digits, and what a lot earned comes out whole.
"""

import datetime as dt
import json
import sys
from pathlib import Path

from prezzemolo.avl_tree import AVLTree
from rp2.abstract_accounting_method import AbstractAccountingMethod
from rp2.accounting_engine import AccountingEngine
from rp2.configuration import MAX_DATE, MIN_DATE, Configuration
from rp2.in_transaction import InTransaction
from rp2.input_data import InputData
from rp2.out_transaction import OutTransaction
from rp2.plugin.accounting_method.fifo import AccountingMethod
from rp2.plugin.country.us import US
from rp2.rp2_decimal import RP2Decimal
from rp2.tax_engine import compute_tax
from rp2.transaction_set import TransactionSet

_INI = """\
[general]
assets = LOT
exchanges = here
holders = desk
[in_header]
timestamp = 0
[out_header]
timestamp = 0
[intra_header]
timestamp = 0
"""
_FIRST = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


def books(configuration: Configuration, fills: list[list[int]]) -> dict[str, object]:
    """Match one stream of (signed quantity, price); return its lots and realised P&L."""
    sets = {
        name: TransactionSet(configuration, name, "LOT", MIN_DATE, MAX_DATE)
        for name in ("IN", "OUT", "INTRA")
    }
    for row, (quantity, price) in enumerate(fills):
        when = (_FIRST + dt.timedelta(seconds=row)).isoformat()
        place = configuration, when, "LOT", "here", "desk"
        units, paid = RP2Decimal(abs(quantity)), RP2Decimal(price)
        if quantity > 0:
            sets["IN"].add_entry(InTransaction(*place, "BUY", paid, units, row=row + 1))
        elif quantity < 0:
            zero = RP2Decimal(0)
            sold = OutTransaction(*place, "SELL", paid, units, zero, row=row + 1)
            sets["OUT"].add_entry(sold)
    methods: AVLTree[int, AbstractAccountingMethod] = AVLTree()
    methods.insert_node(MIN_DATE.year, AccountingMethod())
    data = InputData("LOT", sets["IN"], sets["OUT"], sets["INTRA"])
    found = compute_tax(configuration, AccountingEngine(methods), data).gain_loss_set
    lots = [
        (gain.acquired_lot.row - 1, gain.taxable_event.row - 1, str(gain.crypto_amount))
        for gain in found
    ]
    return {"lots": lots, "pnl": str(sum((gain.fiat_gain for gain in found), RP2Decimal(0)))}


def main() -> None:
    ini = Path("rp2.ini")
    ini.write_text(_INI)
    configuration = Configuration(str(ini), US())
    json.dump([books(configuration, fills) for fills in json.load(sys.stdin)], sys.stdout)


if __name__ == "__main__":
    main()
