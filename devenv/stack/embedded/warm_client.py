"""Asking a warm process for programs, and the handles of what it has started."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Protocol

from devenv.stack.embedded import forked_program, warm_server
from devenv.stack.embedded.forked_program import Program
from devenv.stack.waiting import comes_true

COLD = "DEVENV_COLD"
"""true: every program is started by itself."""
SOCKET = "DEVENV_WARM_SOCKET"
"""The socket of a warm process that others share, as the tests do; a stack then makes none of its own."""
_END_SECONDS = 2.0
KILLED = -int(getattr(signal, "SIGKILL", 9))
_READ_AT_IMPORT = (
    "PYTHON", "_PYTHON", "LD_", "OMP_", "PROMETHEUS_", "PYDANTIC_", "WEBSOCKETS_", "PILLOW_", "OPENBLAS_",
    "NUMPY_", "NPY_", "NVPL_", "OTEL_",
)  # fmt: skip
"""How the names of variables begin that an imported module has already read, or the interpreter itself."""
_AS_EVERYWHERE = ("PYTHONPATH", "PYTHONUNBUFFERED", "PYTHONUTF8", "PYTHONUSERBASE", "LD_LIBRARY_PATH")
"""Those that all our programs have alike (``environment.essentials``, ``pod_folders``)."""


class Guard(Protocol):
    """The process that holds a program, however it was started."""

    def release(self) -> None:
        """Close its input: the guard ends its program."""

    def kill(self) -> None:
        """Kill the guard itself; ProcessLookupError where it has ended."""

    async def wait(self) -> int:
        """Its exit code: the program's, or -n where signal n has killed the guard."""


class SpawnedGuard:
    """A guard that this process has started."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    def release(self) -> None:
        """As ``Guard``."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    def kill(self) -> None:
        """As ``Guard``."""
        self._process.kill()

    async def wait(self) -> int:
        """As ``Guard``."""
        return await self._process.wait()


class ForkedGuard:
    """A guard that a warm process has forked: known by its report, as it is no child of this process."""

    def __init__(self, input_end: int, report: int) -> None:
        self._input_end: int | None = input_end
        self._report = report
        self._text = b""
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        os.set_blocking(report, False)
        asyncio.get_running_loop().add_reader(report, self._read)

    def release(self) -> None:
        """As ``Guard``."""
        input_end, self._input_end = self._input_end, None
        if input_end is not None:
            os.close(input_end)

    def kill(self) -> None:
        """As ``Guard``."""
        first, line, _ = self._text.partition(b"\n")
        if not line or self._ended.done():
            raise ProcessLookupError
        os.kill(int(first), signal.SIGKILL)

    async def wait(self) -> int:
        """As ``Guard``."""
        return await asyncio.shield(self._ended)

    def _read(self) -> None:
        try:
            part = os.read(self._report, 4096)
        except BlockingIOError:
            return
        self._text += part
        if not part:
            asyncio.get_running_loop().remove_reader(self._report)
            os.close(self._report)
            self.release()
            self._ended.set_result(exit_code(self._text))


def exit_code(report: bytes) -> int:
    """What a report that has ended says; KILLED where its writer did not come to the exit code."""
    lines = report.split()
    return int(lines[1]) if len(lines) > 1 else KILLED


