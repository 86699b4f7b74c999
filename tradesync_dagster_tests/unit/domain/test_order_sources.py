"""What each broker's fields prove of where an order came from."""

from typing import Any

import pytest

from tradesync_dagster.domain.order_sources import (
    AUTOTRADER,
    KITE,
    KOTAK,
    UPSTOX,
    OrderSource,
    Proof,
    source_of,
)

TABLES = {"KITE": KITE, "UPSTOX": UPSTOX, "KOTAK": KOTAK, "AUTOTRADER": AUTOTRADER}
PLAIN: dict[str, dict[str, Any]] = {
    "KITE": {"placed_by": "XX0000", "variety": "regular", "meta": {}, "tag": None, "guid": "X"},
    "UPSTOX": {"placed_by": "XX0000", "order_ref_id": "57744821658411", "tag": None},
    "KOTAK": {"ordSrc": "", "ordGenTp": "NA", "algId": "NA"},
    "AUTOTRADER": {"publisherId": None, "platform": "KITE"},
}


@pytest.mark.parametrize("broker", PLAIN)
def test_what_a_broker_does_not_tell_is_unknown(broker: str) -> None:
    assert source_of(TABLES[broker], PLAIN[broker]) is OrderSource.UNKNOWN
    assert source_of(TABLES[broker], {}) is OrderSource.UNKNOWN


@pytest.mark.parametrize(
    ("broker", "changes", "source"),
    [
        ("KITE", {"placed_by": "ADMINSQF"}, "square_off"),
        ("KITE", {"placed_by": "RMS12", "tag": "algo"}, "square_off"),
        ("KITE", {"variety": "auction"}, "auction"),
        ("KITE", {"auction_number": "22"}, "auction"),
        ("KITE", {"variety": "iceberg", "tag": "icebergord"}, "auto_slice"),
        ("KITE", {"meta": {"iceberg": {"leg": 1, "legs": 5}}}, "auto_slice"),
        ("KITE", {"tags": ["mine", "autoslice"], "tag": "mine"}, "auto_slice"),
        ("KITE", {"tags": ["autoslice:1914227164488687616"]}, "auto_slice"),
        ("KITE", {"tag": "connect test order1"}, "other_api"),
        ("UPSTOX", {"order_ref_id": "GTT-C23191000044253"}, "gtt"),
        ("UPSTOX", {"tag": "algo"}, "other_api"),
        ("KOTAK", {"ordSrc": "ADMINCPPAPI_MOB"}, "by_hand"),
        ("KOTAK", {"ordSrc": "ADMINCPPAPI_WEB"}, "by_hand"),
        ("KOTAK", {"ordSrc": "ADMINCPPAPI_NEOTRADEAPI"}, "other_api"),
        ("KOTAK", {"ordSrc": "ADMINCPPAPI_FINTECH001"}, "other_api"),
        ("AUTOTRADER", {"publisherId": "algo-7"}, "other_api"),
    ],
)
def test_what_proves_a_source(broker: str, changes: dict[str, Any], source: str) -> None:
    assert source_of(TABLES[broker], PLAIN[broker] | changes) == source


@pytest.mark.parametrize(
    ("broker", "changes"),
    [
        ("KITE", {"placed_by": "RMSX"}),
        ("KITE", {"placed_by": "adminsqf"}),
        ("KITE", {"meta": "iceberg-like"}),
        ("KITE", {"meta": {"gtt": 1}}),
        ("KITE", {"tags": ["autosliced"]}),
        ("KITE", {"tags": "autoslice please"}),
        ("KITE", {"tag": "", "tags": []}),
        ("UPSTOX", {"order_ref_id": "XGTT-1"}),
        ("KOTAK", {"ordSrc": "ADMINCPPAPI_DEALER"}),
        ("KOTAK", {"ordSrc": "NA"}),
        ("AUTOTRADER", {"publisherId": " "}),
    ],
)
def test_what_is_merely_like_a_proof_proves_nothing(broker: str, changes: dict[str, Any]) -> None:
    assert source_of(TABLES[broker], PLAIN[broker] | changes) is OrderSource.UNKNOWN


@pytest.mark.parametrize("odd", [None, True, 3.5, [None, {"a": 1}, ["b"]], {1: 2}, [], "\0"])
def test_odd_values_of_any_field_are_harmless(odd: object) -> None:
    for proofs in TABLES.values():
        for proof in proofs:
            assert source_of(proofs, {proof.field: odd}) in OrderSource


def test_every_rule_is_reached() -> None:
    def only(proof: Proof) -> dict[str, Any]:
        words = {"placed_by": "RMS1", "tags": ["autoslice"], "meta": {"iceberg": {}}}
        known = {"order_ref_id": "GTT-1", "variety": proof.says.pattern}
        said = words | known | {"ordSrc": proof.says.pattern.split("(")[0] + "MOB"}
        if proof.source is OrderSource.OTHER_API and proof.field == "ordSrc":
            said["ordSrc"] = "ADMINCPPAPI_TRADEAPI"
        return {proof.field: said.get(proof.field, "x")}

    for proofs in TABLES.values():
        assert [source_of(proofs, only(proof)) for proof in proofs] == [p.source for p in proofs]
