"""``python -m tools.clients_page``: writes docs/clients.md from docs/clients.json; ``--measure``: both."""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import redis

from devenv.core.model.errors import DevenvError, EnvironmentProblem
from devenv.harness.runs.store import write_atomically
from tools.clients_page.measuring import measure_all
from tools.clients_page.page import render

PAGE, DATA = "clients.md", "clients.json"
START_S = 30.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.clients_page", description=__doc__)
    parser.add_argument("--measure", action="store_true", help="measure every client first (some minutes)")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="the folder of the page")
    given = parser.parse_args(arguments)
    try:
        if given.measure:
            with tempfile.TemporaryDirectory() as folder, _server(Path(folder)) as port:
                data = measure_all(Path(folder), port, lambda line: print(line, file=sys.stderr))  # noqa: T201
            text = json.dumps(data, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
            write_atomically(given.docs / DATA, text)
        data = json.loads((given.docs / DATA).read_text(encoding="utf-8"))
    except DevenvError as error:
        print(f"error: {error.message}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    write_atomically(given.docs / PAGE, render(data))
    return 0


@contextmanager
def _server(folder: Path) -> Iterator[int]:
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


if __name__ == "__main__":
    sys.exit(main())
