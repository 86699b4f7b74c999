"""Settings of moderation, and the rules that come of them."""

from pathlib import Path

import pytest

from tradesync_dagster.bootstrap.moderation import _rules
from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.domain.moderation import REASONS
from tradesync_dagster.settings import load_settings


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_by_default_70_of_100_are_approved_with_the_built_in_reasons() -> None:
    rules = _rules(load_settings())
    assert (rules.seed, rules.approval, rules.reasons) == ("tradesync", 700_000, REASONS)
    assert rules.step.total_seconds() == 300
    assert load_settings().moderation_real_prices == [], "nobody is asked"


def test_each_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "SEED": "another", "APPROVAL_PERCENT": "12.3456", "REASONS": '{"because": 2, "why not": 1}',
        "MARK_MINUTES": "15", "LMP_BASE": "-5.25", "REAL_PRICES": '["NYISO", "MISO"]',
        "REAL_PRICES_PYTHON": "/opt/grid/bin/python",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"TRADESYNC_MODERATION_{name}", value)
    settings = load_settings()
    rules = _rules(settings)
    assert (rules.seed, rules.approval) == ("another", 123_456)
    assert (dict(rules.reasons), rules.step.total_seconds()) == ({"because": 2, "why not": 1}, 900)
    assert str(settings.moderation_lmp_base) == "-5.25"
    assert settings.moderation_real_prices == ["NYISO", "MISO"]
    assert settings.moderation_real_prices_python == Path("/opt/grid/bin/python")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APPROVAL_PERCENT", "101"), ("APPROVAL_PERCENT", "1.23456"), ("LMP_SPREAD", "-1"),
        ("LMP_BASE", "1.005"), ("MARK_MINUTES", "7"), ("REASONS", "{}"), ("SEED", "x" * 65),
        ("REASONS", '{"because": 0}'), ("REASONS", '{"": 1}'),
        ("REAL_PRICES", '["NYSE"]'), ("REAL_PRICES", "NYISO"), ("REASONS", "because"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"TRADESYNC_MODERATION_{name}", value)
    with pytest.raises(ConfigurationError, match=f"(?i)TRADESYNC_MODERATION_{name}"):
        load_settings()
