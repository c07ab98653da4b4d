"""The warm process: it has imported what pods import, and each pod is a fork of it. POSIX only.

It has no thread, event loop or settings, and opens nothing but the socket on which it is asked: a JSON
object in each message, its length before it, and with it the descriptors of the program's input, log and
report. It ends when the last socket does, that is when the process that made it has ended, in whatever way.

A program runs under a guard that is a fork too, and the two do not need the warm process any more. A program
without a guard ends with the warm process (on Linux), as nothing else would end it. The guard (without a
guard the program) writes into ``report`` its own process id, in a line, and its exit code, in another, at its
end; a report that ends without the second line is that of a process that was killed.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import selectors
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from devenv.stack.embedded import forked_program, parent_death_guard
from devenv.stack.embedded.forked_program import Program

POD_MODULES = (
    "uvicorn.main", "uvicorn.lifespan.on", "uvicorn.loops.auto", "uvicorn.protocols.http.auto",
    "uvicorn.protocols.websockets.auto", "uvicorn.loops.uvloop", "uvloop", "encodings.idna",
    "anyio._backends._asyncio", "fastapi", "fastapi.telemetry._runtime",
    "httpcore", "h11", "certifi", "importlib.readers", "devenv.captcha_api.factory",
    "numpy", "PIL.Image", "PIL.ImageDraw", "PIL.PngImagePlugin", "mock_ml.bot",
    "mock_ml.faults", "mock_ml.gallery", "mock_ml.middleware", "mock_ml.reading",
)  # fmt: skip
"""What pods and the mock ML service import. Not their ``app``: that one reads the environment."""
LENGTH = struct.Struct("!I")
DESCRIPTORS = 3


def import_modules(names: Sequence[str] = POD_MODULES) -> None:
    """Import each; what is not installed is left to the program that needs it to complain of."""
    with _no_blas_threads():
        for name in names:
            with contextlib.suppress(ImportError):
                import_module(name)


@contextmanager
def _no_blas_threads() -> Iterator[None]:
    """numpy's linear algebra starts its threads when it is imported; a fork would have none of them."""
    name = "OPENBLAS_NUM_THREADS"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def fork_warm_process() -> tuple[socket.socket, int]:
    """Fork this process into a warm one; the socket on which that is asked, and its process id.

    What is asked before it has imported its modules waits. To be called where this process has no thread,
    event loop or listening socket yet.
    """
    ours, asked = socket.socketpair()
    sys.stdout.flush()
    sys.stderr.flush()
    arrange = parent_death_guard.die_with_parent()
    pid = os.fork()
    if pid == 0:
        try:
            if arrange is not None:
                arrange()
            ours.close()
            forked_program.use_streams(forked_program.empty_input(), 1, keep=[asked.fileno()])
            import_modules()
            serve([asked])
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    asked.close()
    return ours, pid


def serve(
    connections: Sequence[socket.socket], listener: socket.socket | None = None, owner: int = -1
) -> None:
    """Answer until the connections have ended; with a ``listener``, until the descriptor ``owner`` has."""
    gc.collect()
    gc.freeze()  # a fork that looks for garbage would copy all that it looks at
    with selectors.DefaultSelector() as waiting:
        _reap_children(waiting)
        for connection in connections:
            waiting.register(connection, selectors.EVENT_READ, _answer)
        if listener is not None:
            waiting.register(listener, selectors.EVENT_READ, _accept)
            waiting.register(owner, selectors.EVENT_READ, None)
        going_on = True
        while going_on:
            for key, _ in waiting.select():
                if key.fd == owner:
                    going_on = bool(os.read(owner, 4096))
                elif key.data is not None:
                    key.data(key.fileobj, waiting)
            if listener is None:
                going_on = any(key.data is _answer for key in waiting.get_map().values())


