"""Where orders came from, from each broker's wire to what people see."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tradesync_dagster_tests.support.desk import Desk, ask, open_desk
from tradesync_dagster_tests.support.store_frames import stored

ACCOUNT = "desk/SIM001"
TOLD = {
    "ZERODHA": {
        "by_hand": "unknown", "square_off": "square_off", "auto_slice": "auto_slice",
        "auction": "auction", "gtt": "unknown", "other_api": "other_api",
    },
    "UPSTOX": {
        "by_hand": "unknown", "square_off": "unknown", "auto_slice": "unknown",
        "auction": "unknown", "gtt": "gtt", "other_api": "other_api",
    },
    "KOTAK": {
        "by_hand": "by_hand", "square_off": "unknown", "auto_slice": "unknown",
        "auction": "unknown", "gtt": "unknown", "other_api": "other_api",
    },
    "AUTOTRADER": {
        "by_hand": "unknown", "square_off": "unknown", "auto_slice": "unknown",
        "auction": "unknown", "gtt": "unknown", "other_api": "other_api",
    },
}  # fmt: skip
"""What each broker's rows tell of each source."""


@pytest.fixture(params=sorted(TOLD))
def broker(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def desk(broker: str, tmp_path: Path) -> Iterator[Desk]:
    url = f"sqlite:///{tmp_path}/books.sqlite3"
    with open_desk(url, tmp_path, accounts=1, brokers=(broker,)) as opened:
        yield opened


def place(desk: Desk, source: str) -> str:
    more: dict[str, Any] = {"source": source}
    more |= {"slice_quantity": 20} if source == "auto_slice" else {}
    more |= {"tag": "stranger"} if source == "other_api" else {}
    return desk.by_hand("BUY", 10, **more)


def test_every_source_is_told_as_far_as_the_broker_tells(desk: Desk, broker: str) -> None:
    placed = {place(desk, source): source for source in TOLD[broker]}
    assert desk.one().external_orders == len(placed)
    shown = {
        placed[row["broker_order_id"]]: row["source"]
        for row in desk.services.external_orders(ACCOUNT)
    }
    assert shown == TOLD[broker]
    events = stored(desk.services.store, "order_events")
    confirmed = [e["detail"]["source"] for e in events if e["kind"] == "confirmed_external"]
    assert sorted(confirmed) == sorted(TOLD[broker].values())
    again = desk.one()
    assert "orders" not in again.changed, "what was read is what is stored"


def test_an_order_of_ours_has_no_source_to_tell(desk: Desk, broker: str) -> None:
    desk.by_hand("BUY", 10, tag="ts1", source="other_api")
    assert desk.one().external_orders == 0
    (row,) = desk.services.orders(ACCOUNT)
    assert (row["origin"], row["source"]) == ("internal", ""), broker


@pytest.mark.parametrize("broker", ["ZERODHA"], indirect=True)
def test_slices_of_an_order_of_ours_are_ours(desk: Desk) -> None:
    order = {
        "user_id": "SIM001", "exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": "BUY",
        "quantity": 50, "source": "auto_slice", "slice_quantity": 20,
    }  # fmt: skip
    strangers = ask(f"{desk.url}/sim/orders", order)["order_ids"]
    assert len(strangers) == 3
    assert desk.one().external_orders == 3
    parents = {
        row["broker_order_id"]: row["parent_order_id"] for row in desk.services.orders(ACCOUNT)
    }
    assert parents == {strangers[0]: "", strangers[1]: strangers[0], strangers[2]: strangers[0]}
    assert {row["source"] for row in desk.services.orders(ACCOUNT)} == {"auto_slice"}


@pytest.mark.parametrize("broker", ["ZERODHA"], indirect=True)
@pytest.mark.parametrize(
    "wrong",
    [
        {"source": "a ghost"},
        {"source": ["gtt"]},
        {"source": "auto_slice"},
        {"source": "gtt", "slice_quantity": 5},
        {"source": "auto_slice", "slice_quantity": 0},
        {"source": "auto_slice", "slice_quantity": -1},
        {"source": "auto_slice", "slice_quantity": "5"},
        {"source": "auto_slice", "slice_quantity": True},
        {"source": "auto_slice", "slice_quantity": 2.5},
        {"source": "auto_slice", "slice_quantity": [5]},
        {"source": "auto_slice", "slice_quantity": 1, "quantity": 5000},
    ],
)
def test_the_exchange_refuses_what_it_does_not_know(desk: Desk, wrong: dict[str, Any]) -> None:
    with pytest.raises(OSError, match="400"):
        desk.by_hand("BUY", **{"quantity": 10} | wrong)
    assert desk.truth()["orders"] == []
