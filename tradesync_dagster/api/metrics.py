"""``/metrics``: the desk in figures, in the text form that Prometheus reads.

Whoever asks from this machine itself gets every organization's figures, without a key; a key gets
its own organization's. Labels have few values: states, kinds, brokers' endpoints; accounts only as
far as a setting allows. What belongs here: names, their meaning and labels. What does not: counting
(``bootstrap.observing``).
"""

from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_address
from typing import Annotated, Final, NamedTuple
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector
from starlette.responses import PlainTextResponse, Response

from tradesync_dagster.api.access import ServicesNow, bearer, holder_of
from tradesync_dagster.bootstrap.observing import Observed
from tradesync_dagster.store.scope import see_only

routes = APIRouter(tags=["metrics"])
PREFIX: Final = "tradesync_"

Values = Iterable[tuple[tuple[str, ...], float]]


class Metric(NamedTuple):
    """One gauge.

    Attributes:
        name: Without the prefix.
        meaning: In a sentence.
        labels: Their names.
        values: By their labels' values.
    """

    name: str
    meaning: str
    labels: tuple[str, ...]
    values: Callable[[Observed], Values]


def _one(value: float | None) -> Values:
    return () if value is None else (((), value),)


def _by(values: dict[str, int] | dict[str, float]) -> Values:
    return (((name,), value) for name, value in sorted(values.items()))


def _longest(seen: Observed, name: str) -> Values:
    return _one(max((float(tick[name]) for tick in seen.ticks), default=None))


def _parts(seen: Observed) -> Values:
    found: dict[str, float] = {}
    for tick in seen.ticks:
        for name, seconds in tick["parts"].items():
            found[name] = max(found.get(name, 0.0), float(seconds))
    return _by(found)


def _answers(name: str) -> Callable[[Observed], Values]:
    """Read one figure of the brokers' answers; of shards the greatest, but counts are added."""

    def values(seen: Observed) -> Values:
        found: dict[tuple[str, ...], float] = {}
        for one in (one for tick in seen.ticks for one in tick.get("response_times", ())):
            key, value = (one["broker"], one["endpoint"]), float(one[name])
            before = found.get(key, 0.0)
            found[key] = max(before, value) if name.endswith("seconds") else before + value
        return sorted(found.items())

    return values


