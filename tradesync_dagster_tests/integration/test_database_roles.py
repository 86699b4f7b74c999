"""The roles of deploy/postgres: what each may do, and what row-level security hides from the API.

The tests of the API and the pages that are named here run once more, with the server let in as
``tradesync_api`` and syncs as ``tradesync_app``.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from tradesync_dagster.bootstrap import Services
from tradesync_dagster.store.engine import migrate, open_engine
from tradesync_dagster.store.schema import metadata
from tradesync_dagster.store.store import SqlStore
from tradesync_dagster_tests.conftest import _absent
from tradesync_dagster_tests.integration.pages.test_flows import (  # noqa: F401
    test_an_account_shows_its_day_and_a_past_one_as_the_command_line_does,
    test_breaks_are_explained_accepted_and_reopened,
    test_orders_are_assigned_in_two_clicks_and_it_is_written_who_and_why,
    test_the_log_has_pages,
    test_the_overview_has_the_figures_of_the_books,
    test_the_overview_is_made_once_a_second_and_never_for_another_organization,
    test_what_cannot_be_assigned_is_told_and_logged,
)
from tradesync_dagster_tests.integration.pages.test_signing_in import (  # noqa: F401
    test_a_session_begins_with_a_fresh_token_and_ends_with_the_sign_out,
    test_wrong_passwords_and_unknown_names_are_told_alike,
)
from tradesync_dagster_tests.integration.test_api import (  # noqa: F401
    test_a_past_day_has_the_rows_that_the_command_line_shows,
    test_an_external_order_that_a_sync_found_is_listed,
    test_assigning_moves_an_order_and_the_audit_trail_names_the_key,
    test_what_is_said_of_a_break_is_kept_with_the_keys_name,
)
from tradesync_dagster_tests.integration.test_api_ownership import (  # noqa: F401
    test_an_order_is_shared_out_and_given_back,
    test_claims_are_made_kept_and_taken_back,
    test_every_part_of_a_score_is_shown,
    test_strategies_are_added_once_and_seen_by_their_organization_only,
)
from tradesync_dagster_tests.integration.test_api_twins import (  # noqa: F401
    test_an_account_trades_on_paper_and_back_and_the_log_names_the_key,
)
from tradesync_dagster_tests.support.api import RIVAL, Api, running_api
from tradesync_dagster_tests.support.desk import Desk, open_desk
from tradesync_dagster_tests.support.pages import Pages, running_pages
from tradesync_dagster_tests.support.servers import MissingError, ask, dsn, own_postgres

pytestmark = pytest.mark.postgres
DEPLOY = Path(__file__).resolve().parents[2] / "deploy" / "postgres"
OPEN = {
    "alembic_version", "api_keys", "people", "people_sessions", "sign_in_failures", "audit_log",
    "instruments", "closing_prices", "corporate_actions", "settlements", "ticks",
}  # fmt: skip
"""Tables whose rows are nobody's in particular; see docs/security.md."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server of its own: roles are a whole server's."""
    try:
        with own_postgres() as url:
            yield url
    except MissingError as error:
        _absent("PostgreSQL", error)


def as_role(url: str, role: str) -> str:
    return make_url(url).set(username=role).render_as_string(hide_password=False)


def run_file(url: str, name: str) -> None:
    ask(url, (DEPLOY / name).read_text())


@pytest.fixture
def database_url(server: str) -> Iterator[str]:
    """Books as docs/deployment.md lays them, to be used as ``tradesync_app``."""
    ask(server, "CREATE DATABASE books TEMPLATE template0")
    url = make_url(server).set(database="books").render_as_string(hide_password=False)
    for _ in range(2):
        run_file(url, "roles.sql")
    engine = open_engine(as_role(url, "tradesync_owner"))
    migrate(engine)
    engine.dispose()
    for _ in range(2):
        run_file(as_role(url, "tradesync_owner"), "grants.sql")
    yield as_role(url, "tradesync_app")
    ask(server, "DROP DATABASE books WITH (FORCE)")


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    with open_desk(database_url, tmp_path) as opened:
        yield opened


@pytest.fixture
def served(desk: Desk, database_url: str) -> Iterator[Services]:
    """The services as the API's process has them."""
    engine = open_engine(as_role(database_url, "tradesync_api"))
    settings = desk.services.settings
    yield Services(settings, SqlStore(engine, settings.cipher()), desk.clock)
    engine.dispose()


