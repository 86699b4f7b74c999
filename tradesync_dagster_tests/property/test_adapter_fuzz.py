"""Broken answers, by the thousand: nothing but fetches and typed errors comes out of an adapter.

The answers are the simulated exchange's own, recorded once for each broker and then damaged: as
JSON, as bytes, in status and headers. ``make fuzz`` runs 100,000 for each broker; the environment's
TRADESYNC_FUZZ_CASES says how many. A case that fails names itself, and runs alone by its number.
"""

import asyncio
import json
import os
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import cache
from random import Random
from typing import Any

import pytest

from tradesync_dagster.brokers.calls import Answer, Call
from tradesync_dagster.domain import errors
from tradesync_dagster.domain.answers import Fetch, Outcome
from tradesync_dagster.domain.money import INT64_MAX
from tradesync_dagster_tests.support.broker_desk import BROKERS, READS, REQUEST, Desk, play
from tradesync_dagster_tests.support.canned import JSON, client

CASES = int(os.environ.get("TRADESYNC_FUZZ_CASES", "2000"))  # noqa: TID251 - set by make fuzz
SECRETS = {
    "api_key": "k3y-0f-th3-app", "access_token": "t0k3n-0f-th3-d4y", "sid": "s3ss10n-0f-th3-d4y",
}  # fmt: skip
CALLS = ("profile", *READS, "place", "modify", "cancel")
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**40, 0.1, -0.0, 1e300, 1.0000001,
    "", " ", "x", "0", "-1", "1e999", "NaN", "null", "\0", "\ud800", "\u202e", "9" * 70, "é" * 5000,
    "2025-02-30 10:00:00", "9999-12-31 23:59:59", "0001-01-01 00:00:00", "10:00:00",
    "31-Dec-9999 23:59:59", "2025-11-19T10:00:00+05:30", SECRETS["access_token"], [], {}, [[]],
    [None], {"data": []}, [{}] * 3,
)  # fmt: skip
STATUSES = (200, 204, 299, 302, 400, 401, 403, 404, 409, 418, 429, 500, 502, 503, 599)
Place = tuple[Any, Any]


@cache
def recorded(broker: str) -> Mapping[tuple[str, str], tuple[int, bytes]]:
    """Answers of the exchange by method and endpoint."""
    answers: dict[tuple[str, str], tuple[int, bytes]] = {}

    async def act(desk: Desk) -> None:
        request = desk.transport.request

        async def keep(call: Call) -> Answer:
            answer = await request(call)
            answers[call.method, call.endpoint] = (answer.status, answer.body)
            return answer

        desk.transport.request = keep  # type: ignore[method-assign]
        for name in CALLS:
            await (desk.write(name) if name in ("place", "modify", "cancel") else ask(desk, name))

    play(broker, act)
    return answers


async def ask(desk: Desk, name: str) -> None:
    await (desk.client.profile() if name == "profile" else desk.read(name))


def places(document: Any) -> list[Place]:
    """Every (container, key) of a document."""
    if isinstance(document, dict):
        pairs: list[Place] = [(document, key) for key in document]
    elif isinstance(document, list):
        pairs = [(document, index) for index in range(len(document))]
    else:
        return []
    return pairs + [place for container, key in pairs for place in places(container[key])]


def damage_json(rng: Random, body: bytes) -> bytes:
    """Change a few places of a document."""
    document = [json.loads(body)]
    for _ in range(rng.choice((1, 1, 1, 2, 5, 20))):
        container, key = rng.choice(places(document) or [(document, 0)])
        match rng.randrange(7):
            case 0 | 1 | 2:
                container[key] = deepcopy(rng.choice(ODD))  # or the next damage would change ODD
            case 3:
                del container[key]
            case 4:
                container[key] = str(container[key])[:200]
            case 5:
                other, where = rng.choice(places(document) or [(document, 0)])
                container[key] = json.loads(json.dumps(other[where]))
            case _:
                container[key] = [container[key]] * rng.choice((0, 1, 2))
        if not document:
            return b""
    return json.dumps(document[0], ensure_ascii=rng.random() < 0.9).encode(errors="surrogatepass")


