"""Which Redis, or which Redis Cluster, and how it is reached.

What belongs here: choosing the server, its address, TLS. What does not: what is written to it
(``redis_snapshots``).
"""

import logging
import ssl
from typing import Any

import redis
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.exceptions import RedisClusterException, RedisError
from redis.retry import Retry

from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.domain.transit import Transit

_TIMEOUTS: dict[str, Any] = {"socket_connect_timeout": 1.0, "socket_timeout": 5.0}

_log = logging.getLogger(__name__)

Client = redis.Redis | RedisCluster


def connect(url: str | None, cluster_hosts: str, *, production: bool) -> Client:
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
                f"the Redis Cluster at {named} cannot be used ({reason(error)}); check "
                "REDIS_CLUSTER_HOSTS and that its nodes run"
            ) from None
        _log.warning(
            "the Redis Cluster cannot be used (%s); publishing to the single server %s instead",
            reason(error),
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


def address(client: Client) -> str:
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
        access["ssl"] = _is_tls(single)
        access |= {name: values[name] for name in values if name.startswith("ssl_")}
    node: Any = ClusterNode
    return RedisCluster(
        startup_nodes=[node(host, port) for host, port in hosts],
        retry=Retry(ExponentialWithJitterBackoff(cap=1, base=0.05), 3),
        **_TIMEOUTS,
        **access,
    )


def transit(client: Client) -> Transit:
    """Tell how a server that answers is reached."""
    if isinstance(client, RedisCluster):
        cluster: Any = client  # its methods are not typed
        nodes = cluster.get_nodes()
        hosts = tuple(sorted({node.host for node in nodes}))
        one = nodes[0].redis_connection or cluster.get_redis_connection(nodes[0])
    else:
        values = client.get_connection_kwargs()
        hosts, one = (values.get("host", "localhost"),), client
    options = one.get_connection_kwargs()
    verified = (
        _is_tls(one)
        and options.get("ssl_cert_reqs", "required") in {"required", ssl.CERT_REQUIRED}
        and options.get("ssl_check_hostname", True)
    )
    return Transit(hosts, _is_tls(one), verified)


def _is_tls(client: redis.Redis) -> bool:
    return issubclass(client.connection_pool.connection_class, redis.SSLConnection)


def reason(error: Exception) -> str:
    """Say what the server or the network answered, in one line."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