METRICS: Final = (
    Metric(
        "accounts", "Accounts by the state of their last sync.", ("state",),
        lambda seen: _by(seen.states()),
    ),
    Metric(
        "oldest_sync_age_seconds", "Since the oldest last sync began, by state.", ("state",),
        lambda seen: _by(seen.oldest()),
    ),
    Metric(
        "oldest_book_age_seconds",
        "Since the order book that was seen whole least lately was asked for.", (),
        lambda seen: _one(seen.book_age),
    ),
    Metric(
        "last_tick_age_seconds", "Since the last tick began.", (),
        lambda seen: _one(seen.tick_age),
    ),
    Metric(
        "last_tick_seconds", "How long the last tick took; of shards the longest.", (),
        lambda seen: _longest(seen, "seconds"),
    ),
    Metric(
        "last_tick_overrun_seconds", "By how much it outlasted its interval.", (),
        lambda seen: _longest(seen, "overrun_seconds"),
    ),
    Metric("last_tick_part_seconds", "How long its parts took.", ("part",), _parts),
    Metric(
        "last_tick_errors", "Errors that the last tick met.", (),
        lambda seen: _one(sum(tick["errors"] for tick in seen.ticks)),
    ),
    Metric(
        "open_breaks", "Open differences from the brokers' figures.", ("kind",),
        lambda seen: _by(dict(seen.breaks)),
    ),
    Metric(
        "orders_today", "Today's orders by status; failed and retry_pending are the retry queue.",
        ("status",), lambda seen: _by(seen.orders_by(0)),
    ),
    Metric(
        "orders_today_by_origin", "Today's orders: internal, external, candidate.", ("origin",),
        lambda seen: _by(seen.orders_by(1)),
    ),
    Metric(
        "unassigned_external_orders", "External orders of any day that no strategy owns.", (),
        lambda seen: _one(seen.unassigned),
    ),
    Metric(
        "waiting_messages", "Messages in the outbox, for the server and for people.", ("to",),
        lambda seen: _by({to: count for to, (count, _) in seen.waiting.items()}),
    ),
    Metric(
        "oldest_message_age_seconds", "Since the oldest of them was written.", ("to",),
        lambda seen: _by({to: age for to, (_, age) in seen.waiting.items()}),
    ),
    Metric(
        "fake_orders", "Fake orders of the last day's hours and of those to come.", ("status",),
        lambda seen: _by(dict(seen.fake_orders)),
    ),
    Metric(
        "due_fake_orders", "Pending fake orders whose hour has come.", (),
        lambda seen: _one(seen.fake_due),
    ),
    Metric(
        "fake_order_delay_seconds", "For how long the earliest of them has been due.", (),
        lambda seen: _one(seen.fake_overdue),
    ),
    Metric(
        "broker_requests", "Requests to brokers in the last tick.", ("broker", "endpoint"),
        _answers("count"),
    ),
    Metric(
        "broker_failures", "Of them, without an answer or with a server's error.",
        ("broker", "endpoint"), _answers("failures"),
    ),
    Metric(
        "broker_response_mean_seconds", "How long brokers took to answer in the last tick.",
        ("broker", "endpoint"), _answers("mean_seconds"),
    ),
    Metric(
        "broker_response_max_seconds", "The longest answer in the last tick.",
        ("broker", "endpoint"), _answers("max_seconds"),
    ),
)  # fmt: skip
"""Of the whole desk; each has few series."""
ACCOUNT_METRIC: Final = "account_sync_age_seconds"
_ACCOUNT_MEANING = "Since an account's last sync began; the first TRADESYNC_METRICS_ACCOUNTS only."


class _Desk(Collector):
    """What was seen, as the client library takes it."""

    def __init__(self, seen: Observed, most_accounts: int) -> None:
        self._seen, self._most = seen, most_accounts

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for metric in METRICS:
            family = GaugeMetricFamily(PREFIX + metric.name, metric.meaning, labels=metric.labels)
            for labels, value in metric.values(self._seen):
                family.add_metric(labels, value)
            yield family
        if self._most:
            yield self._accounts()

    def _accounts(self) -> GaugeMetricFamily:
        names = ("organization", "account", "state")
        family = GaugeMetricFamily(PREFIX + ACCOUNT_METRIC, _ACCOUNT_MEANING, labels=names)
        for one in self._seen.accounts[: self._most]:
            if one.age is not None:
                labels = (one.organization_id, one.pseudo_account, one.state)
                family.add_metric(labels, one.age)
        return family


def _is_local(request: Request) -> bool:
    """Whether a program of this machine asks, itself and not as a proxy, by a name of its own.

    The name is looked at because a page elsewhere can make its own name lead here.
    """
    if request.client is None or {"forwarded", "x-forwarded-for"} & set(request.headers):
        return False
    try:
        asked = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:
        return False
    return _loops(request.client.host) and (asked == "localhost" or _loops(asked))


def _loops(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _whose(
    request: Request,
    services: ServicesNow,
    sent: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)],
) -> str | None:
    if sent is None and not services.settings.behind_tls_proxy and _is_local(request):
        return None
    return holder_of(services, sent).organization_id


async def _scoped(whose: Annotated[str | None, Depends(_whose)]) -> str | None:
    """Hold the database to those whose figures may be seen; ``None`` for every organization."""
    see_only(whose)
    return whose


@routes.get("/metrics", include_in_schema=False)
def metrics(services: ServicesNow, whose: Annotated[str | None, Depends(_scoped)]) -> Response:
    """Count everything now."""
    registry = CollectorRegistry(auto_describe=False)
    seen = services.observing().look(whose)
    registry.register(_Desk(seen, services.settings.metrics_accounts))
    return PlainTextResponse(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)
