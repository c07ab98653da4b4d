"""A Redis of its own for what the tools measure."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from devenv.core.model.errors import EnvironmentProblem

START_S = 30.0


@contextmanager
def redis_server(folder: Path) -> Iterator[int]:
    """A Redis of its own; its port."""
    program = shutil.which("redis-server")
    if program is None:
        raise EnvironmentProblem("redis-server is not on PATH")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_S
        while not _answers(port):
            if time.monotonic() > deadline:
                raise EnvironmentProblem(f"redis-server does not answer after {START_S:g} s")
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


def _answers(port: int) -> bool:
    with redis.Redis(port=port) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False
