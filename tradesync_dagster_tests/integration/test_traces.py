"""Traces of ticks: what a collector gets over OTLP, and that none is needed."""

import gzip
import logging
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest

from tradesync_dagster_tests.support.desk import Desk

INSTALLED = find_spec("opentelemetry.sdk") is not None
needs_extra = pytest.mark.skipif(not INSTALLED, reason="the extra otel is not installed")


@pytest.fixture
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """A collector that takes what it is given."""
    taken: list[bytes] = []

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            packed = self.headers.get("content-encoding") == "gzip"
            taken.append(gzip.decompress(body) if packed else body)
            assert self.path == "/v1/traces"
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Be silent."""

    with HTTPServer(("127.0.0.1", 0), Taking) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", taken
        server.shutdown()
        thread.join()


@needs_extra
def test_a_tick_is_a_span_with_its_parts_inside(desk: Desk, collector: Any) -> None:
    wire = import_module("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    url, taken = collector
    desk.fault("expired", times=0, user_id="SIM002")
    traced = desk.with_settings(otlp_endpoint=url)
    summary = traced.sync()
    [body] = taken
    [resource] = wire.ExportTraceServiceRequest.FromString(body).resource_spans
    spans = resource.scope_spans[0].spans
    [root] = [one for one in spans if not one.parent_span_id]
    told = {one.key: one.value.string_value or one.value.int_value for one in root.attributes}
    assert (told["tradesync.status"], told["tradesync.accounts"]) == (summary.status, 3)
    assert told["tradesync.tick"] == summary.tick_id
    inside = [one for one in spans if one.parent_span_id == root.span_id]
    assert {one.name.removeprefix("sync ") for one in inside} == set(summary.parts)
    assert all(
        root.start_time_unix_nano <= one.start_time_unix_nano <= one.end_time_unix_nano
        for one in inside
    )
    assert len(root.events) == summary.errors


@needs_extra
def test_a_collector_that_is_down_stops_no_sync(desk: Desk) -> None:
    assert desk.with_settings(otlp_endpoint="http://127.0.0.1:9").sync().status == "success"


def test_without_the_extra_a_sync_says_so_and_goes_on(
    desk: Desk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [one for one in sys.modules if one.startswith("opentelemetry")]:
        monkeypatch.delitem(sys.modules, name)
    # Python refuses an import that stands as None, as it does one that is not there.
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with caplog.at_level(logging.WARNING):
        assert desk.with_settings(otlp_endpoint="http://127.0.0.1:9").sync().status == "success"
    assert "the extra otel is not installed" in caplog.text
    caplog.clear()
    desk.sync()
    assert "otel" not in caplog.text
