"""The spans that ``trace --otlp`` sends, as a collector that others wrote reads them and passes them on."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from devenv.core.telemetry.otlp import otlp
from devenv.harness.runs.folders import TRACE, open_run
from devenv.verbs.trace.usecase import export_trace
from tests.integration.foreign.packages import missing, of_pip
from tests.support import ending_with_us, free_ports, kill_program, serving, until
from tests.unit.core.telemetry.test_otlp import TRACE as EVENTS
from tests.unit.core.telemetry.test_otlp import read_back

ROTEL = "rotel==0.0.1a15"
"""Rotel (Apache-2.0), a collector in Rust: its wheel has the program, for Linux and macOS."""


class Next(BaseHTTPRequestHandler):
    """Where the collector sends what it has taken: protobuf over HTTP."""

    received: list[bytes] = []  # noqa: RUF012 - one server, in one test

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.received.append(gzip.decompress(body) if self.headers["content-encoding"] == "gzip" else body)
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def next_hop() -> Iterator[str]:
    with serving(HTTPServer(("127.0.0.1", 0), Next)) as address:
        yield address


@pytest.fixture
def collector(next_hop: str, tmp_path: Path) -> Iterator[str]:
    """Rotel's URL for OTLP over HTTP."""
    if sys.platform == "win32":
        pytest.skip("rotel has no wheel for Windows")
    if not os.environ.get("DEVENV_REQUIRE_TOOLS"):
        missing("DEVENV_REQUIRE_TOOLS=1 installs the collector rotel into a temporary folder")
    program = of_pip("--no-deps", ROTEL) / "rotel" / "rotel-agent"
    program.chmod(0o755)
    grpc, http = (f"127.0.0.1:{port}" for port in free_ports(2))
    options = {
        "exporter": "otlp", "otlp-exporter-endpoint": next_hop, "otlp-exporter-protocol": "http",
        "otlp-grpc-endpoint": grpc, "otlp-http-endpoint": http,
    }  # fmt: skip
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    with (tmp_path / "rotel.log").open("wb") as log:
        command = ending_with_us([str(program), "start", *words])
        process = subprocess.Popen(command, stdout=log, stderr=log)
    url = f"http://{http}"

    def answers() -> bool:
        assert process.poll() is None, (tmp_path / "rotel.log").read_text()
        try:
            return httpx.get(url, trust_env=False).status_code > 0
        except httpx.TransportError:
            return False

    try:
        until(answers, "rotel answers")
        yield url
    finally:
        kill_program(process)


def test_a_collector_takes_every_span_and_changes_nothing(collector: str, tmp_path: Path) -> None:
    run = open_run(tmp_path, "one", 0.0)
    run.write_lines(TRACE, [event.to_json() for event in EVENTS])

    def nothing() -> NoReturn:
        raise AssertionError("a run was named")

    done = export_trace("latest", collector, tmp_path, nothing, 0.0)
    until(lambda: Next.received, "the collector passes the spans on")
    passed = [span for body in Next.received for span in spans_of(ExportTraceServiceRequest.FromString(body))]
    assert len(passed) == done.spans
    assert sorted(passed) == sorted(spans_of(read_back(otlp(EVENTS, done.source))))


def spans_of(request: Any) -> list[tuple[bytes, ...]]:
    """Each span with its resource and scope, as the protocol writes them."""
    return [
        (item.resource.SerializeToString(), scope.scope.SerializeToString(), span.SerializeToString())
        for item in request.resource_spans
        for scope in item.scope_spans
        for span in scope.spans
    ]
