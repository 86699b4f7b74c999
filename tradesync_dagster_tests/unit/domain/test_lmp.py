"""Simulated prices: even, bounded, and the same on every machine."""

from datetime import timedelta

from tradesync_dagster.domain.lmp import CENT, PricePoint, SimulatedPrices, draw
from tradesync_dagster_tests.support.fake_orders import HOUR, PRICES

POINT = PricePoint("PJM", "WESTERN HUB", HOUR)


def price(point: PricePoint, prices: SimulatedPrices = PRICES) -> int:
    return prices.at([point])[point]


def test_prices_are_what_they_always_were() -> None:
    nodes = [price(POINT._replace(node=f"N{number}")) for number in range(4)]
    assert [price(POINT), *nodes] == [36_080_000, 38_620_000, 48_960_000, 36_420_000, 36_340_000]


def test_a_price_holds_for_five_minutes_at_one_node() -> None:
    within = POINT._replace(at=HOUR + timedelta(minutes=4, seconds=59, microseconds=999_999))
    assert price(within) == price(POINT)
    others = {
        price(POINT._replace(at=HOUR + timedelta(minutes=5))),
        price(POINT._replace(at=HOUR - timedelta(microseconds=1))),
        price(POINT._replace(node="EASTERN HUB")),
        price(POINT._replace(market="ERCOT")),
        price(POINT, SimulatedPrices("another", PRICES.base, PRICES.spread)),
    }
    assert price(POINT) not in others
    assert len(others) == 5


def test_prices_reach_from_30_to_50_evenly_in_cents() -> None:
    found = [price(POINT._replace(node=f"N{number}")) for number in range(50_000)]
    assert (min(found), max(found)) == (30_000_000, 50_000_000)
    assert all(one % CENT == 0 for one in found)
    mean = sum(found) / len(found)
    assert abs(mean - 40_000_000) < 4 * 5_780_000 / 50_000**0.5
    tenths = [sum(lower <= one < lower + 2_000_000 for one in found)
              for lower in range(30_000_000, 50_000_000, 2_000_000)]  # fmt: skip
    assert all(abs(count - 5_000) < 350 for count in tenths)


def test_without_spread_there_is_one_price_also_a_negative_one() -> None:
    flat = SimulatedPrices("s", -5_000_000, 0)
    assert {price(POINT._replace(node=f"N{n}"), flat) for n in range(20)} == {-5_000_000}


def test_a_draw_takes_each_number() -> None:
    assert {draw(3, "s", str(number)) for number in range(100)} == {0, 1, 2}
    assert draw(1, "s") == 0
