"""Snapshots in real Redis servers: one, and a cluster of two masters."""

import pytest
import redis
from redis.cluster import RedisCluster

from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.domain.publications import Snapshot
from tradesync_dagster.publish.redis_servers import connect
from tradesync_dagster.publish.redis_snapshots import ACCOUNTS_KEY, RedisSnapshots, account_key

pytestmark = pytest.mark.redis


def _snapshot(number: int, version: int, body: bytes = b"{}") -> Snapshot:
    return Snapshot(number, f"ACME/A{number}", version, body)


def _read(client: "redis.Redis | RedisCluster", number: int) -> list[bytes | str | None]:
    answer = client.hmget(account_key(f"ACME/A{number}"), ["version", "body"])
    assert isinstance(answer, list)
    return answer


def test_newer_wins_and_older_is_refused(redis_client: redis.Redis) -> None:
    publisher = RedisSnapshots(redis_client)
    for version, body in ((9, b"nine"), (10, b"ten"), (9, b"late"), (2**60, b"far")):
        publisher.publish([_snapshot(1, version, body)])
        if version == 10 or body == b"late":
            assert _read(redis_client, 1) == [b"10", b"ten"]
    assert _read(redis_client, 1) == [str(2**60).encode(), b"far"]
    publisher.publish([_snapshot(1, 2**60 - 1, b"one less than a float can tell")])
    assert _read(redis_client, 1) == [str(2**60).encode(), b"far"]


def test_a_thousand_accounts_and_more(redis_client: redis.Redis) -> None:
    RedisSnapshots(redis_client).publish([_snapshot(n, 1, b"%d" % n) for n in range(1001)])
    assert _read(redis_client, 0) == [b"1", b"0"]
    assert _read(redis_client, 1000) == [b"1", b"1000"]
    assert redis_client.scard(ACCOUNTS_KEY) == 1001


def test_nothing_to_publish(redis_client: redis.Redis) -> None:
    RedisSnapshots(redis_client).publish([])
    assert redis_client.exists(ACCOUNTS_KEY) == 0


def test_a_key_of_another_kind_is_an_error_and_the_others_are_written(
    redis_client: redis.Redis,
) -> None:
    redis_client.set(account_key("ACME/A1"), "not a hash")
    with pytest.raises(ConfigurationError, match="WRONGTYPE"):
        RedisSnapshots(redis_client).publish([_snapshot(1, 1), _snapshot(2, 1, b"two")])
    assert _read(redis_client, 2) == [b"1", b"two"]


def test_a_wrong_address_is_named_without_its_password() -> None:
    client = connect("redis://:hunter2@127.0.0.1:1/0", "", production=False)
    with pytest.raises(ConfigurationError, match=r"Redis at 127\.0\.0\.1:1 .*refused") as refused:
        RedisSnapshots(client, retries=1).publish([_snapshot(1, 1)])
    assert "hunter2" not in str(refused.value)


def test_a_wrong_password_is_not_tried_again(redis_url: str) -> None:
    wrong = redis_url.rsplit("@", maxsplit=1)[-1].removeprefix("redis://")
    client = connect(f"redis://someone:hunter2@{wrong}", "", production=False)
    with pytest.raises(ConfigurationError, match="check the user and password") as refused:
        RedisSnapshots(client, retries=10_000).publish([_snapshot(1, 1)])
    assert "hunter2" not in str(refused.value)


def test_a_cluster_takes_all_accounts_behind_the_same_fence(redis_cluster_hosts: str) -> None:
    client = connect(None, redis_cluster_hosts, production=True)
    assert isinstance(client, RedisCluster)
    publisher = RedisSnapshots(client)
    publisher.publish([_snapshot(n, 2, b"%d" % n) for n in range(1000)])
    publisher.publish([_snapshot(n, 1, b"late") for n in range(1000)])
    assert all(_read(client, n) == [b"2", b"%d" % n] for n in range(1000))
    assert client.scard(ACCOUNTS_KEY) == 1000
    client.close()


def test_a_cluster_node_named_as_a_single_server_says_what_to_set(
    redis_cluster_hosts: str,
) -> None:
    node = redis_cluster_hosts.partition(",")[0]
    client = connect(f"redis://{node}", "", production=False)
    with pytest.raises(ConfigurationError, match="set REDIS_CLUSTER_HOSTS"):
        RedisSnapshots(client).publish([_snapshot(n, 1) for n in range(20)])
    client.close()
