"""Strategies, claims, scores and owners over real HTTP, on both databases."""

from typing import Any
from uuid import UUID, uuid4

from tradesync_dagster_tests.support.api import UNASSIGNED, Api, problem, rows
from tradesync_dagster_tests.support.desk import Desk

ACCOUNT = "desk/SIM001"
WHO = "asha's terminal"


def added(api: Api, *strategies: str) -> None:
    for name in strategies:
        assert api.post("/strategies", strategy_id=name).status_code == 200


def traded(desk: Desk, side: str, quantity: int, **more: Any) -> str:
    """Trade by hand until it is known to be external; return our id of the order."""
    broker_id = desk.by_hand(side, quantity, **more)
    desk.sync(ACCOUNT)
    found = desk.services.external_orders(ACCOUNT)
    return next(str(one["order_id"]) for one in found if one["broker_order_id"] == broker_id)


def body(order_id: str, **more: Any) -> dict[str, Any]:
    return {"pseudo_account": "SIM001", "order_ids": [order_id], "why": "mine"} | more


def test_strategies_are_added_once_and_seen_by_their_organization_only(api: Api) -> None:
    first = api.post("/strategies", strategy_id="momentum", name="Momentum")
    assert (first.status_code, first.json()["name"]) == (200, "Momentum")
    assert api.post("/strategies", strategy_id="momentum", name="Other").json() == first.json()
    assert rows(api.get("/strategies")) == [first.json()]
    for wrong in ({"strategy_id": "two words"}, {"strategy_id": ""}, {"strategy_id": "a,b"}, {}):
        answer = api.post("/strategies", **wrong)
        assert answer.status_code == 422
        assert "strategy_id" in problem(answer)


def test_claims_are_made_kept_and_taken_back(desk: Desk, api: Api) -> None:
    added(api, "momentum")
    wanted = {"strategy_id": "momentum", "exchange": "NSE", "symbol": "INFY"}
    everywhere = api.post("/claims", **wanted)
    here = api.post("/claims", pseudo_account="SIM001", **wanted)
    assert (everywhere.status_code, here.status_code) == (200, 200)
    assert (everywhere.json()["account"], here.json()["account"]) == ("", ACCOUNT)
    assert here.json()["who"] == WHO
    assert api.post("/claims", **wanted).json() == everywhere.json(), "the first one stays"
    assert len(rows(api.get("/claims"))) == 2
    traded(desk, "BUY", 5)
    assert desk.services.external_orders(ACCOUNT)[0]["strategy_id"] == "momentum"
    path = f"/claims/{here.json()['claim_id']}"
    _, token = desk.services.keys().add("rival", "theirs")
    theirs = Api(api.url, token, "rival")
    assert rows(theirs.get("/claims")) == []
    for client, status in ((theirs, 404), (api, 200), (api, 404)):
        answer = client.send("DELETE", path, params={"organization_id": client.organization})
        assert answer.status_code == status, answer.text
    assert rows(api.get("/claims")) == [everywhere.json()]


def test_claims_that_cannot_be_are_refused_with_the_reason(api: Api) -> None:
    added(api, "momentum")
    good = {"strategy_id": "momentum", "exchange": "NSE", "symbol": "INFY"}
    answer = api.post("/claims", **good | {"strategy_id": "nobody"})
    assert (answer.status_code, "tradesync strategies add desk nobody" in problem(answer)) == (
        404, True,
    )  # fmt: skip
    assert api.post("/claims", **good | {"pseudo_account": "none"}).status_code == 404
    assert api.post("/claims", **good | {"organization_id": "rival"}).status_code == 403
    assert Api(api.url, None, "desk").post("/claims", **good).status_code == 401
    for change in (
        {"exchange": "nse"},
        {"exchange": ""},
        {"symbol": ""},
        {"symbol": "A" * 65},
        {"symbol": "A:B"},
        {"symbol": "A\nB"},
        {"who": "somebody else"},
    ):
        answer = api.post("/claims", **good | change)
        assert answer.status_code == 422, change
        problem(answer)
    path = "/claims/none"
    assert api.send("DELETE", path, params={"organization_id": "desk"}).status_code == 422
    assert rows(api.get("/claims")) == []


