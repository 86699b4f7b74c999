"""Which days the sensor asks to record anew, and when it keeps still."""

from datetime import UTC, date, datetime
from typing import Any

import dagster as dg

from tradesync_dagster.definitions import build_definitions
from tradesync_dagster.defs.changed_history import CHANGED, changed_history
from tradesync_dagster.defs.partitions import HISTORY_START
from tradesync_dagster.defs.recording import KIND
from tradesync_dagster.domain.book_states import Unshown

FRIDAY = date(2026, 3, 6)
"""Today; the Tuesday before it is Holi."""


def changed(since: date, changes: int = 1, *, stale: bool = False) -> Unshown:
    return Unshown(1, since, changes, stale)


def look(instance: dg.DagsterInstance, services: Any) -> Any:
    with dg.build_sensor_context(instance=instance, resources={"services": services}) as context:
        return changed_history(context)


def asked(instance: dg.DagsterInstance, services: Any) -> dict[str, Any]:
    request = look(instance, services)
    assert isinstance(request, dg.RunRequest), request
    found: dict[str, Any] = request.run_config["ops"]["rebuild_days"]["config"]
    return found


def test_one_rectangle_from_the_first_changed_day_to_the_last_trading_day(
    instance: dg.DagsterInstance, services: Any
) -> None:
    services.waiting = {"DESK/C": changed(date(2026, 3, 4)), "DESK/A": changed(date(2026, 3, 2))}
    assert asked(instance, services) == {
        "accounts": ["DESK/A", "DESK/C"], "since": "2026-03-02", "until": "2026-03-05",
        "rebuild": False,
    }  # fmt: skip


def test_todays_changes_are_left_to_the_evening(
    instance: dg.DagsterInstance, services: Any
) -> None:
    services.waiting = {"DESK/A": changed(FRIDAY)}
    assert look(instance, services).skip_message == "No past day changed since it was recorded."
    services.waiting |= {"DESK/B": changed(date(2026, 3, 5))}
    assert asked(instance, services)["accounts"] == ["DESK/B"]


def test_books_that_wait_to_be_made_are_not_recorded_half(
    instance: dg.DagsterInstance, services: Any
) -> None:
    services.waiting = {"DESK/A": changed(date(2026, 3, 2), stale=True)}
    message = look(instance, services).skip_message
    assert message.endswith("1 accounts wait for their books to be made.")


def test_days_before_the_first_that_is_shown_begin_with_it(
    instance: dg.DagsterInstance, services: Any
) -> None:
    services.waiting = {"DESK/A": changed(date(1999, 1, 4))}
    assert date.fromisoformat(asked(instance, services)["since"]) >= HISTORY_START


def test_a_change_on_a_weekend_waits_for_the_day_on_which_it_counts(
    instance: dg.DagsterInstance, services: Any
) -> None:
    services.clock.moment = datetime(2026, 3, 8, 6, 0, tzinfo=UTC)
    services.waiting = {"DESK/A": changed(date(2026, 3, 7))}
    assert isinstance(look(instance, services), dg.SkipReason)
    services.clock.moment = datetime(2026, 3, 10, 6, 0, tzinfo=UTC)
    assert asked(instance, services)["since"] == "2026-03-09"


def test_the_same_changes_have_the_same_key_and_others_another(
    instance: dg.DagsterInstance, services: Any
) -> None:
    services.waiting = {"DESK/A": changed(date(2026, 3, 2), 7)}
    first = look(instance, services).run_key
    assert look(instance, services).run_key == first
    services.waiting = {"DESK/A": changed(date(2026, 3, 2), 8)}
    assert look(instance, services).run_key != first


def test_nothing_is_asked_for_while_a_run_is_under_way(
    instance: dg.DagsterInstance, services: Any
) -> None:
    services.waiting = {"DESK/A": changed(date(2026, 3, 2))}
    job = build_definitions({"services": services}).resolve_job_def("rebuild_history")
    instance.create_run_for_job(
        job, status=dg.DagsterRunStatus.STARTED, tags={KIND: CHANGED},
        run_config=look(instance, services).run_config,
    )  # fmt: skip
    assert "still under way" in look(instance, services).skip_message
