"""Which class stands behind which port.

What belongs here: making clients of brokers and servers from settings. What does not: using them.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tradesync_dagster.brokers.calls import TransportPolicy
from tradesync_dagster.brokers.factory import BrokerFactory
from tradesync_dagster.brokers.transport import Transport
from tradesync_dagster.domain.ports import Clock, MessagePublisher, SnapshotPublisher
from tradesync_dagster.domain.publications import Snapshot
from tradesync_dagster.publish.notify import ApprisePeople, addresses_of
from tradesync_dagster.publish.rabbitmq import RabbitPublisher
from tradesync_dagster.publish.redis_servers import connect
from tradesync_dagster.publish.redis_snapshots import RedisSnapshots
from tradesync_dagster.settings import Settings
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster.sync.alerts import AlertRules
from tradesync_dagster.sync.rebuilding import GenerationRules


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
        """Connect; see ``publish.redis_servers.connect``."""
        settings = self._settings
        return connect(
            settings.redis_address,
            settings.redis_cluster_hosts,
            production=settings.is_production,
        )

    def publish(self, snapshots: Sequence[Snapshot]) -> None:
        """See ``ports.SnapshotPublisher``."""
        if not snapshots:
            return
        client = self.open()
        try:
            RedisSnapshots(client).publish(snapshots)
        finally:
            client.close()

    def held(self, keys: Sequence[str]) -> Mapping[str, int]:
        """See ``ports.SnapshotPublisher``."""
        client = self.open()
        try:
            return RedisSnapshots(client).held(keys)
        finally:
            client.close()


def people_addresses(settings: Settings) -> list[str]:
    """Read the addresses of people; each is a secret as a whole."""
    return addresses_of(settings.notify_urls.get_secret_value()) if settings.notify_urls else []


@dataclass(frozen=True, slots=True)
class Wiring:
    """Settings, the books and the clock, and what can be made of them."""

    settings: Settings
    store: SqlStore
    clock: Clock

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
        url = self.settings.rabbitmq_address
        return None if url is None else RabbitPublisher(url)

    def people(self) -> ApprisePeople:
        """Return the addresses of those who are told of alerts; none where none is configured."""
        pause = timedelta(seconds=self.settings.notify_pause_seconds)
        return ApprisePeople(people_addresses(self.settings), pause=pause)

    def generation_rules(self) -> GenerationRules:
        """Say when positions and holdings are made from fills."""
        settings = self.settings
        return GenerationRules(
            enabled=settings.position_generation_enabled,
            refresh=timedelta(minutes=settings.positions_refresh_minutes),
            interval=timedelta(minutes=settings.position_generation_interval_minutes),
        )

    def alert_rules(self) -> AlertRules:
        """Say who is told what."""
        settings = self.settings
        return AlertRules(
            external_orders=settings.external_order_notification_enabled
            and settings.external_order_detection_enabled,
            check_every=settings.check_every,
            addresses=len(self.people()),
        )
