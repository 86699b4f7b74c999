"""The log: lines that programs read, and no secret in any of them."""

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr

from tradesync_dagster.bootstrap.logs import configure_logs, log_order, log_tick
from tradesync_dagster.domain.orders import Order, OrderStatus, Origin
from tradesync_dagster.domain.results import FAILED, SUCCESS, AccountResult, TickSummary
from tradesync_dagster.settings import Settings
from tradesync_dagster_tests.support.orders import sample_order

OURS = logging.getLogger("tradesync_dagster")
HELD = {
    "database_url": SecretStr("postgresql://desk:p%40ssw0rd@db/books"),
    "notify_urls": SecretStr("tgram://123456:TOKENTOKEN/99, slack://aaaa/bbbb"),
    "rabbitmq_url": SecretStr("amqp://desk:rabbit-secret@mq/"),
}


@pytest.fixture
def written() -> Iterator[Any]:
    """Configure, write, and give back what stands in the log."""
    kept = OURS.handlers[:], OURS.level
    OURS.handlers[:] = []
    text = io.StringIO()

    def write(form: str, *calls: Any, run: str = "") -> list[str]:
        settings = Settings(log_format=form, _env_file=None, **HELD)  # type: ignore[arg-type]
        configure_logs(settings)
        configure_logs(settings, run=run)
        (handler,) = OURS.handlers
        assert isinstance(handler, logging.StreamHandler)
        handler.setStream(text)
        for call in calls:
            call()
        return text.getvalue().splitlines()

    yield write
    OURS.handlers[:], OURS.level = kept


def test_a_tick_is_a_line_and_so_is_each_error_with_its_account(written: Any) -> None:
    summary = TickSummary(
        "tick-1", datetime(2026, 11, 19, tzinfo=UTC), 1.5,
        (AccountResult("DESK/A", 1, SUCCESS), AccountResult("DESK/B", 2, FAILED, ("no\nanswer",))),
        ("RabbitMQ is down",), shard="2/3",
    )  # fmt: skip
    lines = [json.loads(line) for line in written("json", lambda: log_tick(summary))]
    assert [(one["level"], one["message"], one.get("account")) for one in lines] == [
        ("warning", "DESK/B: no\nanswer", "DESK/B"),
        ("warning", "RabbitMQ is down", None),
        ("info", "tick of 2 accounts: partial_success", None),
    ]
    assert {(one["tick"], one["shard"]) for one in lines} == {("tick-1", "2/3")}
    assert (lines[-1]["status"], lines[-1]["seconds"]) == ("partial_success", "1.50")
    assert datetime.fromisoformat(lines[0]["at"]).tzinfo is not None


def test_every_line_of_a_run_names_it_and_an_orders_line_the_order(written: Any) -> None:
    order = Order(
        uuid4(), 1, sample_order(datetime(2026, 11, 19, tzinfo=UTC)), Origin.INTERNAL,
        OrderStatus.REJECTED, datetime(2026, 11, 19, tzinfo=UTC),
        datetime(2026, 11, 19, tzinfo=UTC), strategy_id="",
    )  # fmt: skip

    def say() -> None:
        OURS.warning("redis is slow")

    lines = written("json", lambda: log_order("DESK/A", order), say, run="5a3c5c0e")
    told, other = (json.loads(line) for line in lines)
    assert (told["account"], told["order"], told["status"], told["run"]) == (
        "DESK/A", str(order.order_id), "rejected", "5a3c5c0e",
    )  # fmt: skip
    assert other["run"] == "5a3c5c0e"
    assert "run" not in json.loads(written("json", say)[-1])


@pytest.mark.parametrize("form", ["text", "json"])
def test_secrets_are_struck_out_of_sentences_and_tracebacks(written: Any, form: str) -> None:
    def refuse() -> None:
        raise ConnectionError("amqp://desk:rabbit-secret@mq/ refused")

    def fail() -> None:
        try:
            refuse()
        except ConnectionError:
            OURS.exception("no way to %s", HELD["database_url"].get_secret_value())

    def say() -> None:
        OURS.warning("tgram://123456:TOKENTOKEN/99 and p@ssw0rd and https://a:b@host/x")
        OURS.warning("Authorization: Bearer abcdefgh.12345 was refused")

    text = "\n".join(written(form, fail, say))
    for secret in ("rabbit-secret", "p%40ssw0rd", "p@ssw0rd", "TOKENTOKEN", "a:b@", "abcdefgh"):
        assert secret not in text
    assert "ConnectionError" in text
    assert "was refused" in text
    if form == "json":
        assert len([json.loads(line) for line in text.splitlines()]) == 3
