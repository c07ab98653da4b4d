"""What is said of a program that never gets ready."""

from __future__ import annotations

import asyncio
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from devenv.core.model.errors import EnvironmentProblem
from devenv.stack.embedded import readiness
from devenv.stack.embedded.child import Child


@pytest.mark.parametrize("port", [None, 8765])
def test_it_is_told_what_it_said_and_where_it_should_listen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, port: int | None
) -> None:
    child = Child("pod", tmp_path / "pod.log", tmp_path / "pod.pid")

    async def silent() -> bool:
        if child.last_words():
            monkeypatch.setattr(readiness, "READY_SECONDS", -1000.0)
        return False

    async def start() -> None:
        program = "import time; print('listening on 5000', flush=True); time.sleep(60)"
        await child.start([sys.executable, "-c", program], {}, tmp_path)
        try:
            await readiness.ready(child, silent, port)
        finally:
            await child.stop()

    with pytest.raises(EnvironmentProblem) as message:
        asyncio.run(start())
    assert message.value.message.endswith("it said: listening on 5000")
    assert ("127.0.0.1:8765" in message.value.message) == (port is not None)
    assert ("PORT" in str(message.value.hint)) == (port is not None)
    assert str(child.log) in str(message.value.hint)


@pytest.mark.parametrize(
    ("status", "ready"), [(200, True), (405, True), (501, True), (500, False), (503, False)]
)
def test_a_pod_that_answers_is_ready_unless_it_says_no(status: int, ready: bool) -> None:
    """501: it has no GET at all, as a small MCP server."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """No access log."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        probe = readiness.PodProbe(server.server_port)
        assert asyncio.run(probe()) is ready
        assert probe.last_answer == f"GET /ready answers {status}"
    finally:
        server.shutdown()
        server.server_close()
