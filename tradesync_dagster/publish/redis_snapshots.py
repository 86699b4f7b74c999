"""Account snapshots in Redis or a Redis Cluster, where front ends read them.

What belongs here: the keys, the fence against older versions, and the choice of server. What does
not: what a snapshot says.
"""

import logging
from collections.abc import Sequence
from typing import Any

import redis
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.exceptions import (
    AskError,
    AuthenticationError,
    AuthorizationError,
    ClusterDownError,
    MovedError,
    OutOfMemoryError,
    RedisClusterException,
    RedisError,
    SlotNotCoveredError,
    TryAgainError,
)
from redis.retry import Retry

from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.domain.publications import Snapshot

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
_TIMEOUTS: dict[str, Any] = {"socket_connect_timeout": 1.0, "socket_timeout": 5.0}
_PASSING = (redis.ConnectionError, redis.TimeoutError, ClusterDownError, SlotNotCoveredError)
_REDIRECTED = (MovedError, AskError, TryAgainError)

_log = logging.getLogger(__name__)

_Command = tuple[str | bytes | int, ...]
_Client = redis.Redis | RedisCluster


def account_key(key: str) -> str:
    """Return the Redis key of an account's snapshot.

    The braces are part of it: a Redis Cluster then keeps all keys of an account in one place.

    Args:
        key: ``ORG/ACCOUNT``.
    """
    return f"tradesync:v1:account:{{{key}}}"


class RedisSnapshots:
    """Publishes snapshots to Redis; repeating a publication does no harm."""

    def __init__(self, client: _Client, *, retries: int | None = None) -> None:
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

    def check(self) -> None:
        """Make sure that the server answers.

        Raises:
            ConfigurationError: It does not; it says which server and why.
        """
        try:
            self._client.ping()
        except (RedisError, RedisClusterException, OSError) as error:
            raise _in_words(self._client, error) from None

    def _deliver(self, commands: list[_Command]) -> None:
        self._retry.call_with_retry(
            lambda: self._send(commands), self._look_again, is_retryable=_may_pass
        )

    def _look_again(self, error: Exception) -> None:
        """Learn the cluster's present masters before the next attempt."""
        _log.info("redis at %s: %s; trying again", address(self._client), type(error).__name__)
        if isinstance(self._client, RedisCluster):
            try:
                self._client.nodes_manager.initialize()
            except (RedisError, RedisClusterException):
                _log.debug("no node of the cluster answers yet")

    def _send(self, commands: list[_Command]) -> None:
        whole: Any = self._client
        clustered = isinstance(self._client, RedisCluster)
        for client, part in self._by_server(commands):
            pipeline: Any = client.pipeline(transaction=False)
            for command in part:
                pipeline.execute_command(*command)
            answers = pipeline.execute(raise_on_error=False)
            for command, answer in zip(part, answers, strict=True):
                if clustered and isinstance(answer, _REDIRECTED):
                    whole.execute_command(*command)
                elif isinstance(answer, Exception):
                    raise answer

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


def connect(url: str | None, cluster_hosts: str, *, production: bool) -> _Client:
    """Choose the server: the cluster in production, if it can be reached, else the single one.

    A single server is not contacted yet. User, password and TLS for the cluster's nodes are those
    of ``url``.

    Args:
        url: ``redis://`` or ``rediss://`` address of a single server, or nothing.
        cluster_hosts: ``HOST:PORT,HOST:PORT`` of some of the cluster's nodes, or empty.
        production: Whether ENVIRONMENT is ``production``; elsewhere the cluster is left alone.

    Returns:
        A client for ``RedisSnapshots``.

    Raises:
        ConfigurationError: An address is not one, or there is no server to use.
    """
    single = _single(url) if url else None
    if not production or not cluster_hosts.strip():
        if single is None:
            raise ConfigurationError("no Redis server is named; give its redis:// address")
        return single
    hosts = parse_hosts(cluster_hosts)
    try:
        return _cluster(hosts, single)
    except (RedisError, RedisClusterException, OSError) as error:
        if single is None:
            named = ",".join(f"{host}:{port}" for host, port in hosts)
            raise ConfigurationError(
                f"the Redis Cluster at {named} cannot be used ({_reason(error)}); check "
                "REDIS_CLUSTER_HOSTS and that its nodes run"
            ) from None
        _log.warning(
            "the Redis Cluster cannot be used (%s); publishing to the single server %s instead",
            _reason(error),
            address(single),
        )
        return single


def parse_hosts(text: str) -> list[tuple[str, int]]:
    """Read ``HOST:PORT,HOST:PORT``; an IPv6 host stands in brackets.

    Args:
        text: The value of REDIS_CLUSTER_HOSTS.

    Raises:
        ConfigurationError: An entry is not HOST:PORT. It is named by its place, as it may hold
            a password.
    """
    hosts = []
    for place, entry in enumerate(text.strip().strip(",").split(","), start=1):
        host, _, port = entry.strip().rpartition(":")
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        bracketed = bare != host
        if (
            not bare
            or set(bare) & set("/@[] ")
            or (":" in bare and not bracketed)
            or not (port.isascii() and port.isdigit() and 0 < int(port) < 65536)
        ):
            raise ConfigurationError(
                f"REDIS_CLUSTER_HOSTS: entry {place} is not HOST:PORT; write it like "
                "redis-node1:6379,redis-node2:6379, without scheme or password"
            )
        hosts.append((bare, int(port)))
    return hosts


def address(client: _Client) -> str:
    """Name the server as people know it: ``host:port``, never its password."""
    if isinstance(client, RedisCluster):
        nodes: Any = client.nodes_manager.nodes_cache
        return ",".join(sorted(nodes))
    values = client.get_connection_kwargs()
    if "path" in values:
        return str(values["path"])
    return f"{values.get('host', 'localhost')}:{values.get('port', 6379)}"


def _single(url: str) -> redis.Redis:
    try:
        return redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0), **_TIMEOUTS)
    except ValueError:
        raise ConfigurationError(
            "the Redis address is not one; write redis://HOST:PORT/DATABASE, or rediss:// for TLS"
        ) from None


def _cluster(hosts: list[tuple[str, int]], single: redis.Redis | None) -> RedisCluster:
    access: dict[str, Any] = {}
    if single is not None:
        values = single.get_connection_kwargs()
        access = {name: values[name] for name in ("username", "password") if name in values}
        access["ssl"] = issubclass(single.connection_pool.connection_class, redis.SSLConnection)
    node: Any = ClusterNode
    return RedisCluster(
        startup_nodes=[node(host, port) for host, port in hosts],
        retry=Retry(ExponentialWithJitterBackoff(cap=1, base=0.05), 3),
        **_TIMEOUTS,
        **access,
    )


def _may_pass(error: Exception) -> bool:
    return not isinstance(error, AuthenticationError | AuthorizationError)


def _reason(error: Exception) -> str:
    """Say what the server or the network answered, in one line."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


def _in_words(client: _Client, error: Exception) -> ConfigurationError:
    if not _may_pass(error):
        advice = "check the user and password in the Redis address"
    elif isinstance(error, OutOfMemoryError):
        advice = "give it more memory, and keep maxmemory-policy at noeviction"
    elif isinstance(error, MovedError):
        advice = "it is a node of a cluster: set REDIS_CLUSTER_HOSTS and ENVIRONMENT=production"
    elif isinstance(error, _PASSING):
        advice = "check that it runs and that its address is right; the next sync publishes again"
    else:
        advice = "see the server's log"
    return ConfigurationError(
        f"Redis at {address(client)} did not take the snapshots ({_reason(error)}); {advice}"
    )
