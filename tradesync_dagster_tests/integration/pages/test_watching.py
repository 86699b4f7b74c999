"""Pages for those who watch: strategies, fake orders, notifications; splitting and undoing."""

from datetime import timedelta
from uuid import UUID

import httpx
from pydantic import SecretStr

from tradesync_dagster.domain.fake_orders import FakeOrderStatus
from tradesync_dagster.domain.tasks import Task
from tradesync_dagster.sync.assigning import Assignment
from tradesync_dagster.sync.failing import RunFailure
from tradesync_dagster_tests.support.desk import Desk
from tradesync_dagster_tests.support.pages import HOSTILE, Browser, Page, Pages


def confirmed(desk: Desk, side: str = "BUY", quantity: int = 10) -> UUID:
    """Trade by hand until it is known to be external, and return our id of the order."""
    broker_id = desk.by_hand(side, quantity)
    desk.sync("desk/SIM001")
    desk.clock.move(timedelta(seconds=90))
    desk.sync("desk/SIM001")
    rows = desk.services.external_orders("desk/SIM001")
    return UUID(next(row["order_id"] for row in rows if row["broker_order_id"] == broker_id))


def give(desk: Desk, order_id: UUID, strategy: str) -> None:
    desk.services.assign("desk/SIM001", Assignment([order_id], strategy, "omar", "mine"))


def test_a_strategys_page_has_the_figures_of_its_books_and_its_curve(
    pages: Pages, desk: Desk
) -> None:
    give(desk, confirmed(desk, "BUY", 10), "momentum")
    desk.step(20)
    give(desk, confirmed(desk, "SELL", 10), "momentum")
    give(desk, confirmed(desk, "BUY", 7), "momentum")
    desk.step(20)
    desk.sync("desk/SIM001", force=True)
    desk.services.add_strategy("desk", "idle", HOSTILE)
    vera = pages.browser("vera")
    [own] = [m for m in desk.services.metrics("desk/SIM001", 30) if m["strategy_id"]]
    listed = vera.get("/desk/strategies")
    figures = [own[n] for n in ("total_pnl", "realised_pnl", "unrealised_pnl", "win_rate")]
    assert own["realised_pnl"] != "0.00"
    assert "momentum desk " + " ".join(str(one) for one in figures) in listed.text
    assert HOSTILE in listed.text, "those without a fill too"
    one = vera.get("/desk/strategies/desk/momentum?days=90")
    assert own["exposure"] in one.text
    assert own["drawdown"] in one.text
    assert f"{own['total_pnl']} at {desk.clock.now().date()}" in one.html, "read to the blind"
    [line] = [given for tag, given in one.tags if tag == "polyline"]
    assert len(str(line["points"]).split()) > 50
    idle = vera.get("/desk/strategies/desk/idle")
    assert "None of its orders has filled." in idle.text
    assert not [tag for tag, _ in idle.tags if tag == "svg"]
    assert vera.get("/desk/strategies/desk/none").status == 404
    assert vera.get("/desk/strategies?days=0").status == 422


def new_fake(browser: Browser, **filled: str) -> Page:
    page = browser.get("/desk/fake-orders")
    given = {"market": "PJM", "node": "WESTERN HUB", "quantity_mwh": "25.5",
             "limit_price": "-38.20", "hour": "2026-11-19T10:00"} | filled  # fmt: skip
    return browser.send(page, page.form("/fake-orders"), "Add", **given)


def test_a_fake_order_is_added_by_a_form_moderated_and_followed(pages: Pages, desk: Desk) -> None:
    omar = pages.browser("omar")
    listed = omar.get("/desk/fake-orders")
    made = new_fake(omar)
    assert "BUY 25.50 MWh at PJM WESTERN HUB" in made.text
    assert "2026-11-19 10:00:00" in made.text, "as it was typed, in Asia/Kolkata"
    assert "PENDING" in made.text
    [row] = desk.services.moderation().listed("desk")
    assert row["hour_start_utc"] == "2026-11-19T04:30:00.000Z"
    assert (row["quantity_mwh"], row["limit_price"]) == ("25.50", "-38.20")
    form = listed.form("/fake-orders")
    filled = dict(form.values) | {"market": "A", "node": "B", "quantity_mwh": "1",
                                  "limit_price": "1", "hour": "2026-11-19T10:00"}  # fmt: skip
    twice = {omar.client.post("/desk/fake-orders", data=filled).url.path for _ in range(2)}
    assert len(twice) == 1, "the button pressed twice makes one order"
    while not desk.services.moderation().listed("desk", FakeOrderStatus.APPROVED):
        new_fake(omar, node=f"N{len(desk.services.moderation().listed('desk'))}")
        desk.clock.move(timedelta(minutes=35))
        desk.services.moderation().decide_due()
        desk.services.moderation().mark()
    [approved, *_] = desk.services.moderation().positions("desk")
    page = omar.get(f"/desk/fake-orders/{approved['order_id']}")
    assert f"P&L {approved['pnl']}" in page.text
    assert [tag for tag, _ in page.tags if tag == "polyline"]
    assert approved["order_id"] in omar.get("/desk/fake-orders?status=APPROVED").html
    assert approved["order_id"] not in omar.get("/desk/fake-orders?status=PENDING").html
    log = pages.browser("asha").get("/desk/audit").text
    assert "omar add fake order PJM WESTERN HUB desk" in log


