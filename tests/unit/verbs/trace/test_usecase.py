"""Where the spans go: a file, or a collector."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.core.model.events import Exchange
from devenv.harness.runs.folders import TRACE, open_run
from devenv.verbs.trace.usecase import Exported, export_trace
from tests.support import free_port, serving


class Collector(BaseHTTPRequestHandler):
    """Takes spans as a collector does, and answers what the test wants."""

    received: list[tuple[str, Any]] = []  # noqa: RUF012 - one per test server
    answer: tuple[int, bytes] = (200, b"{}")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.received.append((self.path, json.loads(body)))
        status, text = self.answer
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[str]:
    Collector.received.clear()
    Collector.answer = (200, b"{}")
    with serving(HTTPServer(("127.0.0.1", 0), Collector)) as address:
        yield address


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    exchange = Exchange(1, "r-1", "127.0.0.1:1", "GET", "/health", "random", "captcha-api-a", 200, 100.0, 5.0)
    run = open_run(tmp_path, "one", 0.0)
    run.write_lines(TRACE, [exchange.to_json()])
    return tmp_path


def export(state_dir: Path, target: str, word: str = "latest") -> Exported:
    def nothing() -> Any:
        raise AssertionError("a run was named")

    return export_trace(word, target, state_dir, nothing, 0.0)


def test_a_file(state_dir: Path) -> None:
    target = state_dir / "out.json"
    done = export(state_dir, str(target))
    assert (done.spans, done.source) == (2, "19700101T000000Z-one")
    assert len(json.loads(target.read_text(encoding="utf-8"))["resourceSpans"]) == 2


@pytest.mark.parametrize("path", ["", "/", "/v1/traces"])
def test_a_collector(state_dir: Path, collector: str, path: str) -> None:
    assert export(state_dir, collector + path).target == collector + "/v1/traces"
    [(asked, data)] = Collector.received
    assert asked == "/v1/traces"
    assert data["resourceSpans"]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ((503, b"full"), "refuses the spans: HTTP 503: full"),
        (
            (200, b'{"partialSuccess": {"rejectedSpans": "2", "errorMessage": "old"}}'),
            "rejected spans: 2: old",
        ),
    ],
)
def test_what_a_collector_does_not_take_is_no_success(
    state_dir: Path, collector: str, answer: tuple[int, bytes], sentence: str
) -> None:
    Collector.answer = answer
    with pytest.raises(EnvironmentProblem, match=sentence):
        export(state_dir, collector)


def test_no_collector_and_no_run_are_one_message(state_dir: Path) -> None:
    with pytest.raises(EnvironmentProblem, match=r"no collector answers at http://127\.0\.0\.1"):
        export(state_dir, f"http://127.0.0.1:{free_port()}")
    with pytest.raises(UsageProblem, match="no trace file"):
        export(state_dir, "out.json", "missing.jsonl")
