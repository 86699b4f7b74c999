"""Everything that leaves a desk, followed as a front end and a consumer would.

What belongs here: what Redis holds and what RabbitMQ delivered, held against the store. What does
not: how servers fail (``killed_servers``).
"""

from typing import Any

import pika
from sqlalchemy import select

from tradesync_dagster.publish.redis_snapshots import ACCOUNTS_KEY, account_key
from tradesync_dagster.store import tables
from tradesync_dagster.sync.documents import EXCHANGE
from tradesync_dagster_tests.support.desk import Desk

QUEUE = "tradesync-test-followed"


def listen(rabbitmq: str, **arguments: Any) -> None:
    """Make a durable queue that collects every notification."""
    with pika.BlockingConnection(pika.URLParameters(rabbitmq)) as connection:
        channel = connection.channel()
        channel.exchange_declare(EXCHANGE, "topic", durable=True)
        channel.queue_declare(QUEUE, durable=True, arguments=arguments)
        channel.queue_bind(QUEUE, EXCHANGE, "#")


def received(rabbitmq: str) -> list[str]:
    """Take all messages; give their ids in order, each once."""
    found: list[str] = []
    with pika.BlockingConnection(pika.URLParameters(rabbitmq)) as connection:
        channel = connection.channel()
        while True:
            method, properties, _ = channel.basic_get(QUEUE, auto_ack=True)
            if method is None or properties is None:
                return list(dict.fromkeys(found))
            found.append(str(properties.message_id))


def check_messages(desk: Desk, arrived: list[str]) -> int:
    """Make sure that all of the outbox arrived, each account's in its order; count it."""
    with desk.services.store.reading() as connection:
        table = tables.outbox
        rows = connection.execute(select(table).order_by(table.c.outbox_id)).mappings().all()
    assert all(row["sent_at"] for row in rows)
    assert {row["message_id"] for row in rows} == set(arrived)
    of = {row["message_id"]: row["account_id"] for row in rows}
    for account_id in set(of.values()):
        due = [row["message_id"] for row in rows if row["account_id"] == account_id]
        assert [one for one in arrived if of[one] == account_id] == due
    return len(rows)


def check_snapshots(desk: Desk, client: Any) -> None:
    """Make sure that Redis or a cluster holds what the store holds."""
    ids = [account.account_id for account in desk.services.store.accounts()]
    stored = desk.services.store.unpublished(ids)
    assert stored
    for one in stored:
        version, body = client.hmget(account_key(one.key), "version", "body")
        assert (int(version), body) == (one.version, one.body)
    assert {key.decode() for key in client.smembers(ACCOUNTS_KEY)} == {one.key for one in stored}


def check_ledger(desk: Desk, users: list[str]) -> int:
    """Make sure that every order of the exchange is in the books, once, as it is there."""
    count = 0
    for user in users:
        ours = sorted(
            (row["broker_order_id"], row["quantity"], row["filled_quantity"], row["status_word"])
            for row in desk.services.orders(f"desk/{user}", days=30)
        )
        theirs = sorted(
            (row["order_id"], row["quantity"], row["filled_quantity"], row["status"])
            for row in desk.truth(user)["orders"]
        )
        assert ours == theirs
        positions = {
            (row["symbol"], row["product"]): row["quantity"]
            for row in desk.services.positions(f"desk/{user}")
            if row["quantity"]
        }
        assert positions == {
            (row["tradingsymbol"], row["product"]): row["quantity"]
            for row in desk.truth(user)["positions"]
            if row["quantity"]
        }
        count += len(ours)
    return count
