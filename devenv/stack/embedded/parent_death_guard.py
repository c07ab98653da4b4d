"""Ends a program when its parent has ended; uses only the standard library.

``python -I -S parent_death_guard.py PIDFILE -- COMMAND…``

Starts COMMAND in a session of its own, writes its pid to PIDFILE and reads its own standard input. End of
input means that the parent has gone, be it by kill -9: COMMAND and its descendants are asked to end and,
after ``GRACE_SECONDS``, made to. Exits with COMMAND's exit code (128 + n after signal n; 127 where it cannot
start, 126 where PIDFILE cannot be written).
On Linux the kernel takes COMMAND along when the guard itself is killed (PR_SET_PDEATHSIG, prctl(2)).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

GRACE_SECONDS = 3.0
CANNOT_KEEP = 126
PR_SET_PDEATHSIG = 1


def die_with_parent() -> Callable[[], None] | None:
    """What the forked child calls before exec so that the guard's death kills it; None off Linux."""
    if not sys.platform.startswith("linux"):
        return None
    import ctypes

    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent_death_guard = os.getpid()

    def arrange() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent_death_guard:  # it died between fork and prctl
            os._exit(1)

    return arrange


def end(pid: int, *, force: bool) -> None:
    """Ask (or, with ``force``, make) the process ``pid`` and its descendants to end, if any is left."""
    if sys.platform == "win32":
        command = ["taskkill", "/T", *(["/F"] if force else []), "/PID", str(pid)]
        subprocess.run(command, capture_output=True, check=False)
        return
    try:
        os.killpg(pid, signal.SIGKILL if force else signal.SIGTERM)
        os.killpg(pid, signal.SIGCONT)  # a stopped process sees SIGTERM only once it goes on
    except (ProcessLookupError, PermissionError):
        pass


def spawn(command: list[str]) -> subprocess.Popen[bytes]:
    """COMMAND in a session (Windows: process group) of its own, with no input and our own output."""
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, creationflags=flags)
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=die_with_parent(),  # safe: no other thread runs yet
    )


def main(arguments: list[str]) -> int:
    """Run the guard; the exit code is COMMAND's."""
    pidfile, separator, *command = arguments
    if separator != "--" or not command:
        print("usage: parent_death_guard.py PIDFILE -- COMMAND...", file=sys.stderr)  # noqa: T201
        return 2
    try:
        child = spawn(command)
    except OSError as error:
        print(f"cannot start {command[0]}: {error.strerror}", file=sys.stderr)  # noqa: T201
        return 127
    return keep(child.pid, pidfile, child.wait)


def keep(pid: int, pidfile: str, wait: Callable[[], int]) -> int:
    """Keep the program ``pid`` until it ends, as the module says; ``wait`` gives its exit code (-n: signal).

    Gives the exit code as a shell has it. The program runs as long as the guard's standard input is open.
    """
    draft = Path(f"{pidfile}.{os.getpid()}")
    try:
        draft.write_text(str(pid), encoding="ascii")
        draft.replace(pidfile)
    except OSError as error:  # a program without a pidfile could not be ended
        end(pid, force=True)
        wait()
        print(f"{pidfile}: cannot be written: {error.strerror}", file=sys.stderr)  # noqa: T201
        return CANNOT_KEEP

    def shut_down() -> None:
        end(pid, force=False)
        late = threading.Timer(GRACE_SECONDS, end, (pid,), {"force": True})
        late.daemon = True
        late.start()

    def watch_parent() -> None:
        while os.read(0, 4096):
            pass
        shut_down()

    def on_terminate(number: int, frame: FrameType | None) -> None:
        threading.Thread(target=shut_down, daemon=True).start()

    def on_interrupt(number: int, frame: FrameType | None) -> None:
        """Ctrl-C in the terminal is the parent's to judge; a handler, unlike SIG_IGN, is not inherited."""

    signal.signal(signal.SIGTERM, on_terminate)
    signal.signal(signal.SIGINT, on_interrupt)
    threading.Thread(target=watch_parent, daemon=True).start()
    code = wait()
    end(pid, force=True)  # what it may have left in its group
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    # _exit: the watching thread may sit in a read that an ordinary interpreter exit would wait for.
    result = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(result)
