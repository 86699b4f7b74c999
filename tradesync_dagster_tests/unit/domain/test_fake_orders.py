"""Fake orders: exact, bounded, named by their keys."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tradesync_dagster.domain.errors import ValueRefusedError
from tradesync_dagster.domain.fake_orders import (
    Wanted,
    check,
    fake_order,
    moment,
    order_document,
    order_id_of,
    position_document,
)
from tradesync_dagster_tests.support.fake_orders import HOUR, ORDER

WANTED = Wanted("acme", "PJM", "WESTERN HUB", "BUY", "25.5", "-3.25", "2026-03-02T15:00:00.000Z")
ID = UUID(int=1)


def test_text_is_read_exactly() -> None:
    order = fake_order(WANTED, ID, HOUR)
    assert order == ORDER
    again = order_document(order)
    assert (again["quantity_mwh"], again["limit_price"]) == ("25.50", "-3.25")
    assert again["hour_start_utc"] == WANTED.hour_start_utc


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"market": ""}, "market"),
        ({"node": "x" * 65}, "node"),
        ({"node": "a|b"}, "node"),
        ({"node": "a\nb"}, "node"),
        ({"side": "buy"}, "side"),
        ({"quantity_mwh": "0"}, "quantity_mwh"),
        ({"quantity_mwh": "-1"}, "quantity_mwh"),
        ({"quantity_mwh": "100000.000001"}, "quantity_mwh"),
        ({"quantity_mwh": "0.0000001"}, "quantity_mwh"),
        ({"quantity_mwh": "NaN"}, "quantity_mwh"),
        ({"limit_price": "100000.01"}, "limit_price"),
        ({"limit_price": "-100000.01"}, "limit_price"),
        ({"limit_price": "1e999"}, "limit_price"),
        ({"hour_start_utc": "2026-03-02T15:00:00"}, "zone"),
        ({"hour_start_utc": "soon"}, "hour_start_utc"),
        ({"hour_start_utc": "0001-01-01T00:00:00+14:00"}, "hour_start_utc"),
        ({"hour_start_utc": "2026-02-23T14:59:59Z"}, "7 days back"),
        ({"hour_start_utc": "2027-03-03T15:00:01Z"}, "366 days ahead"),
    ],
)
def test_what_cannot_be_moderated_is_refused_by_name(change: dict[str, str], field: str) -> None:
    with pytest.raises(ValueRefusedError, match=field):
        fake_order(replace(WANTED, **change), ID, HOUR)


def test_the_bounds_themselves_are_good() -> None:
    for change in (
        {"quantity_mwh": "100000", "limit_price": "-100000"},
        {"quantity_mwh": "0.000001", "limit_price": "100000"},
        {"hour_start_utc": "2026-02-23T15:00:00Z"},
        {"hour_start_utc": "2027-03-03T15:00:00Z"},
    ):
        check(fake_order(replace(WANTED, **change), ID, HOUR))


@pytest.mark.parametrize(
    "change",
    [
        {"side": "HOLD"},
        {"quantity": "many"},
        {"quantity": True},
        {"limit_price": 2**62},
        {"node": ""},
    ],
)
def test_a_stored_row_that_cannot_be_decided_is_named(change: dict[str, Any]) -> None:
    with pytest.raises(ValueRefusedError):
        check(replace(ORDER, **change))


def test_moments_of_any_zone_are_turned_to_utc() -> None:
    assert moment("2026-03-02T20:30:00+05:30", "at") == HOUR
    assert moment("2026-03-02T15:00:00.123456Z", "at").microsecond == 123456


def test_a_key_names_one_order_of_one_organization() -> None:
    assert order_id_of("acme", "k") == order_id_of("acme", "k")
    assert str(order_id_of("acme", "k")) == "f18a249a-096e-596a-8b5d-ae05c8344ed3"
    assert (
        len({order_id_of(*names) for names in (("acme", "k"), ("acme", "l"), ("rival", "k"))}) == 3
    )


def test_a_different_wish_is_seen_and_a_later_state_is_not() -> None:
    later = replace(ORDER, status="APPROVED", created_at=HOUR + timedelta(1), pnl=1)
    assert ORDER.same_wish(later)
    for change in ({"side": "SELL"}, {"quantity": 1}, {"limit_price": 1}, {"node": "x"}):
        assert not ORDER.same_wish(replace(ORDER, **change))  # type: ignore[arg-type]


def test_a_position_is_live_while_a_mark_is_to_come() -> None:
    at = datetime(2026, 3, 2, 15, 5, tzinfo=UTC)
    live = replace(ORDER, rt_lmp=40_000_000, last_lmp=41_000_000, pnl=-5, marked_at=at,
                   next_mark_at=at)  # fmt: skip
    shown = position_document(live)
    assert (shown["state"], shown["pnl"], shown["last_lmp"]) == ("live", "-0.000005", "41.00")
    assert position_document(replace(live, next_mark_at=None))["state"] == "closed"