def test_fake_orders_that_cannot_be_are_told(pages: Pages) -> None:
    omar, vera = pages.browser("omar"), pages.browser("vera")
    for filled, said in (
        ({"quantity_mwh": "0"}, "quantity_mwh"),
        ({"quantity_mwh": "many"}, "quantity_mwh"),
        ({"limit_price": "1.0000001"}, "limit_price"),
        ({"hour": "2031-11-19T10:00"}, "hour_start_utc"),
        ({"hour": "tomorrow"}, "hour"),
        ({"market": "<b>"}, "market"),
        ({"side": "HOLD"}, "side"),
    ):
        page = new_fake(omar, **filled)
        assert (page.status, said in page.text) == (422, True), (filled, page.text)
    assert pages.services.moderation().listed("desk") == []
    assert "A new one" not in vera.get("/desk/fake-orders").text


def test_notifications_show_what_waits_what_is_late_and_what_was_sent(
    pages: Pages, desk: Desk
) -> None:
    confirmed(desk)
    vera = pages.browser("vera")
    sent = vera.get("/desk/notifications?state=sent")
    assert "account.SIM001.external_order" in sent.text
    assert "desk/SIM001: external order" in sent.text
    assert "the outbox itself is the mailbox" in sent.text
    assert "success, 1 new external order" in sent.text, "what a sync came to, in words"
    assert "No message waits." in vera.get("/desk/notifications").text
    nowhere = desk.with_settings(
        rabbitmq_url=SecretStr("amqp://u:hunter2@127.0.0.1:9"),
        notify_urls=SecretStr("json://token9@127.0.0.1:9"),
    )
    confirmed(nowhere, "SELL", 3)
    waiting = vera.get("/desk/notifications")
    assert "4 messages waiting, oldest first" in waiting.text
    assert "people, address 1" in waiting.text
    assert "No message is late." in vera.get("/desk/notifications?state=late").text
    desk.clock.move(timedelta(minutes=16))
    late = vera.get("/desk/notifications?state=late")
    assert "late for 16 min" in late.text
    for page in (sent, waiting, late):
        assert "hunter2" not in page.html
        assert "token9" not in page.html
    assert "external_order" not in pages.browser("rita").get("/desk/notifications").text
    assert vera.get("/desk/notifications?state=lost").status == 422


def test_a_failed_runs_message_leads_to_the_run(pages: Pages, desk: Desk) -> None:
    linked = desk.with_settings(dagster_url="https://dagster.example.com/")
    for services, run_id in ((desk.services, "run-1"), (linked.services, "run-2")):
        assert services.tell_failure(RunFailure("sync_job", run_id, run_id, "no answer")) == ()
    root, vera = pages.browser("root"), pages.browser("vera")
    page = root.get("/desk/notifications")
    assert "a run of sync_job for run-1 failed: no answer (run run-1)" in page.text
    assert "a run of sync_job for run-2 failed: no answer its run in Dagster" in page.text
    found = [given for tag, given in page.tags if tag == "a" and "/run-" in str(given["href"])]
    assert found == [{"href": "https://dagster.example.com/runs/run-2", "rel": "noreferrer"}]
    assert "run_failed" not in vera.get("/desk/notifications").text, "of all organizations' runs"


