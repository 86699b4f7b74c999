"""Notifications through RabbitMQ: sending them in order, and following them.

What belongs here: connection, exchange, confirms. What does not: what a message says, and which
messages are still to be sent (``store``).
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.adapters.utils.connection_workflow import AMQPConnectorStackTimeout
from pika.exceptions import (
    AMQPConnectionError,
    AMQPError,
    AMQPHeartbeatTimeout,
    ChannelClosedByBroker,
    ConnectionBlockedTimeout,
    NackError,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
)

from tradesync_dagster.domain.errors import ConfigurationError, MessagesStalledError
from tradesync_dagster.domain.publications import OutboxMessage
from tradesync_dagster.domain.transit import ADVICE, CERTIFICATE, Transit

_SCHEMES = ("amqp://", "amqps://")
_PREFETCH = 100
_LOOK_UP_EVERY = 0.2
_PAUSES = (0.2, 0.4, 0.8)
"""Seconds between tries to connect."""

_log = logging.getLogger(__name__)
logging.getLogger("pika").setLevel(logging.CRITICAL)
"""What pika says over ten lines and a traceback, the errors raised here say in one sentence."""


@dataclass(frozen=True, slots=True)
class Received:
    """A notification as it arrived.

    Attributes:
        message_id: The same again means the same notification: ignore it.
        body: The JSON document.
    """

    message_id: str
    routing_key: str
    body: bytes


class RabbitPublisher:
    """Sends notifications over one connection a call; the broker confirms each on its disk.

    A message that no queue is bound for counts as sent, so the ``mandatory`` flag is not set: that
    nobody listens is no failure, and holding it back would hold back everything after it.
    """

    def __init__(self, url: str) -> None:
        """Read the address; nothing is opened yet.

        Args:
            url: ``amqp://USER:PASSWORD@HOST:PORT/VHOST``, or ``amqps://`` for TLS.

        Raises:
            ConfigurationError: It is not such an address.
        """
        self._parameters = _parameters(url)

    def publish(self, messages: Sequence[OutboxMessage]) -> Sequence[str]:
        """Send the messages in order.

        Args:
            messages: Oldest first.

        Returns:
            The message ids that the broker confirmed, a prefix of those given.

        Raises:
            MessagesStalledError: The server let us wait in vain; it has what was confirmed.
            ConfigurationError: Nothing could be sent; it says why.
        """
        if not messages:
            return []
        confirmed: list[str] = []
        try:
            with _open_soon(self._parameters) as connection:
                self._send(connection.channel(), messages, confirmed)
        except _STALLED as error:
            what = f"took {len(confirmed)} of {len(messages)} notifications, then none"
            told = _in_words(self._parameters, error, what if confirmed else "took no notification")
            raise MessagesStalledError(str(told), confirmed) from None
        except (AMQPError, ValueError) as error:
            if not confirmed:
                raise _in_words(self._parameters, error, "took no notification") from None
            _log.warning(
                "RabbitMQ at %s confirmed %d of %d notifications, then: %s",
                _address(self._parameters),
                len(confirmed),
                len(messages),
                _reason(error),
            )
        return confirmed

    def check(self) -> Transit:
        """Make sure that the server answers and lets this user in.

        Returns:
            How it is reached.

        Raises:
            ConfigurationError: It does not; it says which server and why.
        """
        try:
            _open(self._parameters).close()
        except (AMQPError, ValueError) as error:
            raise _in_words(self._parameters, error, "cannot be used") from None
        tls = self._parameters.ssl_options
        verified = tls is not None and tls.context.check_hostname  # which needs a certificate
        return Transit((self._parameters.host,), tls is not None, verified)

    def _send(
        self, channel: BlockingChannel, messages: Sequence[OutboxMessage], confirmed: list[str]
    ) -> None:
        channel.confirm_delivery()
        declared: set[str] = set()
        for message in messages:
            if message.exchange not in declared:
                channel.exchange_declare(message.exchange, "topic", durable=True)
                declared.add(message.exchange)
            channel.basic_publish(
                message.exchange,
                message.routing_key,
                message.body,
                pika.BasicProperties(
                    content_type="application/json",
                    delivery_mode=pika.DeliveryMode.Persistent,
                    message_id=message.message_id,
                    timestamp=int(message.created_at.timestamp()),
                ),
            )
            confirmed.append(message.message_id)


def follow(
    url: str,
    exchange: str,
    pattern: str,
    handle: Callable[[Received], None],
    *,
    stop: threading.Event,
    queue: str = "",
    ready: threading.Event | None = None,
) -> None:
    """Hand over notifications as they arrive, until told to stop.

    A notification is acknowledged after ``handle`` returns; if it raises, the notification goes
    back to its queue and the error on to the caller.

    Args:
        url: As for ``RabbitPublisher``.
        exchange: Such as ``sync_notifications``.
        pattern: Of routing keys, such as ``account.*.sync_completed``.
        handle: Called in this thread.
        stop: Looked at several times a second.
        queue: A name makes a durable queue that keeps collecting while nobody follows; empty
            makes one that ends with this call.
        ready: Set when from now on nothing is missed.

    Raises:
        ConfigurationError: RabbitMQ cannot be reached, refuses, or is lost on the way.
    """
    parameters = _parameters(url)
    try:
        with _open(parameters) as connection:
            channel = connection.channel()
            channel.exchange_declare(exchange, "topic", durable=True)
            declared = channel.queue_declare(queue, durable=bool(queue), exclusive=not queue)
            name = declared.method.queue
            channel.queue_bind(name, exchange, pattern)
            channel.basic_qos(prefetch_count=_PREFETCH)
            if ready is not None:
                ready.set()
            _consume(channel, name, handle, stop)
    except AMQPError as error:
        raise _in_words(parameters, error, "cannot be followed") from None


def _consume(
    channel: BlockingChannel, queue: str, handle: Callable[[Received], None], stop: threading.Event
) -> None:
    for method, properties, body in channel.consume(queue, inactivity_timeout=_LOOK_UP_EVERY):
        if stop.is_set():
            return
        if method is not None and properties is not None:
            handle(Received(properties.message_id or "", method.routing_key or "", body or b""))
            channel.basic_ack(method.delivery_tag or 0)


def _open_soon(parameters: pika.URLParameters) -> pika.BlockingConnection:
    """Connect, and again after growing pauses; what stays away is left to the next tick."""
    for pause in _PAUSES:
        try:
            return _open(parameters)
        except (ProbableAuthenticationError, ProbableAccessDeniedError, _SilentError):
            raise  # it would only be refused again, or waited for as long again
        except AMQPConnectionError as error:
            _log.info("rabbitmq: %s; trying again", type(error).__name__)
            time.sleep(pause)
    return _open(parameters)


class _SilentError(AMQPConnectionError):
    """The server took the connection and says nothing."""


_STALLED = (_SilentError, ConnectionBlockedTimeout, AMQPHeartbeatTimeout)
"""The server keeps a connection and takes nothing: each try costs a whole wait."""


def _open(parameters: pika.URLParameters) -> pika.BlockingConnection:
    try:
        return pika.BlockingConnection(parameters)
    except AMQPConnectorStackTimeout as error:  # no AMQPError, unlike all others
        raise _SilentError(f"no answer within {parameters.stack_timeout:g} s") from error
    except OSError as error:  # such as a host that has no address
        raise AMQPConnectionError(error) from error


def _parameters(url: str) -> pika.URLParameters:
    try:
        parameters = pika.URLParameters(url) if url.startswith(_SCHEMES) else None
    except (ValueError, IndexError, TypeError, KeyError, OSError):
        parameters = None
    if parameters is None:
        raise ConfigurationError(
            "the RabbitMQ address is not one; write amqp://USER:PASSWORD@HOST:PORT/VHOST, or "
            "amqps:// for TLS, with special characters percent-encoded"
        )
    parameters.heartbeat = 10
    parameters.blocked_connection_timeout = 20
    parameters.socket_timeout = 5
    parameters.stack_timeout = 10
    parameters.connection_attempts = 1
    return parameters


def _address(parameters: pika.URLParameters) -> str:
    return f"{parameters.host}:{parameters.port}"


def _reason(error: BaseException) -> str:
    """Say what the broker or the network answered, in one line and never empty."""
    inner = getattr(error, "exception", None) or (error.args[0] if error.args else None)
    if isinstance(inner, Exception) and not isinstance(error, OSError):
        return _reason(inner)
    return " ".join(str(error).split()) or type(error).__name__


def _in_words(parameters: pika.URLParameters, error: Exception, what: str) -> ConfigurationError:
    advice = "check that it runs and that its address, user, password and vhost are right"
    if isinstance(error, ChannelClosedByBroker) and error.reply_code == 406:
        advice = "the exchange or queue exists with other settings: delete it, or use another name"
    elif isinstance(error, NackError):
        advice = "a queue takes no more: have it read, or raise its limit"
    elif CERTIFICATE in _reason(error):
        advice = ADVICE
    return ConfigurationError(
        f"RabbitMQ at {_address(parameters)} {what} ({_reason(error)}); {advice}"
    )
