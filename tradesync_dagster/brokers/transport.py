"""One HTTP transport for all brokers and accounts.

It owns connections, timeouts, retries of reads, rate limits per account and the mapping of network
failures to our errors, whose text never has a query, header or form field. What belongs here: what
is the same for all brokers. What does not: reading bodies (``reading``), a broker's words.
"""

import asyncio
import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
from yarl import URL

from tradesync_dagster.domain.errors import (
    BrokerError,
    BrokerUnavailableError,
    ConfigurationError,
    RateLimitedError,
    UnreadableAnswerError,
)
from tradesync_dagster.domain.ports import Clock

_CHUNK = 64 * 1024
_LONGEST_WAIT = 30.0
"""Longest wait before a retry in seconds, whatever the broker asks for."""
_WINDOW = 1.05
"""Seconds over which requests are counted; a little more than one, for jitter on the way."""
NOT_SENT_AGAIN = "; it may have been carried out and is not sent again: the order book will tell"


@dataclass(frozen=True, slots=True)
class TransportPolicy:
    """How patient and how busy the transport is.

    Attributes:
        timeout_seconds: For one try, from sending to the last byte.
        retry_attempts: How often a read is sent again after its first try.
        retry_delay: Seconds before the first retry; doubles with each.
        rate_limit_delay: The same after the broker asked for fewer requests.
        requests_per_second: Most requests of one account in any second.
        max_body_bytes: Longest body that is read, after decompression.
        connections: Most requests under way at once, over all accounts.
    """

    timeout_seconds: float = 30.0
    retry_attempts: int = 3
    retry_delay: float = 0.25
    rate_limit_delay: float = 1.0
    requests_per_second: int = 10
    max_body_bytes: int = 16 * 1024 * 1024
    connections: int = 256


@dataclass(frozen=True, slots=True)
class Call:
    """One request to make.

    Attributes:
        broker: The broker's name, for errors.
        endpoint: The call's name, for errors.
        account: The account's key; requests are rate limited by broker and account.
        idempotent: Whether sending it again is harmless. Only then is it ever sent again.
        keep_errors: Whether answers with status 429 or 5xx are returned, once retries are spent,
            to an adapter that reads the broker's words in them.
    """

    method: str
    url: str = field(repr=False)
    broker: str
    endpoint: str
    account: str
    idempotent: bool
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    json: Any = field(default=None, repr=False)
    keep_errors: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Attributes:
        requested_at: When the first try was sent, UTC.
        seconds: From then to the last byte, retries included.
        attempts: Tries made.
        broker_time: The ``Date`` header, UTC, where it could be read.
    """

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    requested_at: datetime
    seconds: float
    attempts: int
    broker_time: datetime | None = None


def refusal(call: Call, status: int) -> BrokerError | None:
    """Return the error that a status stands for by itself: 429 and 5xx, otherwise ``None``."""
    if status == 429:
        return RateLimitedError(
            call.broker, call.endpoint, f"too many requests for {call.account} (HTTP 429)"
        )
    if status >= 500:
        tail = "" if call.idempotent else NOT_SENT_AGAIN
        return BrokerUnavailableError(
            call.broker, call.endpoint, f"the broker's server failed (HTTP {status}){tail}"
        )
    return None


class _Watch:
    """Notes when the first try was sent."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._begun = 0.0
        self.requested_at: datetime | None = None

    def start(self) -> datetime:
        if self.requested_at is None:
            self.requested_at = self._clock.now()
            self._begun = asyncio.get_running_loop().time()
        return self.requested_at

    def seconds(self) -> float:
        return asyncio.get_running_loop().time() - self._begun


class _SendOnce:
    """Stops aiohttp from quietly repeating GET, PUT and DELETE on a lost connection."""

    def __init__(self) -> None:
        self._sent = False

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        if self._sent:
            raise aiohttp.ClientConnectionError
        self._sent = True
        return await handler(request)


