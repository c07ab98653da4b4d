"""What a fork of the warm process does to be an ordinary Python program: ``python -m MODULE ARGUMENTS…``.

A fork has its parent's files, folder, environment, signal handlers and standard streams; a program that was
started has its own. ``become`` makes the one into the other. POSIX only.
"""

from __future__ import annotations

import io
import logging
import os
import runpy
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

_MOST_FILES = 4096
"""Descriptors up to this number are closed in a fork; the warm process itself has a handful."""
FAILED = 1
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Program:
    """What is to run."""

    module: str
    """Run as ``__main__``, as ``python -m`` does."""
    arguments: tuple[str, ...]
    env: Mapping[str, str]
    """The whole environment: nothing of the warm process's own is left."""
    cwd: str
    pidfile: str
    """Where its guard writes its process id; "": it runs without a guard."""

    def to_json(self) -> dict[str, Any]:
        """For the socket of the warm process."""
        return {
            "module": self.module,
            "arguments": list(self.arguments),
            "env": dict(self.env),
            "cwd": self.cwd,
            "pidfile": self.pidfile,
        }

    @classmethod
    def from_json(cls, item: Mapping[str, Any]) -> Program:
        """What ``to_json`` gave."""
        return cls(item["module"], tuple(item["arguments"]), item["env"], item["cwd"], item["pidfile"])


def use_streams(standard_input: int, output: int, keep: Sequence[int] = ()) -> None:
    """Make the two descriptors standard input, output and error; close all others but ``keep``."""
    for descriptor, standard in ((standard_input, 0), (output, 1), (output, 2)):
        os.dup2(descriptor, standard)
    first = 3
    for kept in sorted(keep):
        os.closerange(first, kept)
        first = kept + 1
    os.closerange(first, _MOST_FILES)
    # As PYTHONUNBUFFERED and PYTHONUTF8 have them: what is written stands in the log at once.
    sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", closefd=False)  # type: ignore[misc]  # noqa: SIM115
    sys.stdout = sys.__stdout__ = _unbuffered(1, "strict")  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _unbuffered(2, "backslashreplace")  # type: ignore[misc]


def _unbuffered(descriptor: int, errors: str) -> io.TextIOWrapper:
    raw = io.FileIO(descriptor, "wb", closefd=False)
    return io.TextIOWrapper(raw, encoding="utf-8", errors=errors, write_through=True)


def default_signals() -> None:
    """Handlers of the warm process are not the program's; an ignored signal stays so, as after exec."""
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)) and number != signal.SIGINT:
            signal.signal(number, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def become(program: Program) -> NoReturn:
    """Run ``program`` in this process, which ends with its exit code."""
    os._exit(run(program))


def run(program: Program) -> int:
    """Set environment and folder, run the module to its end; the exit code that an interpreter would give."""
    os.environ.clear()
    os.environ.update(program.env)
    time.tzset()
    tempfile.tempdir = None  # the next question reads TMPDIR
    os.chdir(program.cwd)
    sys.path[0] = program.cwd
    sys.argv = [program.module, *program.arguments]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        return _ended(_exit_code(program.module))
    except BaseException:
        traceback.print_exc()
        return FAILED


def _exit_code(module: str) -> int:
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        sys.stderr.write(f"{end.code}\n")
        return FAILED
    except KeyboardInterrupt:
        traceback.print_exc()
        return INTERRUPTED
    except BaseException:
        traceback.print_exc()
        return FAILED
    return 0


def _ended(code: int) -> int:
    """As an interpreter ends: after its threads, with what is buffered written."""
    for thread in _others(threading.enumerate()):
        thread.join()
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return code


def _others(threads: Iterable[threading.Thread]) -> list[threading.Thread]:
    return [thread for thread in threads if thread is not threading.current_thread() and not thread.daemon]


def empty_input() -> int:
    """A descriptor that gives nothing to read."""
    return os.open(Path(os.devnull), os.O_RDWR)
