"""Kite's holdings: what is pledged or bought on margin is held too."""

from typing import Any

import pytest

from tradesync_dagster.domain.answers import BrokerHolding, Fetch, Outcome
from tradesync_dagster_tests.support.scripted import Stage, data

SECRETS = {"api_key": "k3y-0f-th3-app", "access_token": "t0k3n-0f-th3-d4y"}
MTF = {"quantity": 0, "used_quantity": 0, "average_price": 0, "value": 0, "initial_margin": 0}
HOLDING: dict[str, Any] = {
    "tradingsymbol": "ITC", "exchange": "NSE", "isin": "INE154A01025", "product": "CNC",
    "quantity": 12, "used_quantity": 3, "t1_quantity": 2, "collateral_quantity": 0,
    "average_price": 399.3333333333, "last_price": 401.05, "mtf": MTF,
}  # fmt: skip
AS_READ = BrokerHolding("NSE", "ITC", "INE154A01025", "CNC", 12, 2, 3, 399_333_333, 401_050_000)


@pytest.fixture(params=["PAPER", "ZERODHA"])
def stage(request: pytest.FixtureRequest) -> Stage:
    return Stage(request.param, SECRETS)


def holdings(stage: Stage, *rows: Any) -> Fetch[BrokerHolding]:
    fetch, _, _ = stage.play(lambda client: client.holdings(), data(list(rows)))
    return fetch  # type: ignore[no-any-return]


def test_a_holding(stage: Stage) -> None:
    older = {
        name: value for name, value in HOLDING.items() if name not in ("mtf", "collateral_quantity")
    }
    bare = HOLDING | {"mtf": None, "collateral_quantity": None}
    for row in (HOLDING, older, bare, bare | {"mtf": {}}):
        fetch = holdings(stage, row)
        assert (fetch.outcome, fetch.rejects, fetch.rows) == (Outcome.COMPLETE, (), (AS_READ,))


@pytest.mark.parametrize(("free", "pledged"), [(0, 12), (5, 7)])
def test_pledged_shares_are_held(stage: Stage, free: int, pledged: int) -> None:
    """Kite takes pledged shares out of the quantity; they are the account's all the same."""
    fetch = holdings(stage, HOLDING | {"quantity": free, "collateral_quantity": pledged})
    assert fetch.rows == (AS_READ,)


def test_shares_bought_on_margin_are_a_holding_of_their_own(stage: Stage) -> None:
    margined = MTF | {"quantity": 1000, "used_quantity": 40, "average_price": 100.5}
    fetch = holdings(stage, HOLDING | {"mtf": margined, "collateral_quantity": 1})
    assert (fetch.outcome, fetch.rejects) == (Outcome.COMPLETE, ())
    itc = ("NSE", "ITC", "INE154A01025")
    assert fetch.rows == (
        BrokerHolding(*itc, "CNC", 13, 2, 3, 399_333_333, 401_050_000),
        BrokerHolding(*itc, "MTF", 1000, 0, 40, 100_500_000, 401_050_000),
    )


def test_shares_bought_on_margin_and_sold_today_are_told(stage: Stage) -> None:
    sold = HOLDING | {"mtf": MTF | {"used_quantity": 40, "average_price": 100.5}}
    assert [row.used_quantity for row in holdings(stage, sold).rows] == [3, 40]


@pytest.mark.parametrize(
    "change",
    [
        {"collateral_quantity": -1},
        {"collateral_quantity": "many"},
        {"mtf": 5},
        {"mtf": MTF | {"quantity": -1}},
        {"mtf": MTF | {"quantity": 5, "average_price": None}},
    ],
)
def test_what_cannot_be_read_is_quarantined(stage: Stage, change: dict[str, Any]) -> None:
    fetch = holdings(stage, HOLDING | change, HOLDING | {"tradingsymbol": "SBIN"})
    assert [reject.row_id for reject in fetch.rejects] == ["ITC"]
    assert "SBIN" in [row.symbol for row in fetch.rows]
