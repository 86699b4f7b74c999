"""Which class stands behind which port.

What belongs here: making clients of brokers and servers from settings. What does not: using them.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tradesync_dagster.brokers.factory import BrokerFactory
from tradesync_dagster.brokers.transport import Transport, TransportPolicy
from tradesync_dagster.domain.ports import MessagePublisher, SnapshotPublisher
from tradesync_dagster.domain.publications import Snapshot
from tradesync_dagster.publish.notify import ApprisePeople, addresses_of
from tradesync_dagster.publish.rabbitmq import RabbitPublisher
from tradesync_dagster.publish.redis_snapshots import RedisSnapshots, connect
from tradesync_dagster.settings import Settings
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster.sync.alerts import AlertRules


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - the one clock

    async def sleep(self, seconds: float) -> None:
        """Wait without blocking the loop."""
        await asyncio.sleep(seconds)


class LazyRedis:
    """Opens Redis only when there is something to publish, so that its absence stops no sync."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def open(self) -> Any:
        """Connect; see ``publish.redis_snapshots.connect``."""
        settings = self._settings
        url = settings.redis_url.get_secret_value() if settings.redis_url else None
        return connect(url, settings.redis_cluster_hosts, production=settings.is_production)

    def publish(self, snapshots: Sequence[Snapshot]) -> None:
        """See ``ports.SnapshotPublisher``."""
        if not snapshots:
            return
        client = self.open()
        try:
            RedisSnapshots(client).publish(snapshots)
        finally:
            client.close()


@dataclass(frozen=True, slots=True)
class Wiring:
    """Settings, the books and the clock, and what can be made of them."""

    settings: Settings
    store: SqlStore
    clock: SystemClock

    def brokers(self) -> BrokerFactory:
        """Open the brokers' clients over one transport; close them after use."""
        settings = self.settings
        policy = TransportPolicy(
            timeout_seconds=settings.broker_api_timeout_seconds,
            retry_attempts=settings.broker_api_retry_attempts,
            rate_limit_delay=settings.broker_api_rate_limit_delay,
            connections=4 * settings.concurrency,
        )
        return BrokerFactory(Transport(self.clock, policy), self.clock)

    def snapshots(self) -> SnapshotPublisher | None:
        """Return Redis where it is configured."""
        settings = self.settings
        cluster = settings.is_production and settings.redis_cluster_hosts.strip()
        return LazyRedis(settings) if settings.redis_url or cluster else None

    def messages(self) -> MessagePublisher | None:
        """Return RabbitMQ where it is configured."""
        url = self.settings.rabbitmq_url
        return None if url is None else RabbitPublisher(url.get_secret_value())

    def people(self) -> ApprisePeople:
        """Return the addresses of those who are told of alerts; none where none is configured."""
        urls = self.settings.notify_urls
        return ApprisePeople(addresses_of(urls.get_secret_value()) if urls else [])

    def alert_rules(self) -> AlertRules:
        """Say who is told what."""
        settings = self.settings
        return AlertRules(
            external_orders=settings.external_order_notification_enabled
            and settings.external_order_detection_enabled,
            check_every=settings.check_every,
            addresses=len(self.people()),
        )
