"""When positions and holdings are made."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tradesync_dagster.domain.book_states import Generation
from tradesync_dagster.settings import Settings
from tradesync_dagster.sync.rebuilding import GenerationRules

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
"""11:30 in India."""
RULES = GenerationRules(refresh=timedelta(minutes=10), interval=timedelta(hours=1))
OFF = GenerationRules(enabled=False)
STALE = date(2026, 2, 27)


def made(**ago: float) -> Generation:
    return Generation(1, NOW - timedelta(**ago), None, STALE)


def stale(**ago: float) -> Generation:
    return Generation(1, NOW - timedelta(**ago), STALE, STALE)


@pytest.mark.parametrize(
    ("known", "priced", "force", "due"),
    [
        pytest.param(Generation(1), False, False, True, id="never made"),
        pytest.param(Generation(1, None, None, STALE), False, False, True, id="only opened"),
        pytest.param(made(seconds=1), False, False, False, id="just made"),
        pytest.param(made(seconds=1), True, False, False, id="just made, new prices"),
        pytest.param(made(seconds=1), False, True, True, id="just made, asked for"),
        pytest.param(stale(seconds=1), False, False, True, id="just made, a late fill"),
        pytest.param(made(minutes=9, seconds=59), True, False, False, id="prices too soon"),
        pytest.param(made(minutes=10), True, False, True, id="prices after the refresh time"),
        pytest.param(made(minutes=10), False, False, False, id="no prices to refresh by"),
        pytest.param(made(minutes=59, seconds=59), False, False, False, id="within the interval"),
        pytest.param(made(hours=1), False, False, True, id="after the interval"),
        pytest.param(made(hours=11, minutes=31), False, False, True, id="yesterday in India"),
    ],
)
def test_when_an_account_is_due(known: Generation, priced: bool, force: bool, due: bool) -> None:
    assert RULES.due(known, NOW, priced=priced, force=force) is due
    assert not OFF.due(known, NOW, priced=priced, force=force), "switched off is never"


def test_a_day_begins_at_midnight_in_india() -> None:
    midnight = datetime(2026, 3, 1, 18, 30, tzinfo=UTC)
    moment = timedelta(microseconds=1)
    known = Generation(1, midnight - moment, None, STALE)
    assert not RULES.due(known, midnight - moment, priced=False, force=False)
    assert RULES.due(known, midnight, priced=False, force=False)
    assert not RULES.due(Generation(1, midnight), midnight + moment, priced=False, force=False)


def test_the_defaults_are_those_of_the_settings() -> None:
    fields = Settings.model_fields
    assert GenerationRules() == GenerationRules(
        enabled=fields["position_generation_enabled"].default,
        refresh=timedelta(minutes=fields["positions_refresh_minutes"].default),
        interval=timedelta(minutes=fields["position_generation_interval_minutes"].default),
    )
