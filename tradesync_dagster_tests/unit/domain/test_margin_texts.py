"""Amounts in brokers' refusals: exact, or not at all."""

import time

import pytest

from tradesync_dagster.domain.margin_texts import MarginAmounts, order_rejected, read_margin

UNIT = 1_000_000


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            "Insufficient funds. Required margin is 8000.55 but available margin is 7250.50. Check",
            MarginAmounts(8_000_550_000, 7_250_500_000, 750_050_000),
        ),
        (
            "Insufficient funds. Margin required: 951,448.81. Margin available: 8,62,850.65.",
            MarginAmounts(951_448_810_000, 862_850_650_000, 88_598_160_000),
        ),
        (
            "RMS:Margin Exceeds,Required:8000.55, Available:7250.50 for entity account-AB1234",
            MarginAmounts(8_000_550_000, 7_250_500_000, 750_050_000),
        ),
        (
            "RMS: Margin Exceeds, Required:[90], Available:[75] for",
            MarginAmounts(90 * UNIT, 75 * UNIT, 15 * UNIT),
        ),
        (
            "RMS:Margin Exceeds,Cash Available:1500.61,Additional margin required:321.49 for",
            MarginAmounts(None, 1_500_610_000, 321_490_000),
        ),
        (
            "You need to add Rs. 1385.27 in your account to",
            MarginAmounts(None, None, 1_385_270_000),
        ),
        (
            "RMS : Margin Exceeds : Set Limit:[8.5] Total Required Margin:[9.5] Available "
            "Margin[2] Margin Shortfall[1]",
            MarginAmounts(9_500_000, 2 * UNIT, UNIT),
        ),
        (
            "RED:Margin Shortfall: INR 2,78,806.74 Available:INR 1,774.51 for C-1",
            MarginAmounts(None, 1_774_510_000, 278_806_740_000),
        ),
        (
            "Required margin is 10 but available margin is -12.5.",
            MarginAmounts(10 * UNIT, -12_500_000, 22_500_000),
        ),
        (
            "Required margin is \u20b910 but available margin is \u20b912",
            MarginAmounts(10 * UNIT, 12 * UNIT),
        ),
    ],
)
def test_amounts_are_read_exactly(words: str, expected: MarginAmounts) -> None:
    assert read_margin(words) == expected


@pytest.mark.parametrize(
    "words",
    [
        "",
        "Insufficient stock holding. Holding quantity: 3, order quantity: 10.",
        "Required: a lot, Available: little",
        "Required:1.1234567",
        "Required:1.2.3",
        "Required:1, Required:2",
        "Required:12,34",
        "Required margin is 95417.8...",
        "Required margin is 954...",
        "Required:" + "9" * 30,
        "x" * 4090 + " Required:12345",
    ],
)
def test_what_is_not_plain_is_not_guessed(words: str) -> None:
    assert read_margin(words) == MarginAmounts()


@pytest.mark.parametrize(
    "part", ["required ", "margin ", "need to ", "1,", "available: ", "[", "1"]
)
def test_no_text_takes_long(part: str) -> None:
    begun = time.process_time()
    read_margin(part * 100_000)
    assert time.process_time() - begun < 10


def test_error_carries_reason_and_amounts() -> None:
    reason = "Required margin is 10 but available margin is 7."
    error = order_rejected("ZERODHA", "place", f"{reason} (HTTP 400)", reason)
    assert str(error) == f"ZERODHA place: {reason} (HTTP 400)"
    assert (error.reason, error.required, error.available, error.shortfall) == (
        reason, 10 * UNIT, 7 * UNIT, 3 * UNIT,
    )  # fmt: skip
