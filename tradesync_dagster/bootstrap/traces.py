"""Traces of ticks for OpenTelemetry: a span for a tick, and one for each of its parts.

Sent over OTLP/HTTP once a tick has ended, where OTEL_EXPORTER_OTLP_ENDPOINT is set and the extra
``otel`` is installed; otherwise nothing is loaded. A collector that does not answer costs a tick
two seconds and a line in the log. What belongs here: what a trace tells. What does not: measuring
(``sync.stopwatch``).
"""

import logging
from datetime import datetime
from importlib import import_module
from typing import Any

from tradesync_dagster.domain.results import FAILED, TickSummary
from tradesync_dagster.settings import Settings

_log = logging.getLogger(__name__)
_SECONDS = 2
_NANO = 10**9
_MOST_EVENTS = 50


def trace_tick(summary: TickSummary, settings: Settings) -> None:
    """Send a tick's trace, if anybody wants it.

    Args:
        summary: The tick.
        settings: Where to.
    """
    if not settings.otlp_endpoint:
        return
    try:
        provider = _provider(settings.otlp_endpoint)
    except ImportError:
        _log.warning(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, but the extra otel is not installed: "
            "pip install 'tradesync-dagster[otel]'"
        )
        return
    _write(provider.get_tracer("tradesync_dagster"), summary)
    if not provider.force_flush(_SECONDS * 1000):
        _log.warning("the trace of tick %s was not taken in time", summary.tick_id)
    provider.shutdown()


def _provider(endpoint: str) -> Any:
    """Load OpenTelemetry; one provider a tick, since a run's process seldom sees a second one."""
    otlp = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    resources = import_module("opentelemetry.sdk.resources")
    trace = import_module("opentelemetry.sdk.trace")
    export = import_module("opentelemetry.sdk.trace.export")
    provider = trace.TracerProvider(resource=resources.Resource({"service.name": "tradesync"}))
    address = f"{endpoint.rstrip('/')}/v1/traces"
    exporter = otlp.OTLPSpanExporter(endpoint=address, timeout=_SECONDS)
    provider.add_span_processor(export.BatchSpanProcessor(exporter))
    return provider


def _write(tracer: Any, summary: TickSummary) -> None:
    api = import_module("opentelemetry.trace")
    began = _nanoseconds(summary.started_at)
    counts = {f"tradesync.accounts.{name}": n for name, n in summary.statuses().items()}
    span = tracer.start_span(
        "sync",
        start_time=began,
        attributes={
            "tradesync.tick": summary.tick_id,
            "tradesync.shard": summary.shard,
            "tradesync.status": summary.status,
            "tradesync.accounts": len(summary.results),
            **counts,
        },
    )
    failed = [(one.account, text) for one in summary.results for text in one.errors]
    for account, text in failed[:_MOST_EVENTS]:
        span.add_event("error", {"tradesync.account": account, "message": text})
    if summary.status == FAILED:
        span.set_status(api.Status(api.StatusCode.ERROR))
    inside = api.set_span_in_context(span)
    for part, start, end in summary.stretches:
        child = tracer.start_span(
            f"sync {part}", context=inside, start_time=began + int(start * _NANO)
        )
        child.end(began + int(end * _NANO))
    span.end(began + int(summary.seconds * _NANO))


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp()) * _NANO + at.microsecond * 1_000
