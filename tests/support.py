"""What tests of several folders use: waiting for a condition, free ports, processes, the command line."""

from __future__ import annotations

import contextlib
import io
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from http.server import HTTPServer
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import psutil

from devenv.cli import main
from devenv.stack.embedded.warm_client import SOCKET, ForkedProcess, fork_process

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


def calls(work: Callable[[], object]) -> int:
    """How many calls, of Python and of C, ``work`` makes: a measure of work that no slow machine changes."""
    count = 0

    def tally(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(tally)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


@contextlib.contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """No file of this process and of those that it starts can grow over ``size`` bytes: as on a full disk.

    The error is EFBIG ("File too large") in place of ENOSPC. POSIX only.
    """
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextlib.contextmanager
def serving(server: HTTPServer) -> Iterator[str]:
    """A server of the standard library answers in a thread of its own; its address. Closed at the end."""
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def sort_some(items: list[T], key: Callable[[T], tuple[Any, ...] | None]) -> None:
    """Sort the items that have a key among the places that they take; the others stay where they are.

    For ``pytest_collection_modifyitems``: tests that share a stack, so that its pods are restarted least.
    """
    keys = {
        number: one_service for number, item in enumerate(items) if (one_service := key(item)) is not None
    }
    ordered = [items[number] for number in sorted(keys, key=keys.__getitem__)]
    for place, item in zip(keys, ordered, strict=True):
        items[place] = item


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


def command_environment() -> dict[str, str]:
    """For commands that are run as people run them: any ports, English, no colours.

    Their stacks are forks of the test run's warm process too; with ``own_warm_process`` they are not.
    """
    free = {f"DEVENV_{name}_PORT": "0" for name in ("TRAFFIC", "CONTROL", "ML", "REDIS", "GATE")}
    kept = {name: item for name, item in os.environ.items() if not name.startswith(("DEVENV_", "REDIS_"))}
    warm = {SOCKET: os.environ[SOCKET]} if SOCKET in os.environ else {}
    return {**kept, **free, **warm, "DEVENV_BACKEND": "embedded", "LC_ALL": "C.UTF-8", "NO_COLOR": "1"}


def gone(process: psutil.Process) -> bool:
    """Whether the process has ended; one that only waits to be reaped has."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def all_gone(processes: Iterable[psutil.Process]) -> bool:
    """Whether every one of the processes has ended."""
    return all(map(gone, processes))


def devenv_here(
    folder: Path, environment: Mapping[str, str], *words: str
) -> subprocess.CompletedProcess[str]:
    """``devenv`` with these words in ``folder``, in this process: no interpreter starts, nothing is imported.

    What it gives is what ``devenv_process`` gives. Not for verbs that are ended by a signal, and not for two
    threads at a time: the working folder, the environment and the standard streams are the process's.
    """
    output, problems = _stream(), _stream()
    with (
        contextlib.chdir(folder),
        _environment(environment),
        _signals_kept(),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(problems),
    ):
        code = main(words)
    return subprocess.CompletedProcess(words, code, _text(output), _text(problems))


PROCESSES = ("up", "down", "demo")
"""Verbs that ``devenv_run`` runs as a process of their own: they start or end stacks."""


def devenv_run(folder: Path, environment: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """``devenv`` with these words in ``folder``: as a process or, where that says the same, in this one."""
    return (devenv_process if words[0] in PROCESSES else devenv_here)(folder, environment, *words)


def devenv_process(
    folder: Path, environment: Mapping[str, str], *words: str
) -> subprocess.CompletedProcess[str]:
    """``devenv`` with these words in ``folder``, as a process of its own."""
    return subprocess.run(
        devenv_command(*words),
        cwd=folder,
        env=dict(environment),
        capture_output=True,
        encoding="utf-8",
        timeout=HANG_GUARD_S,
        check=False,
    )


def devenv_command(*words: str) -> list[str]:
    """The command of a process that runs ``devenv`` with these words."""
    return [sys.executable, "-m", "devenv", *words]


def start_program(
    command: Sequence[str], environment: Mapping[str, str], log: Path
) -> subprocess.Popen[bytes] | ForkedProcess:
    """A module of our interpreter as a fork of the warm process; without one, any command as a process.

    ``log`` gets what it prints. The environment says by DEVENV_WARM_SOCKET where the warm process is.
    """
    with log.open("wb") as output:
        with _environment(environment):
            forked = fork_process(command, with_input=False, log=output.fileno())
        if forked is not None:
            return forked
        return subprocess.Popen(ending_with_us(command), env=dict(environment), stdout=output, stderr=output)


def ending_with_us(command: Sequence[str]) -> list[str]:
    """``command`` so that it also ends when this test process is killed, as an interrupted run ends workers.

    For servers of fixtures. The process must be started in the main thread, which lasts as long as we do.
    """
    if not sys.platform.startswith("linux"):
        return list(command)
    wrapper = Path(__file__).with_name("ending_with_parent.py")
    return [sys.executable, "-I", "-S", str(wrapper), str(os.getpid()), *command]


def redis_command(port: int, folder: Path) -> list[str]:
    """A redis-server of a fixture: on ``port`` of 127.0.0.1, without snapshots, its files in ``folder``."""
    return redis_program("--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "")


def redis_program(*options: str) -> list[str]:
    """The redis-server of PATH with these options; it ends with this test process."""
    program = shutil.which("redis-server")
    assert program, "redis-server is not on PATH"
    return ending_with_us([program, *options])


def kill_program(process: subprocess.Popen[bytes] | ForkedProcess) -> None:
    """Kill what ``start_program`` started, and wait for its end."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    process.wait()


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    stream.seek(0)
    return stream.read()


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """Put the handler of SIGTERM back, which the command line sets for its process."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class SharedWarmProcess:
    """A warm process for all stacks of a test run; it is started when the first stack asks for it.

    Its socket is there from the start, in a folder that only we can read: who asks before it listens waits.
    """

    MODULES = (
        "uvloop", "devenv.wire.edge.edge", "devenv.wire.executor.pod_control",
        "devenv.wire.executor.quiescence", "devenv.stack.embedded.control",
        "devenv.stack.embedded.processes",
    )  # fmt: skip
    """What a supervisor imports, besides what pods do."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="devenv-warm-"))  # mode 0700
        self.path = self._folder / "socket"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self.path.chmod(0o600)
        self._listener.listen(64)
        self._stop, self._stopped = os.pipe()
        self._process: subprocess.Popen[bytes] | None = None
        self._waiting = threading.Thread(target=self._start_when_asked, name="warm process", daemon=True)
        self._waiting.start()

    def _start_when_asked(self) -> None:
        listener = self._listener.fileno()
        ready, _, _ = select.select([listener, self._stop], [], [])
        if listener in ready:
            command = [sys.executable, "-m", "devenv.stack.embedded.warm_server"]
            command += ["--listener", str(listener)]
            command += [word for module in self.MODULES for word in ("--import", module)]
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                pass_fds=[listener],
                start_new_session=True,
            )

    def close(self) -> None:
        os.close(self._stopped)
        self._waiting.join()
        os.close(self._stop)
        self._listener.close()
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            assert self._process.wait(HANG_GUARD_S) == 0
        shutil.rmtree(self._folder)