def test_every_part_of_a_score_is_shown(desk: Desk, api: Api) -> None:
    added(api, "momentum", "hedge")
    bought = traded(desk, "BUY", 10, tag="momentum1")
    sold = traded(desk, "SELL", 4)
    [decision] = rows(api.get(f"/external/attributions/SIM001/{sold}"))
    assert (decision["strategy_id"], decision["reason"], decision["version"]) == (
        "momentum", "assigned", "1",
    )  # fmt: skip
    [candidate] = decision["candidates"]
    parts = ("tag", "claim", "position", "activity", "product", "time", "size")
    assert set(parts) < set(candidate)
    assert (candidate["tag"], candidate["position"]) == (0, 70)
    assert candidate["evidence"]["held"] == 10
    [kept] = desk.services.attribution(UUID(sold))
    assert decision["candidates"] == kept["candidates"]
    assert rows(api.get(f"/external/attributions/SIM001/{bought}"))[0]["score"] == 100
    for path in (f"SIM002/{sold}", f"SIM001/{uuid4()}"):
        for what in ("attributions", "assignments"):
            answer = api.get(f"/external/{what}/{path}")
            assert (answer.status_code, bool(problem(answer))) == (404, True)
    assert api.get("/external/attributions/SIM001/x").status_code == 422


def test_an_order_is_shared_out_and_given_back(desk: Desk, api: Api) -> None:
    added(api, "alpha", "beta")
    order_id = traded(desk, "BUY", 10)
    parts = [{"strategy_id": "alpha", "quantity": 6}, {"strategy_id": "beta", "quantity": 3}]
    split = api.post("/external/assign", **body(order_id, strategy_id="", parts=parts))
    assert split.status_code == 200, split.text
    done = split.json()
    [left] = rows(api.get(UNASSIGNED))
    assert (left["strategy_id"], left["parts"]) == ("", parts), "one unit is nobody's"
    assert {one["strategy_id"] for one in rows(api.get("/metrics/SIM001"))} == {
        None, "alpha", "beta",
    }  # fmt: skip
    parts[0]["quantity"] = 6.0  # JSON has one kind of numbers
    again = api.post("/external/assign", **body(order_id, strategy_id="", parts=parts)).json()
    assert again == {"changed": 0, "order_ids": [], "assignment_id": None}
    undo = body(order_id, assignment_id=done["assignment_id"])
    assert api.post("/external/undo", **undo).json()["changed"] == 1
    assert api.post("/external/undo", **undo).json() == again, "asking again changes nothing"
    assert rows(api.get(UNASSIGNED))[0]["parts"] == []
    last, first, _ = rows(api.get(f"/external/assignments/SIM001/{order_id}"))
    assert (last["undoes"], first["assignment_id"]) == (done["assignment_id"],) * 2
    assert (first["parts"], first["who"], first["why"]) == ("alpha=6,beta=3", WHO, "mine")


def test_what_the_books_do_not_allow_is_409_with_the_reason(desk: Desk, api: Api) -> None:
    added(api, "alpha")
    order_id = traded(desk, "BUY", 10)
    sold = traded(desk, "SELL", 4)
    answer = api.post("/external/assign", **body(sold, strategy_id="alpha"))
    assert (answer.status_code, "alpha lacks 4" in problem(answer)) == (409, True)
    many = [{"strategy_id": "alpha", "quantity": 11}]
    answer = api.post("/external/assign", **body(order_id, strategy_id="", parts=many))
    assert (answer.status_code, "of 10" in problem(answer)) == (409, True)
    answer = api.post("/external/undo", **body(order_id, assignment_id=str(uuid4())))
    assert (answer.status_code, "nobody has assigned" in problem(answer)) == (409, True)
    twice = [{"strategy_id": "alpha", "quantity": 1}] * 2
    answer = api.post("/external/assign", **body(order_id, strategy_id="", parts=twice))
    assert (answer.status_code, "named twice" in problem(answer)) == (409, True)
    answer = api.post("/external/assign", **body(order_id, strategy_id="nobody"))
    assert (answer.status_code, "tradesync strategies add" in problem(answer)) == (404, True)
    short = body(sold, strategy_id="alpha", allow_short=True)
    assert api.post("/external/assign", **short).json()["changed"] == 1