@pytest.fixture
def api(desk: Desk, served: Services) -> Iterator[Api]:
    desk.services.store.put_accounts([RIVAL])
    _, token = desk.services.keys().add("desk", "asha's terminal")
    with running_api(served) as url:
        yield Api(url, token, "desk")


@pytest.fixture
def pages(desk: Desk, served: Services) -> Iterator[Pages]:
    desk.services.add_strategy("desk", "momentum")
    with running_pages(desk.services, serving=served) as running:
        yield running


@pytest.fixture
def two(desk: Desk, database_url: str) -> str:
    """Synced books of which one account is another organization's; their URL as the owner."""
    for user in ("SIM001", "SIM002"):
        desk.by_hand("BUY", 10, user_id=user)
    desk.sync()
    desk.services.add_strategy("desk", "momentum")
    owner = as_role(database_url, "tradesync_owner")
    ask(owner, "UPDATE accounts SET organization_id = 'rival' WHERE pseudo_account = 'SIM002'")
    return owner


def count(connection: psycopg.Connection, table: str, where: LiteralString = "true") -> int:
    query = sql.SQL("SELECT count(*) FROM {} WHERE {}").format(
        sql.Identifier(table), sql.SQL(where)
    )
    found = connection.execute(query).fetchone()
    assert found is not None
    return int(found[0])


def readable(url: str) -> list[str]:
    """Name the guarded tables that the API may read."""
    with psycopg.connect(dsn(url)) as connection:
        names = connection.execute(
            "SELECT relname FROM pg_class WHERE relrowsecurity AND "
            "has_table_privilege('tradesync_api', oid, 'SELECT')"
        )
        return sorted(name for (name,) in names)


def test_the_api_reads_nothing_of_another_organization_by_direct_sql(two: str) -> None:
    theirs: LiteralString = (
        "account_id IN (SELECT account_id FROM accounts WHERE organization_id = 'rival')"
    )
    of_orders: LiteralString = (
        "order_id IN (SELECT order_id FROM orders JOIN accounts USING (account_id) "
        "WHERE organization_id = 'rival')"
    )
    proven = 0
    with (
        psycopg.connect(dsn(two)) as whole,
        psycopg.connect(dsn(as_role(two, "tradesync_api"))) as held,
    ):
        held.execute("SELECT set_config('tradesync.organization', 'desk', true)")
        rival = {row[0] for row in whole.execute(
            "SELECT account_id FROM accounts WHERE organization_id = 'rival'")}  # fmt: skip
        for table in readable(two):
            columns = metadata.tables[table].c
            if "account_id" not in columns and "order_id" not in columns:
                continue
            if table.startswith("fake_order"):
                continue
            hidden = count(whole, table, theirs if "account_id" in columns else of_orders)
            assert count(held, table) == count(whole, table) - hidden, table
            if "account_id" in columns:
                seen = held.execute(
                    sql.SQL("SELECT DISTINCT account_id FROM {}").format(sql.Identifier(table))
                )
                assert not rival & {row[0] for row in seen}, table
            proven += hidden > 0
    assert proven > 8, "the rival has rows in most tables"


def test_the_api_changes_nothing_of_another_organization_by_direct_sql(two: str) -> None:
    with psycopg.connect(dsn(as_role(two, "tradesync_api"))) as held:
        held.execute("SELECT set_config('tradesync.organization', 'desk', true)")
        changed = held.execute("UPDATE orders SET strategy_id = 'x' RETURNING account_id")
        assert {row[0] for row in changed} == {1}
        held.execute("SAVEPOINT tried")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            held.execute("INSERT INTO strategies VALUES ('rival', 's', 's', false, now())")
        held.execute("ROLLBACK TO tried")
        into: LiteralString = (
            "INSERT INTO accounts (organization_id, pseudo_account, broker, credentials, {}) "
            "VALUES (%s, 'new', 'PAPER', '', true)"
        )
        held.execute(into.format("enabled"), ["desk"])
        for organization, column in ("rival", "enabled"), ("desk", "live"):
            held.execute("ROLLBACK TO tried")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                held.execute(into.format(column), [organization])
        held.execute("ROLLBACK TO tried")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            held.execute("UPDATE orders SET account_id = 2")


