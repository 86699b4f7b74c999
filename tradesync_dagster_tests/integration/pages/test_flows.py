"""What people do on the pages: look, assign in two clicks, say what a break is, read the log."""

from datetime import timedelta

from tradesync_dagster.domain.breaks import Break
from tradesync_dagster_tests.support.desk import Desk
from tradesync_dagster_tests.support.pages import Pages, running_pages

NOTHING = "\N{EN DASH}"


def confirmed(desk: Desk, side: str = "BUY", quantity: int = 10, **more: str) -> str:
    """Trade by hand, and sync until it is known to be external."""
    broker_id = desk.by_hand(side, quantity, **more)
    desk.sync("desk/SIM001")
    desk.clock.move(timedelta(seconds=90))
    desk.sync("desk/SIM001")
    return broker_id


def test_the_overview_has_the_figures_of_the_books(pages: Pages, desk: Desk) -> None:
    confirmed(desk)
    confirmed(desk, "BUY", 4, order_type="LIMIT", price="1400.00")
    (account,) = pages.services.chosen("desk/SIM001")
    with pages.services.store.begin([account.account_id]) as work:
        work.put_breaks([Break(account.account_id, "book_shrank", "S", desk.clock.now())])
    lines = pages.services.page_reading().overview("desk")
    assert [line.pseudo_account for line in lines] == ["SIM001", "SIM002", "SIM003"]
    line = lines[0]
    assert (line.orders, line.working, line.external, line.candidates) == (2, 1, 2, 0)
    assert (line.status, line.breaks, lines[1].status) == ("success", 1, "")
    rows = pages.services.positions("desk/SIM001")
    [metrics] = [m for m in pages.services.metrics("desk/SIM001") if m["strategy_id"] is None]
    text = pages.browser("vera").get("/desk/").text
    assert [row["unrealised_pnl"] for row in rows] == [f"{(line.unrealised_pnl or 0) / 10**6:.2f}"]
    assert f"2 1 2 0 1 0.00 {rows[0]['unrealised_pnl']}" in text
    assert metrics["realised_pnl"] == "0.00"
    assert len(pages.services.page_reading().overview(None)) == 4


def test_the_overview_is_made_once_a_second_and_never_for_another_organization(
    pages: Pages,
) -> None:
    ours, theirs, everyone = (pages.browser(name) for name in ("vera", "rita", "root"))
    for _ in range(2):
        for browser, seen, unseen in (
            (ours, "desk/SIM001", "SECRET7"), (theirs, "SECRET7", "desk/SIM001"),
            (everyone, "SECRET7", "nothing"),
        ):  # fmt: skip
            page = browser.get("/desk/")
            assert seen in page.text
            assert unseen not in page.text


def test_an_account_shows_its_day_and_a_past_one_as_the_command_line_does(
    pages: Pages, desk: Desk
) -> None:
    first = confirmed(desk)
    day = desk.clock.now().date()
    desk.clock.move(timedelta(days=1))
    second = confirmed(desk, "SELL", 4)
    vera = pages.browser("vera")
    now = vera.get("/desk/accounts/desk/SIM001")
    assert second in now.text
    assert first not in now.text
    then = vera.get(f"/desk/accounts/desk/SIM001?day={day}")
    assert first in then.text
    assert f"at the end of {day}" in then.text
    for page, more in ((now, {}), (then, {"as_of": day})):
        kept = (pages.services.positions, pages.services.holdings)
        rows = [row for what in kept for row in what("desk/SIM001", **more)]
        assert rows
        for row in rows:
            assert f"{row['exchange']}:{row['symbol']}" in page.text
            assert str(row["unrealised_pnl"] or NOTHING) in page.text
    for query, shown in (("status=executed", True), ("status=open", False),
                         ("origin=external", True), ("origin=internal", False),
                         ("source=gtt", False)):  # fmt: skip
        assert (second in vera.get(f"/desk/accounts/desk/SIM001?{query}").text) is shown, query
    order = vera.get(next(link for link in now.links if "/orders/" in link))
    for said in ("seen", "confirmed external", "attributed", "Evidence", "the broker's word"):
        assert said in order.text
    assert first not in order.text


