"""Switching an account to paper and back by the pages: who may, what it asks, what is refused."""

from dataclasses import replace
from uuid import uuid4

from tradesync_dagster.domain.orders import Order, OrderStatus, Origin
from tradesync_dagster_tests.support.desk import Desk
from tradesync_dagster_tests.support.orders import sample_order
from tradesync_dagster_tests.support.pages import Pages
from tradesync_dagster_tests.support.tasks import open_twin

ACCOUNT = "/desk/accounts/desk/SIM001"
ON_PAPER = "New orders go to its paper account, desk/SIM001-paper"


def test_an_admin_switches_it_after_a_second_look_and_it_is_logged(
    pages: Pages, desk: Desk
) -> None:
    twin = open_twin(desk)
    asha, vera = pages.browser("asha"), pages.browser("vera")
    assert "New orders go" not in vera.get(ACCOUNT).text
    page = asha.get(next(x for x in asha.get(ACCOUNT).links if x.endswith("/trade")))
    assert "go to its broker, ZERODHA" in page.text
    assert "Trade for real" not in page.text
    page = asha.send(page, page.form("/trade"), "Trade on paper")
    assert (page.path, ON_PAPER in page.text) == (ACCOUNT, True), page.text
    assert ON_PAPER in vera.get(ACCOUNT).text
    assert not [link for link in vera.get(ACCOUNT).links if link.endswith("/trade")]
    now = desk.clock.now()
    row = replace(sample_order(now), trade_date=now.date(), symbol="TCS")
    order = Order(uuid4(), twin.account_id, row, Origin.INTERNAL, OrderStatus.OPEN, now, now,
                  client_order_id="ts1", strategy_id="")  # fmt: skip
    with desk.services.store.begin([twin.account_id]) as work:
        work.put_orders([order], [])
    page = asha.get(f"{ACCOUNT}/trade")
    refused = asha.send(page, page.form("/trade"), "Trade for real")
    assert refused.status == 409
    assert "1 open order of ours (TCS); cancel first, see: tradesync orders list" in refused.text
    with desk.services.store.begin([twin.account_id]) as work:
        work.put_orders([replace(order, status=OrderStatus.CANCELLED)], [])
    page = asha.send(page, page.form("/trade"), "Trade for real")
    assert "New orders go to its broker" in page.text
    log = asha.get("/desk/audit").text
    for action, outcome in (("paper", "done"), ("live", "refused"), ("live", "done")):
        assert f"asha trade through {action} desk/SIM001 desk" in log, outcome
    assert "refused: desk/SIM001-paper stays as it is" in log
    twins_own = asha.get("/desk/accounts/desk/SIM001-paper/trade")
    assert "It is a paper account: it trades nowhere else." in twins_own.text
    assert not [form for form in twins_own.forms if form.action.endswith("/trade")]
