"""``tradesync orders``: what it shows, and one sentence for whatever is typed wrong."""

import json

import pytest

from tradesync_dagster_tests.support.commands import refused, tradesync

NOBODY = "0e4c1e3b-12e7-5b53-a821-7ef89650e7c1"
PLACE = ("orders", "place", "acme/a", "BUY", "10", "NSE:INFY", "--who", "asha")


pytestmark = pytest.mark.usefixtures("account")


@pytest.mark.parametrize(
    "arguments", [(), ("acme/a",), ("--days", "3"), ("acme/a", "--days", "3"), ("list", "acme/a")]
)
def test_the_listing_needs_no_name(arguments: tuple[str, ...]) -> None:
    found = tradesync("orders", *arguments)
    assert (found.exit_code, found.stdout) == (0, "Orders: none\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("orders", "plce"), "no command 'plce'"),
        (("orders", "acme/b"), "no account 'acme/b'"),
        (("orders", "show", "acme/a", "17"), "'17' is no order's id"),
        (("orders", "show", "acme/a", NOBODY), "acme/a has no order"),
        (("orders", "cancel", "acme/a", NOBODY, "--who", "a", "--why", "b"), "acme/a has no order"),
        (("orders", "retry", "acme/a", NOBODY, "--who", "a"), "acme/a has no order"),
        (("orders", "modify", "acme/a", NOBODY, "--who", "a"), "acme/a has no order"),
        ((*PLACE[:3], "HOLD", *PLACE[4:]), "the side is BUY or SELL, not 'HOLD'"),
        ((*PLACE[:4], "1.5", *PLACE[5:]), "quantity: '1.5'"),
        ((*PLACE[:4], "0", *PLACE[5:]), "quantity is 0"),
        ((*PLACE[:5], "INFY", *PLACE[6:]), "'INFY' is no EXCHANGE:SYMBOL"),
        ((*PLACE, "--product", "XYZ"), "the product is CNC or MIS"),
        ((*PLACE, "--price", "cheap"), "price: 'cheap' is not a number"),
        ((*PLACE, "--price", "-5"), "prices above 0"),
        ((*PLACE, "--validity", "GTC"), "the validity is DAY or IOC"),
        ((*PLACE[:6], "--who", "a\nb"), "--who is one line"),
        (PLACE, "TRADESYNC_LIVE_ORDERS_ENABLED=true"),
        (("orders", "limits", "acme/b"), "no account 'acme/b'"),
        (("orders", "limits", "acme/a", "--order-value", "5"), "--who is one line"),
        (
            ("orders", "limits", "acme/a", "--order-value", "-5", "--who", "a"),
            "order-value is a li",
        ),
        (("orders", "limits", "acme/a", "--open-orders", "x", "--who", "a"), "open_orders: 'x'"),
        (("orders", "halt", "acm", "--who", "a", "--why", "b"), "'acm' is no organization"),
        (("orders", "resume", "acm", "--who", "a", "--why", "b"), "'acm' is no organization"),
        (("orders", "halt", "--who", "a", "--why", " "), "--why is one line"),
        (("accounts", "live", "acme/b", "--on"), "no account 'acme/b'"),
    ],
)
def test_what_is_typed_wrong_gets_one_sentence(arguments: tuple[str, ...], words: str) -> None:
    assert words in refused(*arguments)


def test_halts_are_listed_until_they_are_resumed() -> None:
    why = ("--who", "asha", "--why", "a wild strategy")
    assert tradesync("orders", "halt", "acme", *why).stdout == "acme is halted.\n"
    assert "already" in tradesync("orders", "halt", "acme", *why).stdout
    (halt,) = json.loads(tradesync("orders", "halts", "--json").stdout)
    assert (halt["scope"], halt["who"], halt["why"]) == ("acme", "asha", "a wild strategy")
    assert tradesync("orders", "resume", *why).stdout == "everything was not halted by itself.\n"
    assert tradesync("orders", "resume", "acme", *why).stdout == "acme goes on.\n"
    assert tradesync("orders", "halts").stdout == "Halts: none\n"


def test_limits_are_shown_and_changed_one_by_one() -> None:
    command = ("orders", "limits", "acme/a", "--json")
    (before,) = json.loads(tradesync(*command).stdout)
    assert before == {
        "account": "acme/a",
        "order_value": "500000.00",
        "day_value": "2500000.00",
        "open_orders": 50,
        "position_value": "1000000.00",
    }
    changed = tradesync(*command, "--order-value", "1000.5", "--open-orders", "2", "--who", "asha")
    (after,) = json.loads(changed.stdout)
    assert after == before | {"order_value": "1000.50", "open_orders": 2}
    assert json.loads(tradesync(*command).stdout) == [after]


def test_an_account_is_live_only_once_somebody_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tradesync("accounts", "live", "acme/a").stdout == "acme/a is not live.\n"
    monkeypatch.setenv("TRADESYNC_LIVE_ORDERS_ENABLED", "true")
    assert "not marked live" in refused(*PLACE)
    assert tradesync("accounts", "live", "acme/a", "--on").stdout == "acme/a is live.\n"
    assert "no price of NSE:INFY is known" in refused(*PLACE)
    assert tradesync("accounts", "live", "acme/a", "--off").stdout == "acme/a is not live.\n"


def test_a_broker_that_cannot_be_reached_leaves_a_failed_order_with_its_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRADESYNC_LIVE_ORDERS_ENABLED", "true")
    monkeypatch.setenv("BROKER_API_RETRY_ATTEMPTS", "0")
    tradesync("accounts", "live", "acme/a", "--on")
    found = tradesync(*PLACE, "--price", "1500", "--no-verify")
    assert found.exit_code == 1
    assert "is failed." in found.stdout
    (row,) = json.loads(tradesync("orders", "--json").stdout)
    assert (row["status"], row["origin"], row["broker_order_id"]) == ("failed", "internal", "")
    assert row["failure_reason"] in found.stderr
    shown = json.loads(tradesync("orders", "show", "acme/a", row["order_id"], "--json").stdout)
    assert [event["kind"] for event in shown["events"]] == ["intended", "failed"]
    assert tradesync("orders", "show", "acme/a", row["order_id"]).exit_code == 0


def test_the_states_are_printed_as_the_docs_have_them() -> None:
    assert tradesync("orders", "states").stdout.startswith("```mermaid\nstateDiagram-v2\n")
