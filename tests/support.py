"""What tests of several folders use: the checkout, waiting for a condition, free ports, ended processes."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import psutil

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[1]
"""The checkout."""

HANG_GUARD_S = 300.0
"""After so many seconds a wait has failed. It ends a test that hangs and is never what a test measures: a
machine that is many times slower must not reach it."""


def until(condition: Callable[[], T], what: str, every: float = 0.01) -> T:
    """The first true value that ``condition`` gives; asked again after ``every`` seconds.

    ``what`` completes the sentence "waited for: ..." of the failure.
    """
    deadline = time.monotonic() + HANG_GUARD_S
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {HANG_GUARD_S:g} s for: {what}"
        time.sleep(every)
    return value


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that were free a moment ago, all different."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def free_port() -> int:
    """One port of 127.0.0.1 that was free a moment ago."""
    return free_ports(1)[0]


def gone(process: psutil.Process) -> bool:
    """Whether the process has ended; one that only waits to be reaped has."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def all_gone(processes: Iterable[psutil.Process]) -> bool:
    """Whether every one of the processes has ended."""
    return all(map(gone, processes))