def test_an_order_is_split_and_the_split_undone(pages: Pages, desk: Desk) -> None:
    order_id = confirmed(desk, "BUY", 10)
    desk.services.add_strategy("desk", "carry")
    omar = pages.browser("omar")
    step = omar.get(f"/desk/assign?order={order_id}")
    split = {"why": "both", "strategy": "", "part_strategy": ["momentum", "carry", "carry"]}
    done = omar.send(step, step.form("/assign"), "Confirm", part_quantity=["6", "3", ""], **split)
    assert "1 order changed owner." in done.text
    assert "momentum 6, carry 3, rest nobody" in done.text
    back = omar.get(f"/desk/assign?order={order_id}")
    undone = omar.send(back, back.form("/undo"), "Undo", why="not so")
    assert "1 order changed owner." in undone.text
    [row] = desk.services.external_orders("desk/SIM001")
    assert (row["strategy_id"], row["parts"]) == ("", [])
    log = pages.browser("asha").get("/desk/audit").text
    assert "omar undo assignment desk/SIM001" in log
    assert "momentum=6,carry=3" in log
    for quantities, status, said in (
        (["6", "5", ""], 409, "10"),
        (["6", "3", "1"], 409, "carry"),
        (["1.5", "", ""], 422, "whole number"),
        (["-1", "", ""], 422, "whole number"),
        (["0", "", ""], 422, ""),
    ):
        page = omar.send(step, step.form("/assign"), "Confirm", part_quantity=quantities, **split)
        assert (page.status, said in page.text) == (status, True), (quantities, page.text)
    unequal = dict(step.form("/assign").values) | split | {"part_quantity": ["1"]}
    assert omar.client.post("/desk/assign", data=unequal).status_code == 422
    stranger = dict(step.form("/assign").values) | split | {
        "part_strategy": ["none"], "part_quantity": ["1"],
    }  # fmt: skip
    assert omar.client.post("/desk/assign", data=stranger).status_code == 422
    assert [row["strategy_id"] for row in desk.services.external_orders("desk/SIM001")] == [""]


def test_schedules_and_heartbeats_are_shown_and_stale_ones_first(pages: Pages, desk: Desk) -> None:
    accounts = {one.pseudo_account: one for one in desk.services.store.accounts()}
    now = desk.clock.now()
    with desk.services.store.begin([]) as work:
        for name, ahead in (("SIM001", 10), ("SIM002", 60), ("SECRET7", 10)):
            until = now + timedelta(minutes=ahead)
            work.beat([accounts[name].account_id], "sync", now, until)
    tasks = desk.services.tasks()
    tasks.set_schedule("desk", Task.ANALYSIS, {"enabled": False}, HOSTILE[:30])
    desk.clock.move(timedelta(minutes=20))
    page = pages.browser("vera").get("/desk/schedules")
    assert page.text.index("desk/SIM001 sync stale") < page.text.index("desk/SIM002 sync alive")
    for row in tasks.schedules(organization="desk"):
        assert f"{row['task'].replace('_', ' ')} {row['scope'] or 'all accounts'} " in page.text
    assert "analysis desk off" in page.text
    assert "SECRET7" not in page.text
    assert "SECRET7" in pages.browser("root").get("/desk/schedules").text


def listen(browser: Browser, seconds: float = 60.0) -> httpx.Response:
    request = browser.client.build_request(
        "GET", "/desk/events", headers={"Accept": "text/event-stream"}, timeout=seconds
    )
    return browser.client.send(request, stream=True)


def test_open_pages_hear_of_their_own_organizations_news(pages: Pages, desk: Desk) -> None:
    vera, rita, root = (pages.browser(name) for name in ("vera", "rita", "root"))
    heard = [listen(one) for one in (vera, rita, root)]
    assert {one.headers["content-type"].split(";")[0] for one in heard} == {"text/event-stream"}
    assert {one.headers["cache-control"] for one in heard} == {"no-store"}
    streams = [one.iter_lines() for one in heard]
    assert [next(lines) for lines in streams] == [": here"] * 3
    desk.sync("desk/SIM001")
    for lines in (streams[0], streams[2]):
        assert next(line for line in lines if line and line[0] != ":") == "event: changed"
    for one in heard:
        one.close()
    rival = rita.get("/desk/notifications?state=sent")
    assert "No message was sent yet." in rival.text


def test_few_pages_listen_and_strangers_none(pages: Pages) -> None:
    assert pages.browser().client.get(
        "/desk/events", headers={"Accept": "text/event-stream"}, follow_redirects=False
    ).status_code == 303  # fmt: skip
    vera, omar = pages.browser("vera"), pages.browser("omar")
    open_ones = []
    for _ in range(4):
        one = listen(vera)
        lines = one.iter_lines()
        next(lines)
        open_ones.append((one, lines))
    refused = listen(vera)
    assert refused.status_code == 204, "a browser does not ask again"
    refused.close()
    other = listen(omar)
    assert other.status_code == 200
    other.close()
    for one, _ in open_ones:
        one.close()


def test_listening_is_nobodys_doing(pages: Pages, desk: Desk) -> None:
    vera = pages.browser("vera")
    desk.clock.move(timedelta(minutes=50))
    one = listen(vera)
    assert next(one.iter_lines()) == ": here"
    one.close()
    desk.clock.move(timedelta(minutes=20))
    assert vera.get("/desk/").path.startswith("/desk/sign-in"), "an hour without any doing"
