"""Addresses that people write: read, or refused without repeating a password."""

import logging

import pytest
import redis

from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.publish.rabbitmq import RabbitPublisher
from tradesync_dagster.publish.redis_servers import address, connect, parse_hosts
from tradesync_dagster.publish.redis_snapshots import account_key


def test_hosts_are_read() -> None:
    assert parse_hosts("a:6379, b.example:7000 ,[::1]:1,") == [
        ("a", 6379),
        ("b.example", 7000),
        ("::1", 1),
    ]


@pytest.mark.parametrize(
    "text",
    ["", "a", "a:", ":6379", "a:x", "a:0", "a:65536", "a:-1", "a:6379,,b:1", "::1:6379",
     "redis://:hunter2@a:6379", "user:hunter2@a:6379", "a b:1", "a:٣"],
)  # fmt: skip
def test_hosts_that_are_none_are_refused_without_repeating_them(text: str) -> None:
    with pytest.raises(ConfigurationError, match="REDIS_CLUSTER_HOSTS: entry") as refused:
        parse_hosts(text)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("url", ["http://:hunter2@h:1", "redis://h:hunter2/x", "hunter2"])
def test_redis_address_that_is_none(url: str) -> None:
    with pytest.raises(ConfigurationError, match="redis://HOST:PORT") as refused:
        connect(url, "", production=False)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("url", ["http://u:hunter2@h:1", "amqp://u:p@h:hunter2/", "hunter2", ""])
def test_rabbitmq_address_that_is_none(url: str) -> None:
    with pytest.raises(ConfigurationError, match="amqp://USER") as refused:
        RabbitPublisher(url)
    assert "hunter2" not in str(refused.value)


def test_no_address_at_all() -> None:
    with pytest.raises(ConfigurationError, match="no Redis server is named"):
        connect(None, "", production=True)


def test_the_cluster_is_left_alone_outside_production() -> None:
    client = connect("redis://:hunter2@h:7/3", "127.0.0.1:1", production=False)
    assert isinstance(client, redis.Redis)
    assert address(client) == "h:7"


def test_production_falls_back_to_the_single_server(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        client = connect("redis://:hunter2@h:7/3", "127.0.0.1:1", production=True)
    assert isinstance(client, redis.Redis)
    assert "single server h:7" in caplog.text
    assert "hunter2" not in caplog.text


def test_production_without_a_fallback_names_the_cluster() -> None:
    with pytest.raises(ConfigurationError, match=r"127\.0\.0\.1:1 cannot be used"):
        connect(None, "127.0.0.1:1", production=True)


def test_an_accounts_keys_stay_together_in_a_cluster() -> None:
    assert account_key("ACME/RAGHU") == "tradesync:v1:account:{ACME/RAGHU}"
