"""Trading days of the NSE and BSE, and the day of a moment."""

from datetime import UTC, date, datetime

import pytest

from tradesync_dagster.domain.market_calendar import IST, previous_trading_day, trade_date_of


@pytest.mark.parametrize(
    ("day", "before"),
    [
        pytest.param(date(2025, 7, 16), date(2025, 7, 15), id="midweek"),
        pytest.param(date(2025, 7, 14), date(2025, 7, 11), id="Monday after a weekend"),
        pytest.param(date(2025, 7, 13), date(2025, 7, 11), id="a Sunday itself"),
        pytest.param(date(2025, 8, 18), date(2025, 8, 14), id="Independence Day on a Friday"),
        pytest.param(date(2025, 10, 3), date(2025, 10, 1), id="Gandhi Jayanti"),
        pytest.param(date(2025, 12, 26), date(2025, 12, 24), id="Christmas"),
        pytest.param(date(2025, 4, 21), date(2025, 4, 17), id="Good Friday"),
        pytest.param(date(2024, 1, 29), date(2024, 1, 25), id="Republic Day on a Friday"),
    ],
)
def test_previous_trading_day_leaves_out_weekends_and_holidays(day: date, before: date) -> None:
    assert previous_trading_day(day) == before
    assert type(previous_trading_day(day)) is date


def test_trade_date_turns_at_midnight_in_india() -> None:
    assert trade_date_of(datetime(2026, 3, 2, 18, 29, 59, tzinfo=UTC)) == date(2026, 3, 2)
    assert trade_date_of(datetime(2026, 3, 2, 18, 30, tzinfo=UTC)) == date(2026, 3, 3)
    assert trade_date_of(datetime(2026, 3, 3, 0, 0, tzinfo=IST)) == date(2026, 3, 3)