class ForkedProcess:
    """A program without a guard that a warm process has forked; as much of Popen as is used.

    ``stdin`` is what holds the program where it ends with its input; None where it was given none.
    """

    def __init__(self, stdin: IO[bytes] | None, report: int) -> None:
        self.stdin = stdin
        self.returncode: int | None = None
        self._report = report
        self._text = b""
        self._read_until(lambda: b"\n" in self._text)
        if not self._text:
            raise ChildProcessError("the warm process has ended")
        self.pid = int(self._text.split()[0])
        os.set_blocking(report, False)

    def poll(self) -> int | None:
        """The exit code, None while it runs."""
        if self.returncode is None:
            with contextlib.suppress(BlockingIOError):
                self._read_until(lambda: False)
                self._set_ended()
        return self.returncode

    def wait(self) -> int:
        """The exit code, when it has ended; it is no child of this process, so this one reads its report."""
        if self.returncode is None:
            os.set_blocking(self._report, True)
            self._read_until(lambda: False)
            self._set_ended()
        assert self.returncode is not None
        return self.returncode

    def terminate(self) -> None:
        """Send SIGTERM, where it has not ended."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)

    def _read_until(self, enough: Callable[[], bool]) -> None:
        """Read the report until ``enough`` or its end. BlockingIOError where there is no more yet."""
        while not enough() and (part := os.read(self._report, 4096)):
            self._text += part

    def _set_ended(self) -> None:
        self.returncode = exit_code(self._text)
        os.close(self._report)


def fork_process(command: Sequence[str], *, with_input: bool, log: int) -> ForkedProcess | None:
    """``command`` as a fork of the shared warm process, with our folder and environment.

    ``with_input``: its standard input is a pipe of ours, else empty. None without such a warm process, and
    for a command that is no module of our interpreter.
    """
    path, target = os.environ.get(SOCKET), module_of(command)
    if not path or target is None or not available() or (connection := connect(Path(path))) is None:
        return None
    with connection:
        ends = ask(connection, Program(*target, dict(os.environ), str(Path.cwd()), ""), log, with_input)
    if ends is None:
        return None
    input_end, report = ends
    with contextlib.suppress(ChildProcessError):
        return ForkedProcess(os.fdopen(input_end, "wb", buffering=0) if with_input else None, report)
    return None


class WarmProcess:
    """A warm process, asked through one socket. Where it has gone, it is not asked again.

    ``pid``: where it is a child of this process.
    """

    def __init__(self, connection: socket.socket, pid: int | None = None) -> None:
        self._connection: socket.socket | None = connection
        self._pid = pid

    def start(self, program: Program, log: int) -> ForkedGuard | None:
        """Fork ``program`` under a guard, with the descriptor ``log`` as its output.

        On the running event loop. None where there is no warm process any more.
        """
        if self._connection is None:
            return None
        ends = ask(self._connection, program, log)
        if ends is None:
            self.close()
            return None
        return ForkedGuard(*ends)

    def close(self) -> None:
        """Let it end, and see to it; what it has started goes on. Idempotent."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        pid, self._pid = self._pid, None
        if pid is not None and not comes_true(lambda: _ended(pid), _END_SECONDS, every=0.002):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _ended(pid: int) -> bool:
    """Whether a child has ended; it is waited for by that."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


def ask(
    connection: socket.socket, program: Program, log: int, with_input: bool = True
) -> tuple[int, int] | None:
    """Ask for ``program``: our ends of its input and of its report; None where no process reads it.

    Without ``with_input`` its input is empty, and our end of it -1.
    """
    theirs, input_end = os.pipe() if with_input else (forked_program.empty_input(), -1)
    report, written = os.pipe()
    try:
        warm_server.send(connection, program, (theirs, log, written))
    except OSError:
        for ours in (input_end, report):
            if ours >= 0:
                os.close(ours)
        return None
    finally:
        os.close(theirs)
        os.close(written)
    return input_end, report


def available(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether programs may be forks: POSIX has them, and ``DEVENV_COLD`` does not forbid it."""
    return os.name == "posix" and environ.get(COLD, "").lower() != "true"


def forkable(env: Mapping[str, str]) -> bool:
    """Whether a program with this environment may be a fork: no variable that is read at import is set."""
    return not any(name.upper().startswith(_READ_AT_IMPORT) and name not in _AS_EVERYWHERE for name in env)


def module_of(command: Sequence[str]) -> tuple[str, tuple[str, ...]] | None:
    """Module and arguments of a command that runs a module in our own interpreter; None for another."""
    if len(command) > 2 and tuple(command[:2]) == (sys.executable, "-m"):
        return command[2], tuple(command[3:])
    return None


def connect(path: Path) -> socket.socket | None:
    """The warm process that listens at ``path``; None where none does."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(path))
    except OSError:
        connection.close()
        return None
    return connection


def warm_process(environ: Mapping[str, str] = os.environ) -> WarmProcess | None:
    """The warm process for a stack: the shared one, else a fork of this process; None for an ordinary start.

    To be called before this process has a thread, an event loop or a listening socket. The fork imports what
    pods do by itself, while this process goes on.
    """
    if not available(environ):
        return None
    shared = connect(Path(environ[SOCKET])) if environ.get(SOCKET) else None
    if shared is not None:
        return WarmProcess(shared)
    return WarmProcess(*warm_server.fork_warm_process())