def test_orders_are_assigned_in_two_clicks_and_it_is_written_who_and_why(
    pages: Pages, desk: Desk
) -> None:
    broker_id = confirmed(desk)
    omar = pages.browser("omar")
    listed = omar.get("/desk/external")
    assert broker_id in listed.text
    form = listed.form("/assign", "GET")
    [(_, order_id)] = form.boxes
    step = omar.send(listed, form, "Assign", order=order_id, strategy="momentum")
    assert "No evidence" in step.text, "the evidence is shown"
    assert pages.services.unassigned_orders("desk/SIM001"), "nothing has changed yet"
    done = omar.send(step, step.form("/assign"), "Confirm", why="placed by me <b>")
    assert "1 order changed owner." in done.text
    assert pages.services.unassigned_orders("desk/SIM001") == []
    [row] = pages.services.external_orders("desk/SIM001")
    assert row["strategy_id"] == "momentum"
    page = omar.get(f"/desk/orders/{order_id}")
    assert "who omar why placed by me <b>" in page.text
    log = pages.browser("asha").get("/desk/audit").text
    for said in (
        "omar assign orders desk/SIM001",
        "momentum",
        "placed by me <b>",
        order_id,
        "done",
    ):
        assert said in log
    again = omar.get(f"/desk/assign?order={order_id}")
    back = omar.send(again, again.form("/assign"), "Confirm", strategy="", why="not mine")
    assert "1 order changed owner." in back.text
    assert len(pages.services.unassigned_orders("desk/SIM001")) == 1


def test_what_cannot_be_assigned_is_told_and_logged(pages: Pages, desk: Desk) -> None:
    confirmed(desk, "SELL", 4, product="MIS")
    omar = pages.browser("omar")
    [row] = pages.services.unassigned_orders("desk/SIM001")
    step = omar.get(f"/desk/assign?order={row['order_id']}&strategy=momentum")
    refused = omar.send(step, step.form("/assign"), "Confirm", why="mine")
    assert refused.status == 409
    assert "momentum" in refused.text
    assert len(pages.services.unassigned_orders("desk/SIM001")) == 1
    assert "refused: " in pages.browser("asha").get("/desk/audit").text
    form = step.form("/assign")
    short = omar.send(step, form, "Confirm", why="mine", allow_short="true")
    assert "1 order changed owner." in short.text
    for filled in ({"why": ""}, {"why": "a\nb"}, {"why": "mine", "strategy": "none"}):
        assert omar.send(step, form, "Confirm", **filled).status == 422


def test_breaks_are_explained_accepted_and_reopened(pages: Pages, desk: Desk) -> None:
    (account,) = pages.services.chosen("desk/SIM001")
    subject = "NSE:M&M CNC?x=1#y"
    with pages.services.store.begin([account.account_id]) as work:
        evidence = {"books": 10, "broker": {"quantity": 12}}
        at = desk.clock.now()
        work.put_breaks([Break(account.account_id, "holding_differs", subject, at, evidence)])
    desk.clock.move(timedelta(hours=2))
    omar = pages.browser("omar")
    listed = omar.get("/desk/breaks")
    assert f"holding differs {subject} desk/SIM001 open nobody 2 h" in listed.text
    page = omar.get(next(link for link in listed.links if "kind=" in link))
    assert "books 10 broker quantity 12" in page.text
    for press, state, note in (
        ("Explain", "explained", "bonus shares"), ("Accept", "accepted", "it is so"),
        ("Reopen", "open", ""),
    ):  # fmt: skip
        page = omar.send(page, page.form("/SIM001"), press, note=note)
        assert page.status == 200, page.text
        assert f"State {state} Owner omar Note {note or NOTHING}" in page.text
        [row] = pages.services.breaks("desk/SIM001")
        assert (row["state"], row["owner"], row["note"]) == (state, "omar", note)
    nothing = omar.send(page, page.form("/SIM001"), "Explain", note="  ")
    assert nothing.status == 422
    assert "No break is accepted." in omar.get("/desk/breaks?state=accepted").text
    log = pages.browser("asha").get("/desk/audit").text
    for verb in ("explain break", "accept break", "reopen break"):
        assert f"omar {verb} desk/SIM001 holding_differs {subject}" in log


def test_the_log_has_pages(pages: Pages) -> None:
    log = pages.services.audit_log()
    for number in range(130):
        with log.around("omar", "do a thing", "desk", f"thing{number:03}"):
            pass
    asha = pages.browser("asha")
    first = asha.get("/desk/audit")
    older = asha.get(next(link for link in first.links if "before=" in link))
    assert ("thing129" in first.text, "thing129" in older.text) == (True, False)
    assert ("thing000" in first.text, "thing000" in older.text) == (False, True)


def test_links_lead_to_the_dagster_that_browsers_reach(desk: Desk) -> None:
    with running_pages(desk.services, "http://127.0.0.1:3999") as pages:
        links = pages.browser("vera").get("/desk/accounts/desk/SIM001").links
    assert "http://127.0.0.1:3999/runs" in links
    assert "http://127.0.0.1:3999/assets/order_book?partition=desk%2FSIM001" in links
