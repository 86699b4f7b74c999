"""Looks that brought nothing: packed, and the same when they are read back."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tradesync_dagster.domain.looks import Look, answer_records
from tradesync_dagster.domain.quiet_looks import KINDS, pack, unpack
from tradesync_dagster_tests.support.answers import answer

T0 = datetime(2026, 3, 2, 5, 0, 0, 123_456, tzinfo=UTC)
ORGANIZATIONS = {1: "acme", 2: "acme", 3: "other"}


def look(account_id: int, after: timedelta, *, known: bool = True) -> tuple[Look, dict[str, str]]:
    """A look, and the hashes that stand elsewhere."""
    at = T0 + after
    fetches = [
        answer(kind, (account_id, kind), at + timedelta(microseconds=700 * place))
        for place, kind in enumerate(KINDS)
    ]
    records: list[dict[str, Any]] = [*answer_records(account_id, fetches, {}, "")]
    if known:
        for record in records[:2]:
            record |= {"decision": "nothing_new", "rows": None}
    hashes = {record["kind"]: record["payload_hash"] for record in records}
    return Look(account_id, at, "tick", True, 0, 0, tuple(records)), hashes


def test_looks_are_the_same_when_they_are_read_back() -> None:
    made = [look(n, timedelta(microseconds=37_001 * (4 - n)), known=n != 3) for n in (1, 2, 3)]
    looks = {one.account_id: one for one, _ in made}
    hashes = {one.account_id: known for one, known in made}
    packed = pack(looks.values(), ORGANIZATIONS)
    assert {row.organization_id: sorted(row.answers) for row in packed} == {
        "acme": ["1", "2"], "other": ["3"],
    }  # fmt: skip
    for row in packed:
        assert (row.account_id, row.asked_at) == min(
            ((a, looks[a].asked_at) for a in map(int, row.answers)), key=lambda one: one[1]
        )
        for name, told in json.loads(json.dumps(row.answers)).items():
            account_id = int(name)

            def find(kind: str, beginning: str, account_id: int = account_id) -> str:
                assert hashes[account_id][kind].startswith(beginning)
                return hashes[account_id][kind]

            assert unpack(account_id, row.asked_at, row.tick_id, told, find) == looks[account_id]


def test_a_repeated_answer_takes_little_room_and_an_applied_one_has_its_hash() -> None:
    one, hashes = look(1, timedelta())
    (row,) = pack([one], ORGANIZATIONS)
    after, orders, trades, positions, holdings = row.answers["1"]
    assert after == 0
    assert all(len(json.dumps(told)) < 30 for told in (orders, trades))
    assert positions[-2:] == [hashes["positions"], 1]
    assert holdings[-2:] == [hashes["holdings"], 1]


def test_a_hash_that_is_kept_no_longer_is_left_out() -> None:
    one, _ = look(1, timedelta())
    (row,) = pack([one], ORGANIZATIONS)
    told = unpack(1, row.asked_at, "tick", row.answers["1"], lambda *_: "")
    assert "payload_hash" not in told.answers[0]
    assert replace(told, answers=()) == replace(one, answers=())
