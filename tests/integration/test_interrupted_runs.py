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


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="PR_SET_PDEATHSIG is Linux's")
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
