"""The retry queue in Chromium, by the keyboard alone, light, dark and narrow."""

from pathlib import Path

import pytest

from tradesync_dagster_tests.support.chromium import open_tab
from tradesync_dagster_tests.support.pages import PASSWORD, running_pages
from tradesync_dagster_tests.support.trading import open_trading_desk

pytestmark = pytest.mark.browser


def test_a_failed_order_is_sent_again_without_a_mouse(tmp_path: Path) -> None:
    with open_trading_desk(f"sqlite:///{tmp_path}/books.sqlite3", tmp_path) as trading:
        for quantity in (3, 4):
            trading.desk.fault("status", status=429, method="POST", times=1)
            trading.place(quantity, verify=False)
        trading.place(price=trading.price(200))
        with running_pages(trading.desk.services) as pages, open_tab(tmp_path) as tab:
            tab.open(f"{pages.url}/desk/retries")
            tab.type("omar")
            tab.key("Tab")
            tab.type(PASSWORD)
            tab.follow(lambda: tab.key("Enter"))
            drawn = set()
            for name, dark, width in (
                ("light", False, 1400), ("dark", True, 1400), ("narrow", False, 360),
            ):  # fmt: skip
                tab.look(dark=dark, width=width)
                tab.open(f"{pages.url}/desk/retries")
                tab.fits(width)
                drawn.add(tab.draw(tmp_path / f"{name}.png"))
                tab.run("document.querySelector('tbody a').focus()")
                tab.follow(lambda: tab.key("Enter"))
                tab.fits(width)
                drawn.add(tab.draw(tmp_path / f"one-{name}.png"))
            assert len(drawn) == 6
            tab.run("document.querySelector('button[value=retry]').focus()")
            tab.follow(lambda: tab.key("Enter"))
            assert "/desk/orders/" in tab.run("location.pathname")
            assert "pending execution" in tab.text().lower()
            tab.follow(lambda: tab.press("Failed orders"))
            tab.run("document.querySelector('tbody a').focus()")
            tab.follow(lambda: tab.key("Enter"))
            tab.run("document.querySelector('input[name=why]').focus()")
            tab.type("the idea is gone")
            tab.follow(lambda: tab.key("Enter"))
            assert "cancelled" in tab.text().lower()
            assert tab.complaints == []
        sent = [order for order in trading.ours() if order["status"] == "COMPLETE"]
        assert [order["quantity"] for order in sent] == [3]
