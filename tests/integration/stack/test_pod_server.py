"""The server of pods is uvicorn in what it says and in how it ends, only prompter."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.support import HANG_GUARD_S, free_port, until

APP = """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        print("the lifespan ends")
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"here"})
"""
FAILS_TO_START = """
async def app(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no such luck"})
"""
BROKEN = {
    "no such module": ("", "nothing:app"),
    "no such attribute": (APP, "pod:other"),
    "an error at import": ("raise ValueError('no such luck')", "pod:app"),
    "an exit at import": ("raise SystemExit(2)", "pod:app"),
    "a start that fails": (FAILS_TO_START, "pod:app"),
}
OURS, THEIRS = ["devenv.stack.embedded.pod_server"], ["uvicorn", "--no-access-log"]


@contextmanager
def started(folder: Path, module: list[str], app: str, port: int) -> Iterator[subprocess.Popen[str]]:
    """A server; it is ended however the test ends."""
    command = [sys.executable, "-m", *module, app, "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    try:
        yield process
    finally:
        process.kill()  # nothing, where it has ended
        process.communicate()


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).text == "here"
    except httpx.TransportError:
        return False


def plain(log: str) -> list[str]:
    """The lines without what differs between two runs."""
    lines = [re.sub(r"process \[\d+\]|:\d+", "", line) for line in log.splitlines()]
    return [line for line in lines if not line.startswith((" ", "Traceback"))]


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_runs_and_ends_as_uvicorn_does(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "pod.py").write_text(APP, encoding="utf-8")
    ended = []
    for module in (OURS, THEIRS):
        port = free_port()
        with started(tmp_path, module, "pod:app", port) as process:
            until(lambda port=port: answers(port), "the server answers")  # type: ignore[misc]
            process.send_signal(number)
            output, _ = process.communicate(timeout=HANG_GUARD_S)
        ended.append((process.returncode, plain(output)))
    assert ended[0] == ended[1]
    assert "the lifespan ends" in ended[0][1]


@pytest.mark.parametrize("case", BROKEN)
def test_what_cannot_start_says_so_as_uvicorn_does(tmp_path: Path, case: str) -> None:
    program, app = BROKEN[case]
    (tmp_path / "pod.py").write_text(program, encoding="utf-8")
    ended = []
    for module in (OURS, THEIRS):
        with started(tmp_path, module, app, free_port()) as process:
            output, _ = process.communicate(timeout=HANG_GUARD_S)
        ended.append((process.returncode, plain(output)))
    assert ended[0] == ended[1]
    assert ended[0][0] != 0


def test_a_taken_port_is_refused_as_uvicorn_refuses_it(tmp_path: Path) -> None:
    (tmp_path / "pod.py").write_text(APP, encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = []
        for module in (OURS, THEIRS):
            with started(tmp_path, module, "pod:app", port) as process:
                output, _ = process.communicate(timeout=HANG_GUARD_S)
            ended.append((process.returncode, plain(output)))
    assert ended[0] == ended[1]
    assert ended[0][0] != 0