def damage_bytes(rng: Random, body: bytes) -> bytes:
    """Break the text itself."""
    at = rng.randrange(len(body) + 1)
    ways: tuple[Callable[[], bytes], ...] = (
        lambda: body[:at],
        lambda: body[at:],
        lambda: body[:at] + rng.randbytes(rng.randrange(1, 9)) + body[at:],
        lambda: body[:at] + b"\xef\xbb\xbf" + body[at:],
        lambda: b"\xef\xbb\xbf" + body,
        lambda: body.decode().encode("utf-16"),
        lambda: body + body,
        lambda: b"[" * rng.choice((10, 100_000)),
        lambda: b'{"data":' * 50_000,
        lambda: body.replace(b"0", b"9" * 30),
        lambda: body.replace(b":", b":-", rng.randrange(1, 9)),
        lambda: body.replace(b'"', b"'"),
        lambda: b"<html>" + SECRETS["access_token"].encode() + b"</html>",
        lambda: b"",
        lambda: body.replace(b"null", b"NaN"),
    )
    return rng.choice(ways)()


def check(outcome: object, name: str) -> None:
    """Hold what came out of an adapter against what its port promises."""
    if isinstance(outcome, errors.BrokerError):
        assert not isinstance(outcome, errors.BreakerOpenError)
    elif name in READS:
        assert isinstance(outcome, Fetch)
        check_fetch(outcome)
    else:
        assert isinstance(outcome, str | dict)
        assert outcome
    if isinstance(outcome, Fetch | errors.BrokerError):
        told = outcome.error if isinstance(outcome, Fetch) else str(outcome)
        assert not any(secret in told for secret in SECRETS.values())


def check_fetch(fetch: Fetch[Any]) -> None:
    assert bool(fetch.error) is (fetch.outcome is not Outcome.COMPLETE)
    if fetch.outcome is Outcome.FAILED:
        assert issubclass(getattr(errors, fetch.error_kind), errors.BrokerError)
        assert (fetch.rows, fetch.rejects) == ((), ())
    for row in fetch.rows:
        values = [getattr(row, name) for name in row.__dataclass_fields__]
        assert not any(isinstance(value, float | dict | list) for value in values)
        assert all(abs(value) <= INT64_MAX for value in values if isinstance(value, int))
        for value in values:
            if isinstance(value, str):
                value.encode()
                assert "\0" not in value
    for reject in fetch.rejects:
        assert reject.reason
        assert len(reject.raw) <= 4096


async def run(broker: str, number: int) -> object:
    rng = Random(f"{broker}:{number}")
    name = rng.choice(CALLS)
    answers = recorded(broker)

    def give(call: Call) -> tuple[int, bytes, Mapping[str, str]]:
        status, body = answers[call.method, call.endpoint]
        if rng.random() < 0.9:
            body = (damage_json if rng.random() < 0.7 else damage_bytes)(rng, body)
        status = rng.choice(STATUSES) if rng.random() < 0.2 else status
        kind = rng.choice(("text/html", "", "\x07" * 900)) if rng.random() < 0.1 else None
        return status, body, JSON if kind is None else {"Content-Type": kind}

    adapter = client(broker, give, SECRETS)
    arguments: dict[str, tuple[Any, ...]] = {
        "place": (REQUEST,),
        "modify": ("251119000000001", {"quantity": "9"}, "regular"),
        "cancel": ("251119000000001", "regular"),
    }
    try:
        outcome: object = await getattr(adapter, name)(*arguments.get(name, ()))
    except errors.BrokerError as error:
        assert name not in READS
        outcome = error
    check(outcome, name)
    return outcome


@pytest.mark.parametrize("broker", sorted(BROKERS))
def test_nothing_but_typed_outcomes(broker: str) -> None:
    async def main() -> set[str]:
        seen = set()
        for number in range(CASES):
            try:
                outcome = await run(broker, number)
            except Exception as error:
                error.add_note(f"asyncio.run(run({broker!r}, {number}))")
                raise
            seen.add(
                f"{outcome.outcome} {outcome.error_kind}"
                if isinstance(outcome, Fetch)
                else type(outcome).__name__
            )
        return seen

    recorded(broker)  # by a loop of its own
    seen = asyncio.run(main())
    assert CASES < 1000 or seen >= {
        "complete ", "partial ValueRefusedError", "failed UnreadableAnswerError",
        "failed BrokerUnavailableError", "failed RateLimitedError", "failed SessionExpiredError",
        "failed RefusedRequestError", "str", "UnreadableAnswerError", "BrokerUnavailableError",
        "RateLimitedError", "SessionExpiredError", "RefusedRequestError",
    }  # fmt: skip
