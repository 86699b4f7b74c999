"""No credential comes out: not in a message, a repr, a traceback, a reject or a kept payload."""

import asyncio
import json
import random
import string
import traceback
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradesync_dagster.brokers.calls import Call, TransportPolicy
from tradesync_dagster.brokers.scrubbing import scrubbed
from tradesync_dagster.brokers.transport import Transport
from tradesync_dagster.domain import errors
from tradesync_dagster.domain.answers import Fetch
from tradesync_dagster_tests.support.broker_desk import BROKERS, READS, REQUEST
from tradesync_dagster_tests.support.canned import JSON, client
from tradesync_dagster_tests.support.clocks import MovingClock
from tradesync_dagster_tests.support.wire import Step, hang, reset, say, serving

secret = st.text(string.ascii_letters + string.digits + "-_.~+/=%", min_size=8, max_size=40)
secret = secret.map("Zq7{}".format)  # no word of the source or of an answer is one by chance
status = st.sampled_from([200, 400, 401, 403, 429, 500, 503])
place = st.sampled_from(["message", "type", "row", "id", "page", "cut", "url", "header", "list"])

KEYED = {"PAPER", "ZERODHA"}
"""Brokers that are called with a key beside the token."""


def body(where: str, told: str) -> bytes:
    """An answer that repeats what it was asked with."""
    if where == "page":
        return f"<html>{told}</html>".encode()
    if where == "url":
        return f'<a href="/login?then={quote(told, safe="")}">'.encode()
    if where == "cut":
        return b'{"status": "success", "data": [{"order_id": "' + told.encode()
    if where in ("row", "id", "list"):
        row = {"order_id": told if where == "id" else "1", "quantity": told, "status": [told]}
        data: Any = [row] if where != "list" else {"net": [told], "order_ids": [told, told]}
        return json.dumps({"status": "success", "data": data}).replace("/", "\\/").encode()
    message, kind = (f"not {told}!", "X") if where == "message" else ("no", told)
    return json.dumps(
        {
            "status": "error", "message": message, "error_type": kind, "data": None,
            "errors": [{"errorCode": kind, "message": message}],
        }
    ).encode()  # fmt: skip


def leaks(text: str, secrets: tuple[str, ...]) -> bool:
    return any(form in text for word in secrets for form in (word, quote(word, safe="")))


async def everything_told(adapter: Any) -> list[str]:
    told = []
    calls = [getattr(adapter, name)() for name in ("profile", *READS)]
    calls += [
        adapter.place(REQUEST),
        adapter.modify("1", {"quantity": "9"}, "regular"),
        adapter.cancel("1", "regular"),
    ]
    for call in calls:
        try:
            outcome = await call
        except errors.BrokerError as error:
            told += [str(error), repr(error), *traceback.format_exception(error)]
        else:
            told.append(repr(outcome))
            if isinstance(outcome, Fetch):
                told += [outcome.error, repr(outcome.rejects), outcome.payload.decode()]
    return told


@pytest.mark.parametrize("broker", sorted(BROKERS))
@given(key=secret, token=secret, where=place, code=status)
def test_adapters_repeat_no_credential(
    broker: str, key: str, token: str, where: str, code: int
) -> None:
    told = f"{key}:{token}" if broker in KEYED else token

    def give(_: Call) -> tuple[int, bytes, dict[str, str]]:
        headers = {"Content-Type": told} if where == "header" else JSON
        return code, body("page" if where == "header" else where, told), headers

    adapter = client(broker, give, {"api_key": key, "access_token": token, "sid": token})
    secrets = (key, token) if broker in KEYED else (token,)
    for text in asyncio.run(everything_told(adapter)):
        assert not leaks(text, secrets)


@given(secret, st.binary(max_size=50), st.binary(max_size=50))
def test_only_the_credential_is_struck_out(token: str, before: bytes, after: bytes) -> None:
    found = scrubbed(before + token.encode() + after, {"Authorization": f"Bearer {token}"})
    assert token.encode() not in found
    if b"Zq7" not in before + after:  # with which all of these credentials begin
        assert found == before + b"***" + after


def test_what_has_no_credential_is_the_very_same_body() -> None:
    plain = b"token Bearer long-enough-word"
    assert (
        scrubbed(plain, {"Authorization": "token abc:defgh", "X-Other": "long-enough-word"})
        is plain
    )


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "step",
    [hang, reset, say(429), say(503), say(text="x" * 99), None],
    ids=["hang", "reset", "429", "503", "text", "none"],
)
def test_transport_errors_name_no_query_header_or_form(method: str, step: Step | None) -> None:
    token = "s3cr3t-t0k3n"

    async def main() -> list[str]:
        policy = TransportPolicy(timeout_seconds=0.2, retry_attempts=1, max_body_bytes=50)
        transport = Transport(MovingClock(), policy, random.Random(1))
        told = []
        async with serving(step or say()) as server:
            url = server.url if step else "http://127.0.0.1:9"
            call = Call(
                method, f"{url}/orders/9?apikey={token}", "SOME", "orders", "O/A", method == "GET",
                {"Authorization": token}, {"jData": token},
            )  # fmt: skip
            for _ in range(7):  # until the breaker opens
                with pytest.raises(errors.BrokerError) as caught:
                    await transport.request(call)
                told += [repr(call), repr(caught.value), *traceback.format_exception(caught.value)]
            await transport.close()
        return [*told, repr(transport.timings())]

    assert not any(token in text for text in asyncio.run(main()))


def test_transport_strikes_credentials_out_of_what_it_hands_on() -> None:
    async def main() -> bytes:
        async with serving(say(text='{"echo": "key-1234 and t0k3n-5678"}')) as server:
            transport = Transport(MovingClock())
            headers = {"authorization": "token key-1234:t0k3n-5678"}
            call = Call(
                "GET", server.url, "SOME", "orders", "O/A", idempotent=True, headers=headers
            )
            answer = await transport.request(call)
            await transport.close()
            return answer.body

    assert asyncio.run(main()) == b'{"echo": "*** and ***"}'
