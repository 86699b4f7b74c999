"""Failed orders on the pages: what is told of them, sending them again, dropping them."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tradesync_dagster.domain.orders import Order, OrderStatus
from tradesync_dagster_tests.support.pages import Form, Page, Pages, running_pages
from tradesync_dagster_tests.support.trading import KEY, TradingDesk, open_trading_desk


@pytest.fixture
def trading(database_url: str, tmp_path: Path) -> Iterator[TradingDesk]:
    with open_trading_desk(database_url, tmp_path) as opened:
        yield opened


@pytest.fixture
def pages(trading: TradingDesk) -> Iterator[Pages]:
    with running_pages(trading.desk.services) as opened:
        yield opened


def failed(trading: TradingDesk, quantity: int) -> Order:
    trading.desk.fault("status", status=429, method="POST", times=1)
    return trading.place(quantity, verify=False).order


def form(page: Page, press: str) -> Form:
    (found,) = [one for one in page.forms if any(b[2].startswith(press) for b in one.buttons)]
    return found


def test_failed_orders_are_told_sent_again_and_dropped(trading: TradingDesk, pages: Pages) -> None:
    first, second = failed(trading, 3), failed(trading, 4)
    trading.desk.services.retries().tend()
    omar = pages.browser("omar")
    page = omar.get("/desk/retries")
    assert "2 orders, the oldest failure first" in page.text
    for said in ("BUY 3 NSE:INFY", "retry pending", first.failure_reason, "15:30:00", "09:31:"):
        assert said in page.text, said
    one = omar.get(f"/desk/retries/{first.order_id}")
    done = omar.send(one, form(one, "Send"), "Send")
    assert (done.status, done.path) == (200, f"/desk/orders/{first.order_id}")
    assert "pending execution" in done.text
    assert len(trading.ours()) == 1
    late = omar.send(one, form(one, "Send"), "Send")
    assert late.status == 409
    assert len(trading.ours()) == 1
    other = omar.get(f"/desk/retries/{second.order_id}")
    gone = omar.send(other, form(other, "Drop"), "Drop", why="the idea is gone <b>")
    assert "cancelled" in gone.text
    assert "the idea is gone <b>" in gone.text
    assert "No failed order waits." in omar.get("/desk/retries").text
    assert "Not in the queue" in omar.get(f"/desk/retries/{second.order_id}").text
    log = pages.browser("asha").get("/desk/audit").text
    for said in ("omar retry order", "omar drop order", "the idea is gone", "refused: "):
        assert said in log


def test_who_saw_it_before_another_attempt_is_refused(trading: TradingDesk, pages: Pages) -> None:
    order = failed(trading, 3)
    omar = pages.browser("omar")
    one = omar.get(f"/desk/retries/{order.order_id}")
    trading.desk.fault("status", status=429, method="POST", times=1)
    again = trading.trading.retry(KEY, order.order_id, who="asha", verify=False).order
    assert again.status is OrderStatus.FAILED
    late = omar.send(one, form(one, "Send"), "Send")
    assert late.status == 409
    assert "tried again meanwhile" in late.text
    assert trading.ours() == []


def test_money_that_is_missing_and_what_holds_an_order_are_told(
    trading: TradingDesk, pages: Pages
) -> None:
    trading.trading.set_limits(
        KEY, dict.fromkeys(("order_value", "day_value", "position_value"), 10**17), "asha"
    )
    trading.place(40_000, price=trading.price())
    retries = trading.desk.services.retries()
    retries.tend()
    trading.desk.clock.move(timedelta(minutes=2))
    retries.tend()
    (row,) = retries.listed("desk")
    vera = pages.browser("vera")
    for path in ("/desk/retries", f"/desk/retries/{row['order_id']}"):
        page = vera.get(path)
        assert row["shortfall"] in page.text
        assert "are available" in page.text
        assert not [f for f in page.forms if "retries" in f.action and f.method == "POST"]
