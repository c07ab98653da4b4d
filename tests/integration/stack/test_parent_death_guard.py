"""The guard ends its program with the parent: real processes, killed in every way a parent can go."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from devenv.stack.embedded import parent_death_guard as parent_death_guard
from tests.support import HANG_GUARD_S, all_gone, files_of_at_most, gone, until

StartGuard = Callable[..., "subprocess.Popen[bytes]"]

# A program with a child of its own; both say nothing and stay.
FAMILY = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
time.sleep(600)
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("armed", flush=True)
time.sleep(600)
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[StartGuard]:
    guards: list[subprocess.Popen[bytes]] = []

    def run(*command: str, output: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        arguments = [
            sys.executable,
            "-I",
            "-S",
            parent_death_guard.__file__,
            str(tmp_path / "pid"),
            "--",
            *command,
        ]
        guards.append(
            subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT)
        )
        return guards[-1]

    yield run
    for process in guards:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(HANG_GUARD_S)
        if process.stdout is not None:
            process.stdout.close()


def child_of(tmp_path: Path) -> psutil.Process:
    until((tmp_path / "pid").exists, "the pid file is there")
    return psutil.Process(int((tmp_path / "pid").read_text(encoding="ascii")))


def family_of(process: psutil.Process, size: int) -> list[psutil.Process]:
    until(lambda: len(process.children(recursive=True)) >= size - 1, "its children are there")
    return [process, *process.children(recursive=True)]


@pytest.mark.parametrize("code", [0, 7])
def test_the_exit_code_is_passed_on(start: StartGuard, code: int) -> None:
    assert start(sys.executable, "-c", f"raise SystemExit({code})").wait(HANG_GUARD_S) == code


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_death_by_signal_is_128_and_its_number(start: StartGuard, tmp_path: Path) -> None:
    process = start(sys.executable, "-c", "import time; time.sleep(600)")
    child_of(tmp_path).kill()
    assert process.wait(HANG_GUARD_S) == 128 + signal.SIGKILL


def test_a_command_that_there_is_not_is_127_and_says_so(start: StartGuard) -> None:
    process = start("/nowhere/program", output=subprocess.PIPE)
    assert process.wait(HANG_GUARD_S) == 127
    assert process.stdout is not None
    assert b"/nowhere/program" in process.stdout.read()


def test_end_of_input_ends_the_program_and_its_children(start: StartGuard, tmp_path: Path) -> None:
    process = start(sys.executable, "-c", FAMILY)
    family = family_of(child_of(tmp_path), 2)
    assert process.stdin is not None
    process.stdin.close()
    process.wait(HANG_GUARD_S)
    until(lambda: all_gone(family), "the family has ended")


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_terminating_the_guard_ends_the_program(start: StartGuard, tmp_path: Path) -> None:
    process = start(sys.executable, "-c", "import time; time.sleep(600)")
    child = child_of(tmp_path)
    process.terminate()
    process.wait(HANG_GUARD_S)
    until(lambda: gone(child), "the program has ended")


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_program_that_does_not_listen_is_killed(start: StartGuard) -> None:
    process = start(sys.executable, "-c", STUBBORN, output=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"armed\n"
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(HANG_GUARD_S) == 128 + signal.SIGKILL


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_stopped_program_ends_too(start: StartGuard, tmp_path: Path) -> None:
    process = start(sys.executable, "-c", "import time; time.sleep(600)")
    child_of(tmp_path).suspend()
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(HANG_GUARD_S) == 128 + signal.SIGTERM


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="PR_SET_PDEATHSIG is Linux's")
def test_a_killed_guard_takes_the_program_along(start: StartGuard, tmp_path: Path) -> None:
    process = start(sys.executable, "-c", "import time; time.sleep(600)")
    child = child_of(tmp_path)
    process.kill()
    until(lambda: gone(child), "the program has ended")


@pytest.mark.skipif(os.name != "posix", reason="only POSIX limits the size of files")
def test_where_the_pidfile_cannot_be_written_the_program_does_not_stay(
    start: StartGuard, tmp_path: Path
) -> None:
    with files_of_at_most(0):
        guard = start(sys.executable, "-c", FAMILY, output=subprocess.PIPE)
    assert guard.stdout is not None
    printed = guard.stdout.read().decode()  # ends when the program and its child have ended too
    assert guard.wait(HANG_GUARD_S) == parent_death_guard.CANNOT_KEEP
    assert printed == f"{tmp_path / 'pid'}: cannot be written: File too large\n"
