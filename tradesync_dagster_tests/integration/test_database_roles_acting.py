"""What people and brokers set off over the API, with the server let in as ``tradesync_api`` alone.

The tests that are named here are those of the API's own modules, run once more on books whose other
users are ``tradesync_app``: brokers' hints, orders tried again, fake orders, schedules.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from tradesync_dagster.bootstrap import Services, SystemClock
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster.domain.people import Role
from tradesync_dagster.domain.ports import Clock
from tradesync_dagster.settings import Settings
from tradesync_dagster.store.engine import open_engine
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.integration import (
    test_api_fake_orders as fake_orders,
)
from tradesync_dagster_tests.integration import (
    test_api_schedules as schedules,
)
from tradesync_dagster_tests.integration import (
    test_api_user_orders as user_orders,
)
from tradesync_dagster_tests.integration import (
    test_hints as hints,
)
from tradesync_dagster_tests.integration.store import test_store_fake_orders as stored_fake_orders
from tradesync_dagster_tests.integration.test_database_roles import (  # noqa: F401 - fixtures
    as_role,
    database_url,
    server,
    two,
)
from tradesync_dagster_tests.support.answering_dagster import Dagster, answering_dagster
from tradesync_dagster_tests.support.api import RIVAL, Api, running_api
from tradesync_dagster_tests.support.clocks import MovingClock
from tradesync_dagster_tests.support.desk import Desk, ask
from tradesync_dagster_tests.support.fake_orders import HOUR
from tradesync_dagster_tests.support.monitored import WatchedDesk, open_watched_desk
from tradesync_dagster_tests.support.servers import dsn
from tradesync_dagster_tests.support.trading import KEY, TradingDesk, open_trading_desk

pytestmark = pytest.mark.postgres
AsApi = Callable[[Services], Services]


@pytest.fixture
def as_api(database_url: str) -> Iterator[AsApi]:  # noqa: F811 - the fixture
    """Give the services of a desk as the API's process has them."""
    engine = open_engine(as_role(database_url, "tradesync_api"))
    yield lambda services: Services(
        services.settings, SqlStore(engine, services.settings.cipher()), services.clock
    )
    engine.dispose()


def opened(url: str, home: Path, clock: Clock) -> Iterator[Services]:
    engine = open_engine(url)
    settings = Settings(home=home, _env_file=None)
    store = SqlStore(engine, settings.cipher())
    store.put_accounts([Account(0, name, "main", "ZERODHA") for name in ("acme", "rival")])
    yield Services(settings, store, clock)
    engine.dispose()


def test_messages_of_no_account_are_of_the_organization_that_they_name(two: str) -> None:  # noqa: F811
    message: LiteralString = (
        "INSERT INTO outbox (message_id, exchange, routing_key, body, created_at) "
        "VALUES (%s, 'x', %s, '', now())"
    )
    own = "organization.desk.moderated"
    others = ("desk.run_failed", "organization.desk.more.moderated", "organization.rival.moderated")
    with psycopg.connect(dsn(as_role(two, "tradesync_app"))) as syncing:
        for key in (own, *others):
            syncing.execute(message, [key, key])
    with psycopg.connect(dsn(as_role(two, "tradesync_api"))) as held:
        held.execute("SELECT set_config('tradesync.organization', 'desk', true)")
        seen = held.execute("SELECT routing_key FROM outbox WHERE account_id IS NULL").fetchall()
        assert seen == [(own,)]
        held.execute(message, ["one", own])
        for key in others:
            with pytest.raises(psycopg.errors.InsufficientPrivilege), held.transaction():
                held.execute(message, ["two", key])
        held.rollback()


