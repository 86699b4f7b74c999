"""The profit on an account's page: the whole account and each strategy, as of the chosen day."""

from datetime import timedelta
from uuid import UUID

from tradesync_dagster.sync.assigning import Assignment
from tradesync_dagster_tests.support.desk import Desk
from tradesync_dagster_tests.support.pages import Pages

PATH = "/desk/accounts/desk/SIM001"


def test_it_has_the_figures_of_the_books_and_a_line(pages: Pages, desk: Desk) -> None:
    vera = pages.browser("vera")
    assert "Nothing was traded." in vera.get(PATH).text
    for quantity in (10, 4):
        desk.by_hand("BUY", quantity)
        desk.sync("desk/SIM001")
        desk.clock.move(timedelta(seconds=90))
        desk.sync("desk/SIM001")
    rows = desk.services.unassigned_orders("desk/SIM001")
    first = Assignment([UUID(rows[0]["order_id"])], "momentum", "omar", "mine")
    desk.services.assign("desk/SIM001", first)
    desk.step(20)
    desk.sync("desk/SIM001", force=True)
    page = vera.get(PATH)
    books = desk.services.metrics("desk/SIM001", 30)
    assert {book["strategy_id"] for book in books} >= {None, "momentum"}
    for book in books:
        names = ("total_pnl", "realised_pnl", "unrealised_pnl")
        name = book["strategy_id"] or "the whole account"
        assert " ".join((name, *(str(book[one]) for one in names))) in page.text
    assert "/desk/strategies/desk/momentum" in page.links
    assert [tag for tag, _ in page.tags if tag == "polyline"]
    before = vera.get(f"{PATH}?day={desk.clock.now().date() - timedelta(days=1)}")
    assert "momentum" not in before.text
