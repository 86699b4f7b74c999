"""One HTTP transport for all brokers and accounts.

It owns connections, timeouts, retries, rate limits per account (``limits``), the circuit breaker
(``breaker``), response times (``timings``) and the mapping of network failures to our errors,
whose text never has a query, header or form field. Credentials that a broker repeats are struck out
of its answers (``scrubbing``).

A read is sent again after a failure or a 429. Anything else is sent again only when it provably
never left, as when the connection is refused, and only within ``_FRESH`` seconds: an order that is
placed late is not the order that was asked for. A 429 never sends a write again.

What belongs here: what is the same for all brokers. What does not: reading bodies (``reading``), a
broker's words and limits (its adapter), aiohttp's failures (``network``).
"""

import asyncio
import random
from datetime import datetime

import aiohttp
from yarl import URL

from tradesync_dagster.brokers import backoff, network
from tradesync_dagster.brokers.breaker import Breaker, Ticket
from tradesync_dagster.brokers.calls import NOT_SENT_AGAIN, Answer, Call, TransportPolicy, refusal
from tradesync_dagster.brokers.limits import Limits
from tradesync_dagster.brokers.scrubbing import scrubbed
from tradesync_dagster.brokers.timings import Timings, template
from tradesync_dagster.domain.errors import (
    BreakerOpenError,
    BrokerError,
    BrokerUnavailableError,
    RateLimitedError,
    RefusedRequestError,
    UnreadableAnswerError,
)
from tradesync_dagster.domain.ports import Clock
from tradesync_dagster.domain.results import ResponseTime

_LONGEST_WAIT = 30.0
"""Longest wait for a turn or before a retry, in seconds; a broker that asks for more gets none."""
_FRESH = 5.0
"""Seconds within which a write that never left may still be sent."""


