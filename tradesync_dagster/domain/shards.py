"""Sharing a desk's accounts out, so that no run of a tick has more than it can carry.

What belongs here: which account is in which part. What does not: starting runs (``defs``).
"""

from collections.abc import Iterable

from tradesync_dagster.domain.accounts import Account


def shards_of(accounts: Iterable[Account], size: int) -> dict[str, list[str]]:
    """Share accounts out by their ids, which never change: no account ever moves.

    Args:
        accounts: Any.
        size: Most accounts of one shard.

    Returns:
        Account keys by the shard's name, in order; no shard is empty.
    """
    found: dict[int, list[str]] = {}
    for account in accounts:
        found.setdefault((account.account_id - 1) // size, []).append(account.key)
    return {str(number): keys for number, keys in sorted(found.items())}