def _reap_children(waiting: selectors.BaseSelector) -> None:
    """Guards that have ended are waited for as SIGCHLD tells of them."""
    woken, wake = os.pipe()
    for descriptor in (woken, wake):
        os.set_blocking(descriptor, False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

    def reap(descriptor: int, waiting: selectors.BaseSelector) -> None:
        os.read(descriptor, 4096)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass

    waiting.register(woken, selectors.EVENT_READ, reap)


def _accept(listener: socket.socket, waiting: selectors.BaseSelector) -> None:
    connection, _ = listener.accept()
    waiting.register(connection, selectors.EVENT_READ, _answer)


def _answer(connection: socket.socket, waiting: selectors.BaseSelector) -> None:
    """Start the program of one message; forget a connection that has ended or says what is no message."""
    descriptors: list[int] = []
    try:
        program = receive(connection, descriptors)
    except (OSError, ValueError, KeyError, TypeError):
        program = None
    try:
        if program is not None and len(descriptors) == DESCRIPTORS:
            start(program, *descriptors)
        else:
            waiting.unregister(connection)
            connection.close()
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def receive(connection: socket.socket, descriptors: list[int]) -> Program | None:
    """The next message; its descriptors are added to ``descriptors``. None where the connection has ended."""
    head = b""
    while len(head) < LENGTH.size:
        part, received, _, _ = socket.recv_fds(connection, LENGTH.size - len(head), DESCRIPTORS)
        descriptors += received
        if not part:
            return None
        head += part
    (length,) = LENGTH.unpack(head)
    body = b""
    while len(body) < length:
        part = connection.recv(length - len(body))
        if not part:
            return None
        body += part
    return Program.from_json(json.loads(body))


def send(connection: socket.socket, program: Program, descriptors: Sequence[int]) -> None:
    """Ask for a program whose input, output and report are ``descriptors``. OSError: no process reads the
    socket."""
    body = json.dumps(program.to_json()).encode()
    socket.send_fds(connection, [LENGTH.pack(len(body))], descriptors)
    connection.sendall(body)


def start(program: Program, input_end: int, output: int, report: int) -> None:
    """Fork a guard with the program, or the program alone."""
    arrange = None if program.pidfile else parent_death_guard.die_with_parent()

    def begin() -> int:
        if program.pidfile:
            return _begin_guard(program, input_end, output, report)
        return _begin_alone(program, input_end, output, report, arrange)

    try:
        child = os.fork()
    except OSError as error:
        os.write(output, f"cannot start {program.module}: {error.strerror}\n".encode())
        os.write(report, f"{os.getpid()}\n127\n".encode())
        return
    if child == 0:
        _in_fork(begin)


def _in_fork(act: Callable[[], int]) -> NoReturn:
    """Nothing of the warm process's own stack may run on in a fork."""
    code = forked_program.FAILED
    try:
        code = act()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _begin_guard(program: Program, input_end: int, output: int, report: int) -> int:
    """In the guard: start the program as a fork, keep it, report its exit code."""
    forked_program.default_signals()
    forked_program.use_streams(input_end, output, keep=[report])
    os.write(report, f"{os.getpid()}\n".encode())
    arrange = parent_death_guard.die_with_parent()
    pid = os.fork()
    if pid == 0:
        _in_fork(lambda: _begin_kept(program, arrange))
    _name_process("guard")

    def wait() -> int:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    code = parent_death_guard.keep(pid, program.pidfile, wait)
    os.write(report, f"{code}\n".encode())
    return code


def _begin_kept(program: Program, arrange: Callable[[], None] | None) -> int:
    """In the program: a session of its own, no input, nothing of its guard's."""
    os.setsid()
    if arrange is not None:
        arrange()
    forked_program.use_streams(forked_program.empty_input(), 1)
    _name_process(Path(program.pidfile).stem)
    return forked_program.run(program)


def _begin_alone(
    program: Program, standard_input: int, output: int, report: int, arrange: Callable[[], None] | None
) -> int:
    """In a program without a guard: it reports for itself. ``arrange`` has it end with the warm process."""
    os.setsid()
    if arrange is not None:
        arrange()
    forked_program.default_signals()
    forked_program.use_streams(standard_input, output, keep=[report])
    os.write(report, f"{os.getpid()}\n".encode())
    code = forked_program.run(program)
    os.write(report, f"{code}\n".encode())
    return code


def _name_process(name: str) -> None:
    """What ``top`` and ``ps -o comm`` show, on Linux; at most 15 letters are kept."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            Path("/proc/self/comm").write_text(name[:15], encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve on the listening Unix socket FD, which was inherited, until standard input ends.

    The process that made the socket keeps all others from reaching it: what is asked of it is run.
    """
    parser = argparse.ArgumentParser(prog="python -m devenv.stack.embedded.warm_server")
    parser.add_argument("--listener", type=int, required=True, metavar="FD")
    parser.add_argument("--import", dest="modules", action="append", default=[], metavar="MODULE")
    given = parser.parse_args(arguments)
    import_modules((*POD_MODULES, *given.modules))
    with socket.socket(fileno=given.listener) as listener:
        serve((), listener, owner=0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