class _Watch:
    """Notes when a request was made, and when its first try was sent."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._time = asyncio.get_running_loop().time
        self._made = self._begun = self._time()
        self._requested_at: datetime | None = None

    def start(self) -> datetime:
        if self._requested_at is None:
            self._requested_at, self._begun = self._clock.now(), self._time()
        return self._requested_at

    def seconds(self) -> float:
        return self._time() - self._begun

    def fresh_for(self) -> float:
        return self._made + _FRESH - self._time()


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
        self._limits = Limits(clock)
        self._breaker = Breaker(clock)
        self._timings = Timings()
        self._session: aiohttp.ClientSession | None = None
        self._slots = asyncio.Semaphore(self.policy.connections)
        self._loop: asyncio.AbstractEventLoop | None = None

    def timings(self) -> list[ResponseTime]:
        """Give the response times so far, by broker and endpoint."""
        return self._timings.rows()

    async def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def request(self, call: Call) -> Answer:
        """Send a request, and again where that is safe.

        Raises:
            BrokerUnavailableError: No answer in time, no connection, or a server error.
            BreakerOpenError: The broker's last calls all failed; nothing was sent.
            RateLimitedError: The broker asked for fewer requests, to the last try, or the
                account's limits leave no turn soon; then nothing was sent.
            UnreadableAnswerError: The body is longer than the policy allows.
            RefusedRequestError: The URL is none; nothing was sent.
        """
        watch, attempt = _Watch(self._clock), 1
        answer: Answer | None = None
        problem: BrokerError | None = None
        while True:
            try:
                answer = await self._try(call, attempt, watch)
            except (BreakerOpenError, RateLimitedError) as error:
                problem = problem or error  # the try before it tells more than one not sent
                break
            except BrokerUnavailableError as error:
                answer, problem = None, error
            else:
                problem = refusal(call, answer)
                if problem is None:
                    return answer
            wait = self._wait(call, attempt, watch, problem, answer)
            if wait is None:
                break
            await self._clock.sleep(wait)
            attempt += 1
        if answer and call.keep_errors:
            return answer
        raise problem

    def _wait(
        self,
        call: Call,
        attempt: int,
        watch: _Watch,
        problem: BrokerError,
        answer: Answer | None,
    ) -> float | None:
        """Tell how long to wait before the next try; ``None`` if there shall be none."""
        policy, limited = self.policy, isinstance(problem, RateLimitedError)
        asked = answer.retry_after if answer else None
        if limited:
            if asked is None:
                asked = policy.rate_limit_delay * 2.0 ** (attempt - 1)
            self._limits.hold((call.broker, call.account), asked)
        never_left = isinstance(problem, BrokerUnavailableError) and not problem.sent
        again = call.idempotent or (never_left and watch.fresh_for() >= 0)
        if attempt > policy.retry_attempts or not again or (asked or 0.0) > _LONGEST_WAIT:
            return None
        jitter = backoff.full_jitter(self._rng, policy.retry_delay, attempt, _LONGEST_WAIT)
        return min((asked or 0.0) + jitter, _LONGEST_WAIT)

    async def _try(self, call: Call, attempt: int, watch: _Watch) -> Answer:
        session, url = self._open(), _url(call)
        line = (call.broker, str(url.origin()))
        self._breaker.check(line, call.endpoint)
        again = attempt > 1 and not call.idempotent
        await self._turn(call, watch.fresh_for() if again else _LONGEST_WAIT)
        async with self._slots:
            ticket = await self._breaker.admit(line, call.endpoint, wait=call.idempotent)
            requested_at = watch.start()
            status, headers, body = await self._send(session, call, url, ticket)
        return Answer(
            status=status,
            body=scrubbed(body, call.headers),
            headers=headers,
            requested_at=requested_at,
            seconds=watch.seconds(),
            attempts=attempt,
            broker_time=backoff.http_time(headers.get("Date", "")),
            retry_after=backoff.retry_after(headers, self._clock.now()),
        )

    def _open(self) -> aiohttp.ClientSession:
        loop, policy = asyncio.get_running_loop(), self.policy
        if self._session is None or self._session.closed or self._loop is not loop:
            self._loop = loop
            self._slots = asyncio.Semaphore(policy.connections)
            self._session = network.open_session(policy.timeout_seconds, policy.connect_seconds)
        return self._session

    async def _turn(self, call: Call, most: float) -> None:
        windows = self.policy.windows.get(call.broker, call.windows)
        account, write = (call.broker, call.account), not call.idempotent
        taken, seconds = self._limits.take(account, windows, write=write, most=most)
        if not taken:
            what = f"not sent: the limits of {call.account} leave no turn for {seconds:.0f} s"
            raise RateLimitedError(call.broker, call.endpoint, what, seconds)
        if seconds > 0:
            await self._clock.sleep(seconds)

    async def _send(
        self, session: aiohttp.ClientSession, call: Call, url: URL, ticket: Ticket
    ) -> network.Received:
        """Send one try; the breaker and the timings hear how it ended, whatever that is."""
        time = asyncio.get_running_loop().time
        begun = time()
        content = {"headers": call.headers, "data": call.form, "json": call.json}
        most = self.policy.max_body_bytes
        failed = True
        try:
            found = await network.send(session, call.method, url, most, content)
            failed = found.status >= 500
        except network.BodyTooLongError:
            failed = False
            self._breaker.alive(ticket)
            what = f"the answer is longer than {most} bytes"
            raise UnreadableAnswerError(call.broker, call.endpoint, what) from None
        except network.FAILURES as error:
            why, sent = network.failure(error, url.host, self.policy.timeout_seconds)
            self._breaker.failed(ticket, why, unreachable=True)
            why += NOT_SENT_AGAIN if sent and not call.idempotent else ""
            raise BrokerUnavailableError(call.broker, call.endpoint, why, sent=sent) from None
        except BaseException:
            self._breaker.dropped(ticket)
            raise
        finally:
            endpoint = template(call.method, url.path)
            self._timings.add(call.broker, endpoint, time() - begun, failed=failed)
        if failed:
            self._breaker.failed(ticket, f"HTTP {found.status}", unreachable=False)
        else:
            self._breaker.alive(ticket)
        return found


def _url(call: Call) -> URL:
    try:
        url = URL(call.url)
        if url.scheme in ("http", "https") and url.raw_host:
            url.raw_host.encode("idna")  # what is no host name at all would fail as no network does
            return url
    except ValueError:
        pass
    what = f"{call.account}'s base_url is not a URL; it must look like https://api.example.com"
    raise RefusedRequestError(call.broker, call.endpoint, what)
