"""Funds by segment, from Zerodha, paper and Upstox: what is read, what is refused."""

import json
from typing import Any

import pytest

from tradesync_dagster.domain.answers import Fetch, Margin, Outcome
from tradesync_dagster_tests.support.scripted import Stage, data, say

SECRETS = {"api_key": "k3y-0f-th3-app", "access_token": "t0k3n-0f-th3-d4y"}
STAGES = {name: Stage(name, SECRETS) for name in ("PAPER", "UPSTOX", "ZERODHA")}
PATHS = {
    "PAPER": "/paper/user/margins",
    "UPSTOX": "/v2/user/get-funds-and-margin",
    "ZERODHA": "/user/margins",
}
by_broker = pytest.mark.parametrize("broker", sorted(STAGES))


def told(broker: str, available: Any, used: Any) -> dict[str, Any]:
    """One segment as the broker writes it."""
    if broker == "UPSTOX":
        return {"available_margin": available, "used_margin": used, "span_margin": 0}
    return {
        "enabled": True, "net": available, "available": {"cash": 1, "live_balance": 7},
        "utilised": {"debits": used, "span": 3},
    }  # fmt: skip


def margins(broker: str, document: Any) -> Fetch[Margin]:
    step = data(document) if not isinstance(document, bytes) else say(document)
    fetch, script, _ = STAGES[broker].play(lambda client: client.margins(), step)
    (asked,) = script.asked
    assert (asked.method, asked.path, asked.query) == ("GET", PATHS[broker], {})
    assert fetch.kind == "margins"
    return fetch  # type: ignore[no-any-return]


@by_broker
def test_each_segment_is_a_row(broker: str) -> None:
    fetch = margins(
        broker,
        {"equity": told(broker, 15507.46, 0.8), "commodity": told(broker, -250, "1000.25")},
    )
    assert (fetch.outcome, fetch.error, fetch.rejects) == (Outcome.COMPLETE, "", ())
    assert fetch.rows == (
        Margin("equity", 15_507_460_000, 800_000),
        Margin("commodity", -250_000_000, 1_000_250_000),
    )
    assert fetch.payload
    assert fetch.payload_hash


@by_broker
def test_what_a_broker_computed_in_floats_is_rounded_and_not_refused(broker: str) -> None:
    number = "99725.05000000002"
    document = json.dumps({"equity": told(broker, 1, 2)}).replace(": 1,", f": {number},", 1)
    body = f'{{"status": "success", "data": {document}}}'.encode()
    if broker != "UPSTOX":
        body = body.replace(b'"net": 1', f'"net": {number}'.encode())
    assert number.encode() in body
    assert margins(broker, body).rows[0].available == 99_725_050_000


@by_broker
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"net": None, "available_margin": None}, "missing or null"),
        ({"net": "much", "available_margin": "much"}, "not a number"),
        ({"net": True, "available_margin": True}, "bool"),
        ({"utilised": None, "used_margin": None}, "used_margin|utilised"),
        ({"utilised": {}, "used_margin": ""}, "debits: missing|not a number"),
        ({"net": 10**13, "available_margin": 10**13}, "64 bits"),
    ],
)
def test_a_segment_that_cannot_be_read_is_quarantined(
    broker: str, change: dict[str, Any], words: str
) -> None:
    row = {"equity": told(broker, 1, 2) | change, "commodity": told(broker, 3, 4)}
    fetch = margins(broker, row)
    assert fetch.outcome is Outcome.COMPLETE
    assert fetch.rows == (Margin("commodity", 3_000_000, 4_000_000),)
    (bad,) = fetch.rejects
    assert bad.row_id == "equity"
    assert any(word in bad.reason for word in words.split("|"))


@by_broker
@pytest.mark.parametrize("document", [None, [], {}, "none", {"equity": 5}, {"equity": []}, [{}]])
def test_what_is_no_object_of_segments_is_never_no_funds(broker: str, document: Any) -> None:
    fetch = margins(broker, document)
    assert (fetch.outcome, fetch.error_kind, fetch.rows) == (
        Outcome.FAILED, "UnreadableAnswerError", (),
    )  # fmt: skip


@by_broker
def test_none_that_can_be_read_is_no_answer(broker: str) -> None:
    fetch = margins(broker, {"equity": {}})
    assert (fetch.outcome, fetch.rows) == (Outcome.PARTIAL, ())
    assert "none of 1 rows could be read" in fetch.error
