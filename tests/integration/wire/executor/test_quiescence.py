"""Quiescence by the scheduler's counts: a process that sleeps is quiescent, one that works is not."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator

import pytest

from devenv.wire.executor.quiescence import QuiescenceWatch, observable

pytestmark = pytest.mark.skipif(not observable(), reason="the system does not count what threads do")
READY = "print('ready', flush=True); "
SLEEPS = READY + "import threading; threading.Event().wait()"
WORKS = READY + "import threading; threading.Thread(target=lambda: [0 for _ in iter(int, 1)]).start()"
WORKS_BELOW = (
    "import signal, subprocess, sys; child = subprocess.Popen([sys.executable, '-c', sys.argv[1]])\n"
    "signal.signal(signal.SIGTERM, lambda *_: child.kill())\nchild.wait()"
)


@pytest.fixture
def children() -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for child in started:
        child.terminate()
        child.wait()


def start(children: list[subprocess.Popen[bytes]], *program: str) -> int:
    child = subprocess.Popen([sys.executable, "-c", *program], stdout=subprocess.PIPE)
    children.append(child)
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    return child.pid


def reached(watch: QuiescenceWatch, looks: int) -> bool:
    """Whether quiescence comes within so many readings."""
    left = iter(range(looks))
    return asyncio.run(watch.reached(lambda: next(left, None) is None))


def test_a_process_that_sleeps_is_quiescent(children: list[subprocess.Popen[bytes]]) -> None:
    pid = start(children, SLEEPS)
    assert reached(QuiescenceWatch(lambda: [pid]), looks=1000)


@pytest.mark.parametrize("program", [(WORKS,), (WORKS_BELOW, WORKS)])
def test_one_whose_thread_or_child_works_does_not(
    children: list[subprocess.Popen[bytes]], program: tuple[str, ...]
) -> None:
    sleeping, working = start(children, SLEEPS), start(children, *program)
    assert not reached(QuiescenceWatch(lambda: [sleeping, working]), looks=50)


def test_one_that_has_ended_is_no_matter(children: list[subprocess.Popen[bytes]]) -> None:
    pid = start(children, SLEEPS)
    children[0].kill()
    children[0].wait()
    assert reached(QuiescenceWatch(lambda: [pid]), looks=1000)
