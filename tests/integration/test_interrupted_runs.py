"""A test run that is ended at once, as Ctrl-C ends the workers of pytest-xdist, leaves no server behind."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.support import ROOT, gone, until

WORKER = """
import subprocess, sys, time
from pathlib import Path
from tests.support import free_port, redis_command
server = subprocess.Popen(redis_command(free_port(), Path(sys.argv[1])), stdout=subprocess.DEVNULL)
print(server.pid, flush=True)
time.sleep(600)
"""
FORKED = """
import os, sys, time
from pathlib import Path
from tests.support import SharedWarmProcess, free_port, start_program
shared = SharedWarmProcess()
environment = {**os.environ, "DEVENV_WARM_SOCKET": str(shared.path)}
command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(free_port())]
program = start_program(command, environment, Path(sys.argv[1]) / "program.log")
print(program.pid, type(program).__name__, flush=True)
time.sleep(600)
"""

on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="PR_SET_PDEATHSIG is Linux's")


@on_linux
def test_a_fork_of_the_warm_process_ends_with_a_worker_that_is_killed(tmp_path: Path) -> None:
    """Pods and mock ML services of tests that have no supervisor."""
    command = [sys.executable, "-c", FORKED, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        pid, kind = worker.stdout.readline().split()
        assert kind == "ForkedProcess"
        program = psutil.Process(int(pid))
        assert not gone(program)
        worker.kill()
    until(lambda: gone(program), "the program has ended")


@on_linux
def test_a_redis_of_a_fixture_ends_with_a_worker_that_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WORKER, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        server = psutil.Process(int(worker.stdout.readline()))
        until(lambda: server.name().startswith("redis-server") or gone(server), "redis-server runs")
        assert not gone(server)
        worker.kill()
    until(lambda: gone(server), "redis-server has ended")


def test_no_test_starts_a_redis_in_another_way() -> None:
    looked_up = re.compile(r"which\(.redis-server.\)")
    files = [file for file in sorted((ROOT / "tests").rglob("*.py")) if file != Path(__file__)]
    assert [file.name for file in files if looked_up.search(file.read_text("utf-8"))] == ["support.py"]
