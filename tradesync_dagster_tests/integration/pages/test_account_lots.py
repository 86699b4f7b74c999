"""The lots behind a number on an account's page: they sum up to what the command line says."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from tradesync_dagster.api.pages.visitors import ROOT
from tradesync_dagster_tests.support.desk import Desk
from tradesync_dagster_tests.support.pages import Browser, Page, Pages

ACCOUNT = "desk/SIM001"
PATH = f"{ROOT}/accounts/{ACCOUNT}"


def traded(desk: Desk) -> date:
    """Trade on two days: a holding of two lots, then one sold in part and day trades; the first."""
    first = desk.clock.now().date()
    for quantity in (10, 4):
        desk.by_hand("BUY", quantity)
        desk.step(3)
    desk.sync(ACCOUNT, force=True)
    desk.clock.move(timedelta(days=1))
    for side, quantity, product in (
        ("SELL", 12, "CNC"), ("BUY", 5, "CNC"), ("BUY", 6, "MIS"), ("SELL", 2, "MIS"),
    ):  # fmt: skip
        desk.by_hand(side, quantity, product=product)
        desk.step(3)
    desk.sync(ACCOUNT, force=True)
    return first


def lots_of(browser: Browser, row: Mapping[str, Any], day: date) -> Page:
    """Follow the link of a position or a holding on the account's page."""
    page = browser.get(f"{PATH}?day={day}")
    wanted = [
        f"symbol={row['symbol']}&product={row['product']}", f"exchange={row['exchange']}&"
    ]  # fmt: skip
    link = next((one for one in page.links if all(text in one for text in wanted)), "")
    assert link, (row, page.text)
    found = browser.get(link)
    assert found.status == 200, found.text
    return found


def test_open_lots_sum_up_to_positions_and_holdings_of_any_day(pages: Pages, desk: Desk) -> None:
    first, today = traded(desk), desk.clock.now().date()
    desk.clock.move(timedelta(days=3))
    desk.by_hand("BUY", 6)
    desk.step(3)
    desk.sync(ACCOUNT, force=True)
    vera, looked = pages.browser("vera"), 0
    for day in (first, today, desk.clock.now().date()):
        for row in desk.services.holdings(ACCOUNT, as_of=day):
            page, whole = lots_of(vera, row, day), row["quantity"] + row["t1_quantity"]
            total = f"The holding: quantity and average {whole} {row['average_price']}"
            assert total in page.text
            looked += 1
        for row in desk.services.positions(ACCOUNT, as_of=day):
            page = lots_of(vera, row, day)
            if row["product"] == "MIS" or row["quantity"] > 0:
                average = f"{row['quantity']} {row['average_price']}"
                assert f"The position: quantity and average {average}" in page.text
                looked += 1
    assert looked >= 5, "a position of each day, a holding of two days"


def test_closed_lots_sum_up_to_the_days_profit(pages: Pages, desk: Desk) -> None:
    first, today, vera = traded(desk), desk.clock.now().date(), pages.browser("vera")
    rows = desk.services.positions(ACCOUNT)
    assert {row["product"] for row in rows} == {"CNC", "MIS"}
    assert all(row["realised_pnl"] != "0" for row in rows)
    for row in rows:
        page = lots_of(vera, row, today)
        assert f"Realised on the day {row['realised_pnl']}" in page.text
        _, _, closed = page.text.partition("Closed on ")
        pairs = closed.count("NSE:INFY")
        assert pairs == (2 if row["product"] == "CNC" else 1), "the day's own buy, an older lot"
        before = vera.get(page.path.replace(str(today), str(first)))
        assert "Closed on " + str(first) + " None." in before.text


def test_what_was_never_traded_has_no_lots(pages: Pages) -> None:
    vera = pages.browser("vera")
    page = vera.get(f"{PATH}/lots?exchange=NSE&symbol=NEVER&product=CNC")
    assert page.status == 200
    assert page.text.count("None.") == 2
    assert "Realised" not in page.text


def test_a_sync_leads_to_its_run_in_dagster(pages: Pages, desk: Desk) -> None:
    desk.sync(ACCOUNT)  # as by command
    desk.by_hand("BUY", 3)
    desk.services.sync([ACCOUNT], run_id="3d6c1c5e-run")
    page = pages.browser("vera").get(PATH)
    [run] = [link for link in page.links if "/runs/" in link]
    assert run.endswith("/runs/3d6c1c5e-run")
    assert "none in Dagster , of" in page.text, "the newer one"
    assert "none none of its own" in page.text, "no link where there was no run"
