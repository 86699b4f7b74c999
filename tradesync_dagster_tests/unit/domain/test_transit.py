"""When the way to a server is safe, and how it is told."""

import pytest

from tradesync_dagster.domain.transit import Transit


@pytest.mark.parametrize(
    ("hosts", "encrypted", "verified", "safe", "words"),
    [
        (("10.0.0.5",), False, False, False, "plain text to another machine"),
        (("redis.example.com",), True, False, False, "encrypted to another machine, but"),
        (("127.0.0.1",), False, False, True, "plain text within this machine"),
        (("::1",), False, False, True, "plain text within this machine"),
        (("localhost",), False, False, True, "plain text within this machine"),
        (("/run/postgresql",), False, False, True, "plain text within this machine"),
        (("127.0.0.1", "10.0.0.5"), False, False, False, "plain text to another machine"),
        (("10.0.0.5",), True, True, True, "encrypted, the server's certificate is verified"),
        (("localhost.example.com",), False, False, False, "plain text to another machine"),
    ],
)
def test_only_what_leaves_the_machine_unverified_is_unsafe(
    hosts: tuple[str, ...], encrypted: bool, verified: bool, safe: bool, words: str
) -> None:
    way = Transit(hosts, encrypted, verified)
    assert way.is_safe is safe
    assert str(way).startswith(words)
