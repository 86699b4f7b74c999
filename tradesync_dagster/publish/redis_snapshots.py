"""Account snapshots in Redis or a Redis Cluster, where front ends read them.

What belongs here: the keys and the fence against older versions. What does not: what a snapshot
says, and which server it is (``redis_servers``).
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.exceptions import (
    AskError,
    AuthenticationError,
    AuthorizationError,
    ClusterDownError,
    MovedError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    SlotNotCoveredError,
    TryAgainError,
)
from redis.retry import Retry

from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.domain.publications import Snapshot
from tradesync_dagster.domain.transit import ADVICE, CERTIFICATE, Transit
from tradesync_dagster.publish.redis_servers import Client, address, reason, transit

ACCOUNTS_KEY = "tradesync:v1:accounts"
"""A set of the ``ORG/ACCOUNT`` keys that have a snapshot."""

_FENCE = """\
local held = redis.call('HGET', KEYS[1], 'version')
if held and (#held > #ARGV[1] or (#held == #ARGV[1] and held > ARGV[1])) then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[1], 'body', ARGV[2])
return 1
"""
"""Writes unless a newer version is there. It compares digits, so no version is too long for Lua."""

_PER_PIPELINE = 1000
_PASSING = (redis.ConnectionError, redis.TimeoutError, ClusterDownError, SlotNotCoveredError)
_REDIRECTED = (MovedError, AskError, TryAgainError)

_log = logging.getLogger(__name__)

_Command = tuple[str | bytes | int, ...]


def account_key(key: str) -> str:
    """Return the Redis key of an account's snapshot.

    The braces are part of it: a Redis Cluster then keeps all keys of an account in one place.

    Args:
        key: ``ORG/ACCOUNT``.
    """
    return f"tradesync:v1:account:{{{key}}}"


class RedisSnapshots:
    """Publishes snapshots to Redis; repeating a publication does no harm."""

    def __init__(self, client: Client, *, retries: int | None = None) -> None:
        """Take the client; nothing is sent yet.

        Args:
            client: From ``connect``.
            retries: How often to try again while the server is away, with growing pauses of at
                most a second. By default 30 for a cluster, so that it outlasts the election of
                a new master, and 3 for a single server.
        """
        self._client = client
        if retries is None:
            retries = 30 if isinstance(client, RedisCluster) else 3
        self._retry = Retry(
            ExponentialWithJitterBackoff(cap=1, base=0.05), retries, supported_errors=_PASSING
        )

    def publish(self, snapshots: Sequence[Snapshot]) -> None:
        """Write all snapshots, keeping any that is already newer.

        Args:
            snapshots: In any order.

        Raises:
            ConfigurationError: The server cannot be reached or refuses; it says which and why.
        """
        for start in range(0, len(snapshots), _PER_PIPELINE):
            part = snapshots[start : start + _PER_PIPELINE]
            commands: list[_Command] = [
                ("EVAL", _FENCE, 1, account_key(one.key), str(one.version), one.body)
                for one in part
            ]
            names: _Command = ("SADD", ACCOUNTS_KEY, *(one.key for one in part))
            try:
                self._deliver(commands)
                self._deliver([names])
            except (RedisError, RedisClusterException, OSError) as error:
                raise _in_words(self._client, error) from None

    def held(self, keys: Sequence[str]) -> Mapping[str, int]:
        """See ``ports.SnapshotPublisher``.

        A server that was emptied, lost its memory, or whose replica took over before it had
        everything, holds less than it once took.
        """
        found: dict[str, int] = {}
        for start in range(0, len(keys), _PER_PIPELINE):
            part = keys[start : start + _PER_PIPELINE]
            commands: list[_Command] = [("HGET", account_key(key), "version") for key in part]
            try:
                versions = self._deliver(commands)
                (named,) = self._deliver([("SMISMEMBER", ACCOUNTS_KEY, *part)])
            except (RedisError, RedisClusterException, OSError) as error:
                raise _in_words(self._client, error, "did not tell its snapshots") from None
            found |= {
                key: int(version)
                for key, version, listed in zip(part, versions, named, strict=True)
                if version and listed
            }
        return found

    def check(self) -> Transit:
        """Make sure that the server answers.

        Returns:
            How it is reached.

        Raises:
            ConfigurationError: It does not; it says which server and why.
        """
        try:
            self._client.ping()
        except (RedisError, RedisClusterException, OSError) as error:
            raise _in_words(self._client, error) from None
        return transit(self._client)

    def _deliver(self, commands: list[_Command]) -> list[Any]:
        answers: list[Any] = self._retry.call_with_retry(
            lambda: self._send(commands), self._look_again, is_retryable=_may_pass
        )
        return answers

    def _look_again(self, error: Exception) -> None:
        """Learn the cluster's present masters before the next attempt."""
        _log.info("redis at %s: %s; trying again", address(self._client), type(error).__name__)
        if isinstance(self._client, RedisCluster):
            try:
                self._client.nodes_manager.initialize()
            except (RedisError, RedisClusterException):
                _log.debug("no node of the cluster answers yet")

    def _send(self, commands: list[_Command]) -> list[Any]:
        """Send the commands; return the answers in their order."""
        whole: Any = self._client
        clustered = isinstance(self._client, RedisCluster)
        told: dict[_Command, Any] = {}
        for client, part in self._by_server(commands):
            pipeline: Any = client.pipeline(transaction=False)
            for command in part:
                pipeline.execute_command(*command)
            answers = pipeline.execute(raise_on_error=False)
            for command, answer in zip(part, answers, strict=True):
                if clustered and isinstance(answer, _REDIRECTED):
                    told[command] = whole.execute_command(*command)
                elif isinstance(answer, Exception):
                    raise answer
                else:
                    told[command] = answer
        return [told[command] for command in commands]

    def _by_server(self, commands: list[_Command]) -> list[tuple[redis.Redis, list[_Command]]]:
        """Group by master.

        redis-py's own cluster pipeline asks the server for each script's keys, and when a node is
        gone it resends one by one, each with its timeout.
        """
        if not isinstance(self._client, RedisCluster):
            return [(self._client, commands)]
        cluster: Any = self._client  # its methods are not typed
        groups: dict[str, tuple[ClusterNode, list[_Command]]] = {}
        for command in commands:
            node = cluster.get_node_from_key(command[3 if command[0] == "EVAL" else 1])
            groups.setdefault(node.name, (node, []))[1].append(command)
        return [(cluster.get_redis_connection(node), part) for node, part in groups.values()]


def _may_pass(error: Exception) -> bool:
    return not isinstance(error, AuthenticationError | AuthorizationError)


def _in_words(
    client: Client, error: Exception, what: str = "did not take the snapshots"
) -> ConfigurationError:
    if not _may_pass(error):
        advice = "check the user and password in the Redis address"
    elif CERTIFICATE in str(error):
        advice = ADVICE
    elif isinstance(error, OutOfMemoryError):
        advice = "give it more memory, and keep maxmemory-policy at noeviction"
    elif isinstance(error, ReadOnlyError):
        advice = "it is a replica: name the master's address"
    elif isinstance(error, MovedError):
        advice = "it is a node of a cluster: set REDIS_CLUSTER_HOSTS and ENVIRONMENT=production"
    elif isinstance(error, _PASSING):
        advice = "check that it runs and that its address is right; the next sync publishes again"
    else:
        advice = "see the server's log"
    return ConfigurationError(f"Redis at {address(client)} {what} ({reason(error)}); {advice}")
