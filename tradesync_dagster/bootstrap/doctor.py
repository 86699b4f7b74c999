"""Whether everything that is configured works, in words.

What belongs here: one check a server. What does not: mending anything.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from tradesync_dagster.bootstrap.wiring import LazyRedis, Wiring
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.errors import TradesyncError
from tradesync_dagster.domain.market_calendar import known_until, trade_date_of
from tradesync_dagster.domain.transit import Transit
from tradesync_dagster.publish.rabbitmq import RabbitPublisher
from tradesync_dagster.publish.redis_snapshots import RedisSnapshots
from tradesync_dagster.store.engine import check_migrated, transit

_MOST_NAMED = 5
"""Accounts that one check names."""
_Found = tuple[str, str]
"""A state and its detail."""


@dataclass(frozen=True, slots=True)
class Doctor:
    """Looks at what is configured."""

    wiring: Wiring

    def examine(self) -> list[dict[str, str]]:
        """Check every configured server.

        Returns:
            Rows with ``name``, ``state`` (``ok``, ``off``, ``warning`` or ``wrong``) and
            ``detail``.
        """
        checks = {
            "database": self._database,
            "redis": self._redis,
            "rabbitmq": self._rabbitmq,
            "people": self._people,
            "calendar": self._calendar,
            "accounts": self._accounts,
            "external_orders": self._external_orders,
        }
        return [_row(name, check) for name, check in checks.items()]

    def _database(self) -> _Found:
        engine = self.wiring.store.engine
        check_migrated(engine)
        where = engine.url.render_as_string(hide_password=True)
        return ("ok", where) if engine.dialect.name == "sqlite" else _told(transit(engine), where)

    def _redis(self) -> _Found:
        publisher = self.wiring.snapshots()
        if publisher is None:
            return "off", "REDIS_URL is not set; snapshots stay in the database"
        client = LazyRedis(self.wiring.settings).open()
        try:
            return _told(RedisSnapshots(client, retries=0).check(), "answers")
        finally:
            client.close()

    def _rabbitmq(self) -> _Found:
        url = self.wiring.settings.rabbitmq_address
        if url is None:
            return "off", "RABBITMQ_URL is not set; notifications stay in the outbox"
        return _told(RabbitPublisher(url).check(), "answers")

    def _people(self) -> _Found:
        people = self.wiring.people()
        if not len(people):
            return "off", "TRADESYNC_NOTIFY_URLS is not set; alerts go to RabbitMQ or the outbox"
        people.check()
        if not self.wiring.settings.rabbitmq_notifications_enabled:
            return "wrong", "RABBITMQ_NOTIFICATIONS_ENABLED is false, so that no alert is made"
        return "ok", f"{len(people)} address(es), all well-formed; nothing was sent"

    def _external_orders(self) -> _Found:
        """Say which accounts' books have not been seen whole for too long."""
        settings = self.wiring.settings
        if not settings.external_order_detection_enabled:
            return "off", "EXTERNAL_ORDER_DETECTION_ENABLED is false"
        accounts = {one.account_id: one.key for one in self.wiring.store.accounts()}
        with self.wiring.store.look() as work:
            states = [s for s in work.states(list(accounts)) if s.kind == "orders"]
        if not states:
            return "off", "no account has been looked at yet; do so with: tradesync sync"
        limit = self.wiring.clock.now() - settings.check_every
        looked = {s.account_id for s in states if s.requested_at >= limit}
        late = sorted(key for account_id, key in accounts.items() if account_id not in looked)
        minutes = settings.check_every // timedelta(minutes=1)
        if late:
            more = f" and {len(late) - _MOST_NAMED} more" if len(late) > _MOST_NAMED else ""
            return "wrong", (
                f"no complete order book within {minutes} minutes, so that external orders were "
                f"not looked for: {', '.join(late[:_MOST_NAMED])}{more}; does the sync run?"
            )
        return "ok", f"{len(accounts)} accounts, each looked at within {minutes} minutes"

    def _accounts(self) -> _Found:
        return asyncio.run(self._sessions(self.wiring.store.accounts()))

    async def _sessions(self, accounts: Sequence[Account]) -> _Found:
        if not accounts:
            return "off", (
                "no account is enabled; add one with: tradesync accounts add, or include one "
                "again with: tradesync accounts enable"
            )
        brokers = self.wiring.brokers()

        async def check(account: Account) -> str:
            try:
                await brokers.client(account).profile()
            except TradesyncError as error:
                return f"{account.key}: {error}"
            return ""

        try:
            found = await asyncio.gather(*(check(account) for account in accounts))
        finally:
            await brokers.close()
        wrong = [sentence for sentence in found if sentence]
        if wrong:
            more = f"; and {len(wrong) - _MOST_NAMED} more" if len(wrong) > _MOST_NAMED else ""
            return "wrong", "; ".join(wrong[:_MOST_NAMED]) + more
        return "ok", f"{len(accounts)} enabled, all sessions answer"

    def _calendar(self) -> _Found:
        last, today = known_until(), trade_date_of(self.wiring.clock.now())
        if last >= today:
            return "ok", f"holidays are known until {last}; after it every weekday counts"
        return "off", (
            f"holidays are known until {last} only, so that every weekday counts as a trading "
            "day; install a newer exchange_calendars"
        )


def _row(name: str, check: Callable[[], _Found]) -> dict[str, str]:
    try:
        state, detail = check()
    except TradesyncError as error:
        state, detail = "wrong", str(error)
    return {"name": name, "state": state, "detail": detail}


def _told(way: Transit, detail: str) -> _Found:
    return ("ok" if way.is_safe else "warning"), f"{detail}; {way}"