class Transport:
    """Sends requests for all accounts over one pool of connections."""

    def __init__(
        self,
        clock: Clock,
        policy: TransportPolicy | None = None,
        rng: random.Random | None = None,
    ) -> None:
        """Keep the means; nothing is opened before the first request."""
        self._clock = clock
        self.policy = policy or TransportPolicy()
        self._rng = rng or random.Random()  # noqa: S311 - jitter, not a secret
        self._sent: dict[tuple[str, str], deque[float]] = {}
        self._session: aiohttp.ClientSession | None = None
        self._slots = asyncio.Semaphore(self.policy.connections)
        self._loop: asyncio.AbstractEventLoop | None = None

    async def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def request(self, call: Call) -> Answer:
        """Send a request; a read again when the broker or the network fails it.

        Raises:
            BrokerUnavailableError: No answer in time, no connection, or a server error.
            RateLimitedError: The broker asked for fewer requests, to the last try.
            UnreadableAnswerError: The body is longer than the policy allows.
            ConfigurationError: The URL is none.
        """
        watch = _Watch(self._clock)
        retries = self.policy.retry_attempts if call.idempotent else 0
        attempt = 1
        while True:
            try:
                answer = await self._try(call, attempt, watch)
                problem = refusal(call, answer.status)
                asked = self._asked(answer)
            except BrokerUnavailableError as error:
                answer, problem, asked = None, error, 0.0
            if answer and (problem is None or (attempt > retries and call.keep_errors)):
                return answer
            if problem and attempt > retries:
                raise problem
            await self._clock.sleep(self._delay(attempt, problem, asked))
            attempt += 1

    async def _try(self, call: Call, attempt: int, watch: _Watch) -> Answer:
        session = self._open()
        await self._keep_pace(call)
        async with self._slots:
            requested_at = watch.start()
            try:
                status, headers, body = await self._send(session, call)
            except (TimeoutError, aiohttp.ClientError, OSError) as error:
                raise self._failure(call, error) from None
        return Answer(
            status=status,
            body=body,
            headers=headers,
            requested_at=requested_at,
            seconds=watch.seconds(),
            attempts=attempt,
            broker_time=_http_time(headers.get("Date", "")),
        )

    def _open(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        if self._session is None or self._session.closed or self._loop is not loop:
            self._loop = loop
            self._slots = asyncio.Semaphore(self.policy.connections)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),  # the semaphore limits
                cookie_jar=aiohttp.DummyCookieJar(),  # accounts share no cookies
                timeout=aiohttp.ClientTimeout(total=self.policy.timeout_seconds),
            )
        return self._session

    async def _keep_pace(self, call: Call) -> None:
        limit = self.policy.requests_per_second
        sent = self._sent.setdefault((call.broker, call.account), deque(maxlen=limit))
        now = asyncio.get_running_loop().time()
        turn = max(now, sent[0] + _WINDOW) if len(sent) == limit else now
        sent.append(turn)
        if turn > now:
            await self._clock.sleep(turn - now)

    async def _send(
        self, session: aiohttp.ClientSession, call: Call
    ) -> tuple[int, Mapping[str, str], bytes]:
        async with session.request(
            call.method,
            call.url,
            headers=call.headers,
            data=call.form,
            json=call.json,
            allow_redirects=False,
            middlewares=(_SendOnce(),),
        ) as response:
            body = bytearray()
            async for chunk in response.content.iter_chunked(_CHUNK):
                body += chunk
                if len(body) > self.policy.max_body_bytes:
                    what = f"the answer is longer than {self.policy.max_body_bytes} bytes"
                    raise UnreadableAnswerError(call.broker, call.endpoint, what)
            return response.status, response.headers, bytes(body)

    def _failure(self, call: Call, error: Exception) -> BrokerError | ConfigurationError:
        if isinstance(error, aiohttp.InvalidURL):
            return ConfigurationError(
                f"{call.broker} {call.endpoint}: {call.account}'s base_url is not a URL; "
                "it must look like https://api.example.com"
            )
        host = URL(call.url).host
        if isinstance(error, aiohttp.ClientConnectorError):
            what, tail = f"no connection to {host} ({type(error).__name__})", ""
        elif isinstance(error, TimeoutError):
            what = f"no answer from {host} within {self.policy.timeout_seconds:g} s"
            tail = NOT_SENT_AGAIN
        else:
            what = f"the connection to {host} was lost ({type(error).__name__})"
            tail = NOT_SENT_AGAIN
        what += "" if call.idempotent else tail
        return BrokerUnavailableError(call.broker, call.endpoint, what)

    def _delay(self, attempt: int, problem: BrokerError | None, asked: float) -> float:
        limited = isinstance(problem, RateLimitedError)
        base = self.policy.rate_limit_delay if limited else self.policy.retry_delay
        wait = base * 2.0 ** (attempt - 1) * self._rng.uniform(0.5, 1.0)
        return min(max(wait, asked), _LONGEST_WAIT)

    def _asked(self, answer: Answer) -> float:
        header = answer.headers.get("Retry-After", "")
        if header.isascii() and header.isdigit():
            return float(header[:9])
        at = _http_time(header)
        return (at - self._clock.now()).total_seconds() if at else 0.0


def _http_time(header: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
