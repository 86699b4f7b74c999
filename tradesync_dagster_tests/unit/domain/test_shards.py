"""Accounts are shared out by what never changes of them."""

from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.shards import shards_of


def account(number: int) -> Account:
    return Account(number, "DESK", f"A{number}", "ZERODHA")


def test_no_shard_is_larger_than_allowed_and_none_is_empty() -> None:
    shards = shards_of([account(n) for n in (1, 2, 3, 4, 9)], 2)
    assert shards == {"0": ["DESK/A1", "DESK/A2"], "1": ["DESK/A3", "DESK/A4"], "4": ["DESK/A9"]}


def test_accounts_that_come_and_go_move_no_other() -> None:
    before = shards_of([account(n) for n in range(1, 8)], 3)
    after = shards_of([account(n) for n in (1, 3, 5, 6, 7, 8, 20)], 3)
    homes = {key: shard for shard, keys in before.items() for key in keys}
    for shard, keys in after.items():
        assert all(homes.get(key, shard) == shard for key in keys)


def test_without_accounts_there_is_no_shard() -> None:
    assert shards_of([], 1000) == {}
