"""What the API refuses: bad keys, other organizations, what is not there, what is malformed."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest

from tradesync_dagster_tests.support.api import EXTERNAL, UNASSIGNED, Api, problem, rows
from tradesync_dagster_tests.support.desk import Desk

BODIES: dict[str, dict[str, Any]] = {
    "/external/trigger-sync": {"pseudo_account": "SIM001"},
    "/external/assign": {
        "pseudo_account": "SIM001", "order_ids": [str(uuid4())], "strategy_id": "", "why": "w",
    },
    "/external/undo": {
        "pseudo_account": "SIM001", "order_ids": [str(uuid4())], "why": "w",
        "assignment_id": str(uuid4()),
    },
    "/claims": {"pseudo_account": "SIM001", "strategy_id": "m", "exchange": "NSE", "symbol": "X"},
    "/breaks/explain": {"pseudo_account": "SIM001", "kind": "k", "subject": "s", "note": "n"},
    "/breaks/accept": {"pseudo_account": "SIM001", "kind": "k", "subject": "s", "note": "n"},
    "/breaks/reopen": {"pseudo_account": "SIM001", "kind": "k", "subject": "s"},
}  # fmt: skip
READS = (
    EXTERNAL, UNASSIGNED, f"/external/attributions/SIM001/{uuid4()}",
    f"/external/assignments/SIM001/{uuid4()}", "/positions/SIM001", "/holdings/SIM001",
    "/metrics/SIM001", "/breaks",
)  # fmt: skip


def everything(api: Api, account: str = "SIM001") -> Iterator[httpx.Response]:
    """Ask every route that needs a key."""
    for path in READS:
        yield api.get(path.replace("SIM001", account), pseudo_account=account)
    for path, body in BODIES.items():
        yield api.post(path, **body | {"pseudo_account": account})


def test_without_a_good_key_everything_is_401(desk: Desk, api: Api) -> None:
    key, revoked = desk.services.keys().add("desk", "old")
    assert Api(api.url, revoked, "desk").get(EXTERNAL).status_code == 200
    desk.services.keys().revoke(key.key_id)
    assert api.token is not None
    last = "A" if api.token[-2] != "A" else "B"
    wrong = [
        None, "x", revoked, api.token[:-2] + last + api.token[-1], api.token + "A",
        f"tsk_{'0' * 12}_{api.token[-43:]}", api.token.upper(),
    ]  # fmt: skip
    sentences = set()
    for token in wrong:
        for answer in everything(Api(api.url, token, "desk")):
            assert answer.status_code == 401, (token, answer.url)
            assert answer.headers["www-authenticate"] == "Bearer"
            sentences.add(problem(answer))
    assert len(sentences) == 1, "what is wrong with a key is not told"
    other = api.send("GET", READS[0], headers={"Authorization": f"Basic {api.token}"})
    bare = api.send("GET", READS[0], headers={"Authorization": "Bearer"})
    assert other.status_code == bare.status_code == 401


def test_another_organization_is_403_whether_or_not_it_is_there(desk: Desk, api: Api) -> None:
    told = set()
    for organization, account in (("rival", "SECRET7"), ("rival", "none"), ("nobody", "none")):
        for answer in everything(Api(api.url, api.token, organization), account):
            assert answer.status_code == 403, answer.url
            told.add(answer.text)
    assert len(told) == 1
    _, token = desk.services.keys().add("rival", "theirs")
    theirs = Api(api.url, token, "rival")
    assert rows(theirs.get("/breaks")) == []
    assert rows(theirs.get("/positions/SECRET7")) == []


def test_an_unknown_account_of_ones_own_is_404(api: Api) -> None:
    for account in ("none", "SECRET7", "sim001"):
        for answer in everything(api, account):
            assert answer.status_code == 404, answer.url
            assert account in problem(answer)
            assert "rival" not in answer.text


MALFORMED: list[tuple[str, dict[str, Any], str]] = [
    (EXTERNAL, {"days": 0}, "query.days"),
    (EXTERNAL, {"days": 3661}, "query.days"),
    (EXTERNAL, {"days": "many"}, "query.days"),
    (EXTERNAL, {"organization_id": "a/b"}, "query.organization_id"),
    ("/external/external-orders/a%20b", {}, "path.pseudo_account"),
    ("/external/external-orders/" + "x" * 65, {}, "path.pseudo_account"),
    ("/positions/SIM001", {"as_of": "yesterday"}, "query.as_of"),
    ("/positions/SIM001", {"as_of": "2026-02-30"}, "query.as_of"),
    ("/positions/SIM001", {"as_of": "1700000000"}, "query.as_of"),
    ("/positions/SIM001", {"as_of": "2100000000"}, "query.as_of"),
    ("/positions/SIM001", {"as_of": "2026-01-01T00:00:00"}, "query.as_of"),
    ("/positions/SIM001", {"as_of": "1999-12-31"}, "query.as_of"),
    ("/metrics/SIM001", {"days": 99999}, "query.days"),
    ("/breaks", {"all": "perhaps"}, "query.all"),
]


@pytest.mark.parametrize(("path", "query", "where"), MALFORMED)
def test_malformed_questions_are_422_and_name_the_place(
    api: Api, path: str, query: dict[str, Any], where: str
) -> None:
    answer = api.get(path, **query)
    assert answer.status_code == 422, answer.text
    assert problem(answer).startswith(where)
    assert answer.json()["problems"][0]["where"] == where


def test_the_widest_questions_are_answered_and_unknown_routes_have_the_one_form(api: Api) -> None:
    assert rows(api.get("/positions/SIM001", as_of="2000-01-01")) == []
    for path in (EXTERNAL, "/metrics/SIM001"):
        rows(api.get(path, days=3660))
    for method, path, status in (("GET", "/nothing", 404), ("DELETE", "/breaks", 405)):
        answer = api.send(method, path)
        assert answer.status_code == status
        problem(answer)
    for path, methods in (("/claims", "GET, POST"), ("/claims/x", "DELETE"), ("/breaks", "GET")):
        assert api.send("PATCH", path).headers["allow"] == methods


def test_malformed_bodies_are_422_and_not_repeated(api: Api) -> None:
    good = BODIES["/external/assign"]
    for change in (
        {"order_ids": []},
        {"order_ids": ["hunter2"]},
        {"order_ids": [str(uuid4())] * 501},
        {"order_ids": "hunter2"},
        {"strategy_id": 7},
        {"strategy_id": "hunter2 hunter2"},
        {"parts": [{"strategy_id": "m", "quantity": 0}]},
        {"parts": [{"strategy_id": "m", "quantity": 1.5}]},
        {"parts": [{"strategy_id": "m", "quantity": "1"}]},
        {"parts": [{"strategy_id": "m", "quantity": 2**53}]},
        {"parts": [{"strategy_id": "", "quantity": 1}]},
        {"parts": [{"strategy_id": "m", "quantity": 1, "hunter": "hunter2"}]},
        {"parts": [{"strategy_id": f"m{n}", "quantity": 1} for n in range(21)]},
        {"parts": {"m": 1}},
        {"allow_short": "hunter2"},
        {"strategy_id": "a\x00b"},
        {"strategy_id": "x" * 129},
        {"why": ""},
        {"why": "hunter2" * 1000},
        {"pseudo_account": "../hunter2"},
        {"organization_id": None},
        {"hunter": "hunter2"},
    ):
        answer = api.post("/external/assign", **good | change)
        assert answer.status_code == 422, (change, answer.text)
        assert "hunter2" not in answer.text
        problem(answer)
    for raw in (
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff\xfe",
        b"[" * 20_000,
        b'{"why": "\\ud800"}',
    ):
        answer = api.send(
            "POST", "/external/assign", content=raw, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 422, (raw[:20], answer.text)
        problem(answer)
    lone = orjson.dumps({"organization_id": "desk"} | good).replace(b'"w"', b'"\\ud800"')
    answer = api.send(
        "POST", "/external/assign", content=lone, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 422, answer.text


def test_a_body_without_end_is_refused_whether_or_not_its_length_is_told(api: Api) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'{"why": "'
        for _ in range(200):
            yield b"x" * 1024

    for content in (b"x" * 100_000, pieces()):
        answer = api.send(
            "POST", "/breaks/reopen", content=content, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 413
        assert "long" in problem(answer)


def test_no_token_lies_in_the_books(desk: Desk) -> None:
    key, token = desk.services.keys().add("desk", "asha")
    with desk.services.store.reading() as connection:
        kept = str(connection.exec_driver_sql("SELECT * FROM api_keys").fetchall())
    assert key.key_id in kept
    secret = token.removeprefix(f"tsk_{key.key_id}_")  # which may hold an underscore itself
    assert len(secret) == 43
    assert not any(secret[at : at + 20] in kept for at in range(24))
    assert desk.services.keys().listed("rival") == []
    assert [one.name for one in desk.services.keys().listed("desk")] == ["asha"]