def test_what_holds_for_everyone_is_seen_and_not_changed(two: str) -> None:
    halt = "INSERT INTO halts (scope, halted_at, who, why) VALUES ('{}', now(), 'root', 'x')"
    for scope in ("", "desk", "rival/SIM002"):
        ask(two, halt.format(scope))
    ask(two, "GRANT INSERT, DELETE ON halts TO tradesync_api")
    with psycopg.connect(dsn(as_role(two, "tradesync_api"))) as held:
        held.execute("SELECT set_config('tradesync.organization', 'desk', true)")
        seen = held.execute("SELECT scope FROM halts ORDER BY 1").fetchall()
        assert seen == [("",), ("desk",)]
        assert held.execute("DELETE FROM halts").rowcount == 1
        for scope in ("", "rival", "rival/SIM002"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), held.transaction():
                held.execute(halt.format(scope).encode())


def test_a_transaction_that_names_no_organization_is_refused_not_shown_empty_books(
    two: str,
) -> None:
    with (
        psycopg.connect(dsn(two)) as whole,
        psycopg.connect(dsn(as_role(two, "tradesync_api"))) as held,
    ):
        # rows of no account that hold for everyone are shown to everyone
        own = [table for table in readable(two) if "scope" not in metadata.tables[table].c]
        filled = [table for table in own if count(whole, table)]
        assert len(filled) > 8
        for table in filled:
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="names no organization"):
                count(held, table)
            held.rollback()
        held.execute("SELECT set_config('tradesync.organization', 'desk', true)")
        assert count(held, "accounts") == 2
        held.commit()
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="names no organization"):
            count(held, "accounts")


@pytest.mark.parametrize("statement", [
    "DROP TABLE orders", "CREATE TABLE own (x int)",
    "ALTER TABLE orders DISABLE ROW LEVEL SECURITY", "DELETE FROM alembic_version",
    "SET ROLE tradesync_owner",
])  # fmt: skip
@pytest.mark.parametrize("role", ["app", "api", "reader"])
def test_only_the_owner_changes_the_schema(two: str, role: str, statement: str) -> None:
    # a reader's transactions are read-only besides, which is said first
    refusals = (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)
    with pytest.raises(refusals):
        ask(as_role(two, f"tradesync_{role}"), statement)


@pytest.mark.parametrize("statement", [
    "UPDATE accounts SET live = true", "DELETE FROM fills", "DELETE FROM looks",
    "UPDATE raw_payloads SET body = ''", "DELETE FROM raw_payloads",
    "UPDATE looks SET confirmed = 0",
    "INSERT INTO api_keys (key_id, organization_id, name, digest, created_at) "
    "VALUES ('k', 'rival', 'n', 'd', now())", "UPDATE people SET role = 'admin'",
    "DELETE FROM audit_log", "UPDATE audit_log SET who = 'x'",
    "UPDATE halts SET resumed_at = now()",
])  # fmt: skip
def test_the_api_may_not(two: str, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
        ask(as_role(two, "tradesync_api"), statement)


def test_readers_see_every_organization_and_nothing_secret(two: str) -> None:
    reader = as_role(two, "tradesync_reader")
    assert ask(reader, "SELECT count(DISTINCT organization_id) FROM accounts") == "2"
    for secret in ("SELECT credentials FROM accounts", "SELECT * FROM api_keys",
                   "SELECT * FROM people"):  # fmt: skip
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
            ask(reader, secret)
    with pytest.raises(psycopg.Error, match=r"read-only|permission denied"):
        ask(reader, "DELETE FROM orders")


def test_every_table_is_guarded_or_nobodys_and_named_in_the_grants(two: str) -> None:
    with psycopg.connect(dsn(two)) as connection:
        policies = connection.execute(
            "SELECT tablename FROM pg_policies WHERE policyname = 'guard_organizations'"
        )
        guarded = {name for (name,) in policies}
    tables = set(metadata.tables) | {"alembic_version"}
    assert guarded | OPEN == tables, "a migration that adds a table adds its policy, like 0014"
    assert not guarded & OPEN
    grants = (DEPLOY / "grants.sql").read_text()
    named = set(re.findall(r"\w+", grants.partition("BEGIN;")[2]))
    assert tables <= named, "give tradesync_api and tradesync_reader their part"