class TestHints:
    """A broker's message brings a look, which writes what a look of the monitor writes."""

    @pytest.fixture
    def desk(self, database_url: str, tmp_path: Path) -> Iterator[WatchedDesk]:  # noqa: F811
        with open_watched_desk(database_url, tmp_path) as found:
            yield found

    @pytest.fixture
    def url(self, desk: WatchedDesk, as_api: AsApi) -> Iterator[str]:
        secret = next(a["api_secret"] for a in ask(f"{desk.at.desk.url}/sim/accounts"))
        desk.at.desk.services.store.put_credentials(KEY, {"api_secret": secret})
        with running_api(as_api(desk.at.desk.services)) as listening:
            yield listening

    def test_a_message_brings_a_look_that_leaves_its_record(
        self, desk: WatchedDesk, url: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        hints.test_a_genuine_message_brings_the_change_into_the_snapshot(desk, url)
        assert not [record.message for record in caplog.records if "look at" in record.message]


def test_a_paper_account_is_opened_when_it_is_first_needed(desk: Desk, as_api: AsApi) -> None:
    served = as_api(desk.with_settings(paper_url=desk.url).services)
    _, token = desk.services.keys().add("desk", "terminal", Role.ADMIN)
    with running_api(served) as url:
        answer = Api(url, token, "desk").post("/accounts/SIM001/trade", through="paper")
    assert answer.status_code == 200, answer.text


class TestUserOrders:
    """A retry places an order, and looks at it."""

    @pytest.fixture
    def trading(self, database_url: str, tmp_path: Path) -> Iterator[TradingDesk]:  # noqa: F811
        with open_trading_desk(database_url, tmp_path) as found:
            yield found

    @pytest.fixture
    def api(self, trading: TradingDesk, as_api: AsApi) -> Iterator[Api]:
        services = trading.desk.services
        services.store.put_accounts([RIVAL])
        _, token = services.keys().add("desk", "asha's terminal")
        with running_api(as_api(services)) as url:
            yield Api(url, token, "desk")

    test_listed = staticmethod(user_orders.test_orders_are_listed_by_status_reason_and_day)
    test_two_at_once = staticmethod(
        user_orders.test_of_two_who_press_at_once_one_gets_it_and_one_order_is_at_the_exchange
    )
    test_rejected = staticmethod(
        user_orders.test_a_rejected_order_is_tried_again_as_another_one_that_names_it
    )
    test_dropped = staticmethod(user_orders.test_a_dropped_order_is_cancelled_and_leaves_the_queue)
    test_limits = staticmethod(user_orders.test_limits_and_halts_are_409_with_the_reason)


class TestFakeOrders:
    """Fake orders are taken in and moderated, and the scheduler is switched."""

    @pytest.fixture
    def services(self, database_url: str, tmp_path: Path) -> Iterator[Services]:  # noqa: F811
        yield from opened(database_url, tmp_path, MovingClock(HOUR - timedelta(minutes=3)))

    @pytest.fixture
    def dagster(self) -> Iterator[Dagster]:
        with answering_dagster() as found:
            yield found

    @pytest.fixture
    def url(self, services: Services, dagster: Dagster, as_api: AsApi) -> Iterator[str]:
        with running_api(as_api(services), dagster.url) as found:
            yield found

    @pytest.fixture
    def api(self, services: Services, url: str) -> Api:
        return fake_orders.client(services, url)

    test_taken_in = staticmethod(fake_orders.test_an_order_is_taken_in_moderated_and_shown)
    test_once = staticmethod(fake_orders.test_an_idempotency_key_makes_one_order)
    test_own = staticmethod(fake_orders.test_nobody_sees_or_makes_another_organizations_orders)
    test_forced = staticmethod(fake_orders.test_a_forced_run_is_for_the_keys_own_organization)


class TestLooks:
    """Row-level security keeps no look at fake orders from its index."""

    @pytest.fixture
    def store(self, database_url: str, tmp_path: Path) -> Iterator[SqlStore]:  # noqa: F811
        for services in opened(database_url, tmp_path, SystemClock()):
            yield services.store

    test_indexes = staticmethod(stored_fake_orders.test_looks_use_the_indexes_of_what_waits)


class TestSchedules:
    """Schedules are read, changed and deleted within an organization."""

    @pytest.fixture
    def services(self, database_url: str, tmp_path: Path) -> Iterator[Services]:  # noqa: F811
        yield from opened(database_url, tmp_path, SystemClock())

    @pytest.fixture
    def api(self, services: Services, as_api: AsApi) -> Iterator[Api]:
        with running_api(as_api(services)) as url:
            yield Api(url, services.keys().add("acme", "terminal")[1], "acme")

    test_changed = staticmethod(
        schedules.test_schedules_are_read_and_changed_within_an_organization
    )
    test_deleted = staticmethod(
        schedules.test_a_narrower_schedule_is_deleted_and_the_wider_one_holds_again
    )
    test_turns = staticmethod(schedules.test_turns_and_heartbeats_are_of_the_keys_organization)
