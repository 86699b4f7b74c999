"""Metrics and health as monitors read them: over HTTP, from real books of both kinds."""

from datetime import timedelta
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from tradesync_dagster.api.metrics import ACCOUNT_METRIC, METRICS
from tradesync_dagster.domain.breaks import Break
from tradesync_dagster.domain.fake_orders import Wanted
from tradesync_dagster_tests.support.api import Api, running_api
from tradesync_dagster_tests.support.desk import Desk

Figures = dict[tuple[str, ...], float]


def scraped(answer: httpx.Response) -> Figures:
    """Read figures as Prometheus does, by name and labels' values."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = {
        (sample.name.removeprefix("tradesync_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert {key[0] for key in found} <= {ACCOUNT_METRIC, *(one.name for one in METRICS)}
    return found


def ask(api: Api, **more: Any) -> httpx.Response:
    """Ask without a key, as a monitor on this machine does."""
    return httpx.get(f"{api.url}/metrics", timeout=60, **more)


def wanted(organization: str, at: str) -> Wanted:
    return Wanted(organization, "PJM", "WESTERN HUB", "BUY", "25", "38.20", at)


def test_figures_follow_the_books(desk: Desk, api: Api) -> None:
    before = scraped(ask(api))
    assert before["accounts", "never"] == 4
    assert ("last_tick_age_seconds",) not in before
    assert before["unassigned_external_orders",] == 0

    desk.by_hand("BUY", 10)
    desk.sync("desk/SIM001", "desk/SIM002")
    desk.clock.move(timedelta(seconds=90))
    desk.sync("desk/SIM001", "desk/SIM002")
    desk.clock.move(timedelta(seconds=60))
    (one,) = desk.services.chosen("desk/SIM001")
    with desk.services.store.begin([one.account_id]) as work:
        at = desk.services.clock.now()
        work.put_breaks([Break(one.account_id, "book_shrank", "S", at)])
    now = desk.services.clock.now()
    past = (now - timedelta(minutes=5)).isoformat()
    desk.services.moderation().add(wanted("desk", past))
    desk.services.moderation().add(wanted("desk", (now + timedelta(hours=2)).isoformat()))

    found = scraped(ask(api))
    assert (found["accounts", "success"], found["accounts", "never"]) == (2, 2)
    assert 60 <= found["oldest_sync_age_seconds", "success"] < 61
    assert 60 <= found["last_tick_age_seconds",] < 61
    assert 60 <= found["oldest_book_age_seconds",] < 61
    assert found["orders_today_by_origin", "external"] == 1
    assert found["orders_today", "executed"] == 1
    assert found["unassigned_external_orders",] == 1
    assert found["open_breaks", "book_shrank"] == 1
    assert found["fake_orders", "PENDING"] == 2
    assert found["due_fake_orders",] == 1
    assert 300 <= found["fake_order_delay_seconds",] < 301
    assert found["broker_requests", "ZERODHA", "GET /orders"] == 2
    assert found["broker_failures", "ZERODHA", "GET /orders"] == 0
    mean = found["broker_response_mean_seconds", "ZERODHA", "GET /orders"]
    assert 0 < mean <= found["broker_response_max_seconds", "ZERODHA", "GET /orders"] < 30
    assert found["last_tick_errors",] == 0
    assert found["last_tick_seconds",] > 0
    assert found["waiting_messages", "server"] == 0, "the outbox is the mailbox"


def test_an_outbox_that_stands_still_is_seen(desk: Desk, api: Api) -> None:
    nowhere = desk.with_settings(
        rabbitmq_url=SecretStr("amqp://127.0.0.1:9"), notify_urls=SecretStr("json://127.0.0.1:9")
    )
    nowhere.by_hand("BUY", 10)
    nowhere.sync("desk/SIM001")
    nowhere.clock.move(timedelta(seconds=90))
    nowhere.sync("desk/SIM001")
    nowhere.clock.move(timedelta(minutes=10))
    found = scraped(ask(api))
    assert found["waiting_messages", "server"] == 3, "two syncs and an alert"
    assert found["waiting_messages", "people"] == 1
    assert found["oldest_message_age_seconds", "server"] > 600
    assert found["last_tick_errors",] == 2


def test_a_key_opens_its_own_organizations_figures_only(desk: Desk, api: Api) -> None:
    assert scraped(ask(api))["accounts", "never"] == 4
    own = scraped(api.send("GET", "/metrics"))
    assert own["accounts", "never"] == 3
    desk.services.moderation().add(wanted("rival", desk.services.clock.now().isoformat()))
    assert scraped(ask(api))["due_fake_orders",] == 1
    assert scraped(api.send("GET", "/metrics"))["due_fake_orders",] == 0


def test_strangers_get_no_figures(desk: Desk, api: Api) -> None:
    wrong = {"Authorization": "Bearer not-a-key"}
    for headers in (
        wrong,
        {"Host": "desk.example.org"},
        {"Host": "[127.0.0.1"},
        {"X-Forwarded-For": "203.0.113.9"},
        {"Forwarded": "for=203.0.113.9"},
    ):
        answer = ask(api, headers=headers)
        assert (answer.status_code, "tradesync_" in answer.text) == (401, False), headers
    assert ask(api, headers={"Host": "localhost:8004"}).status_code == 200
    proxied = desk.with_settings(behind_tls_proxy=True)
    with running_api(proxied.services) as url:
        assert httpx.get(f"{url}/metrics", timeout=60).status_code == 401


def test_accounts_have_series_as_far_as_the_setting_allows(desk: Desk, api: Api) -> None:
    desk.sync()
    assert not [key for key in scraped(ask(api)) if key[0] == "account_sync_age_seconds"]
    with running_api(desk.with_settings(metrics_accounts=2).services) as url:
        found = scraped(httpx.get(f"{url}/metrics", timeout=60))
    named = sorted(key[1:] for key in found if key[0] == "account_sync_age_seconds")
    assert named == [("SIM001", "desk", "success"), ("SIM002", "desk", "success")]


def test_hostile_names_stay_labels(desk: Desk, api: Api) -> None:
    (one,) = desk.services.chosen("desk/SIM001")
    kind = 'x"} 1\ntradesync_accounts{state="made up'
    with desk.services.store.begin([one.account_id]) as work:
        work.put_breaks([Break(one.account_id, kind, "S", desk.services.clock.now())])
    found = scraped(ask(api))
    assert found["open_breaks", kind] == 1
    assert ("accounts", "made up") not in found


def test_health_tells_that_syncs_have_stopped(desk: Desk, api: Api) -> None:
    nobody = Api(api.url, None, "desk")
    first = nobody.send("GET", "/health/sync")
    assert first.status_code == 503
    assert first.json()["detail"] == "there has been no tick yet; see the schedules in Dagster"
    desk.sync()
    assert nobody.send("GET", "/health/sync").json() == {"status": "ok"}
    desk.clock.move(timedelta(minutes=14))
    assert nobody.send("GET", "/health/sync").status_code == 200
    desk.clock.move(timedelta(minutes=2))
    late = nobody.send("GET", "/health/sync")
    assert (late.status_code, "16 minutes ago" in late.text) == (503, True)
    assert nobody.send("GET", "/health/ready").status_code == 200, "people still need the pages"
    for account in desk.services.store.accounts():
        desk.services.store.disable(account.key)
    assert nobody.send("GET", "/health/sync").status_code == 200, "nothing is due"
