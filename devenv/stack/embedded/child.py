"""One program of the embedded stack under its guard, with its log file."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from devenv.core.model.errors import EnvironmentProblem
from devenv.stack import logs
from devenv.stack.embedded import parent_death_guard as parent_death_guard
from devenv.stack.embedded.forked_program import Program
from devenv.stack.embedded.warm_client import (
    ForkedGuard,
    Guard,
    SpawnedGuard,
    WarmProcess,
    forkable,
    module_of,
)
from devenv.stack.files import full_disk_hint

_GUARD = Path(parent_death_guard.__file__)
_STOP_SECONDS = parent_death_guard.GRACE_SECONDS + 5.0


class Child:
    """A program that ends when this process ends. Start it again as often as wanted, one run at a time."""

    def __init__(self, name: str, log: Path, pidfile: Path, warm: WarmProcess | None = None) -> None:
        """``warm``: whose fork a program of our own interpreter is; None starts every program by itself."""
        self._warm = warm
        self.name = name
        self.log = log
        self.exit_code: int | None = None
        self.on_end: Callable[[], None] = lambda: None
        """Called when it has ended, by itself or not."""
        self._pidfile = pidfile
        self._guard: Guard | None = None
        self._ended: asyncio.Task[int] | None = None
        self._stopping = False
        self._log_start = 0
        log.write_bytes(b"")

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._ended is not None and not self._ended.done()

    @property
    def paused(self) -> bool:
        """Whether it runs, and its process is stopped (SIGSTOP): it takes connections and does not answer."""
        with contextlib.suppress(psutil.Error):
            return self.pid is not None and psutil.Process(self.pid).status() == psutil.STATUS_STOPPED
        return False

    @property
    def pid(self) -> int | None:
        """The program's own process id while it runs."""
        if not self.running:
            return None
        try:
            return int(self._pidfile.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None

    async def start(self, command: Sequence[str], env: Mapping[str, str], cwd: Path) -> None:
        """Start ``command`` with exactly ``env``; returns at once, before it is ready.

        A module that our own interpreter runs is forked where there is a warm process.
        """
        self._pidfile.unlink(missing_ok=True)
        self._log_start = self.log.stat().st_size
        self._stopping, self.exit_code = False, None
        with self.log.open("ab") as output:
            self._guard = self._fork(command, env, cwd, output.fileno())
            if self._guard is None:
                self._guard = SpawnedGuard(
                    await asyncio.create_subprocess_exec(
                        *(sys.executable, "-I", "-S", str(_GUARD), str(self._pidfile), "--", *command),
                        stdin=asyncio.subprocess.PIPE,
                        stdout=output,
                        stderr=output,
                        env=dict(env),
                        cwd=cwd,
                    )
                )
        self._ended = asyncio.create_task(self._watch(self._guard))

    def _fork(
        self, command: Sequence[str], env: Mapping[str, str], cwd: Path, output: int
    ) -> ForkedGuard | None:
        """The guard of a fork that runs ``command``; None where that cannot be."""
        target = module_of(command)
        if self._warm is None or target is None or not forkable(env):
            return None
        return self._warm.start(Program(*target, dict(env), str(cwd), str(self._pidfile)), output)

    async def _watch(self, guard: Guard) -> int:
        code = await guard.wait()
        if code < 0:  # the guard itself was killed and could not clean up
            self._kill_group()
        self.exit_code = code
        self.on_end()
        if not self._stopping:
            with contextlib.suppress(OSError), self.log.open("a", encoding="utf-8") as log:
                log.write(f"{logs.OWN_REMARK}{self.name} ended by itself ({describe_exit(code)})\n")
        return code

    def _kill_group(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            parent_death_guard.end(int(self._pidfile.read_text(encoding="ascii")), force=True)

    async def ended(self) -> int:
        """Wait for its end; gives the exit code (128 + n after signal n)."""
        assert self._ended is not None
        return await asyncio.shield(self._ended)

    async def stop(self) -> None:
        """Ask it to end, make it after the guard's grace, and wait; idempotent."""
        if self._guard is None or self._ended is None:
            return
        self._stopping = True
        self._guard.release()
        try:
            await asyncio.wait_for(self.ended(), _STOP_SECONDS)
        except TimeoutError:
            self._kill_group()
            with contextlib.suppress(ProcessLookupError):
                self._guard.kill()
            await self.ended()
        self._pidfile.unlink(missing_ok=True)

    async def kill(self) -> None:
        """Kill it at once (SIGKILL), as a crash or the kernel's OOM killer would, and wait."""
        pid = self.pid
        self._stopping = True
        if pid is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(pid).kill()
        if self._ended is not None:
            await self.ended()

    @property
    def written(self) -> str:
        """What its present run has written."""
        return logs.since(self.log, self._log_start)

    def count_in_log(self, text: str) -> int:
        """How often its present run has written ``text``."""
        return self.written.count(text)

    def last_words(self, lines: int = 3) -> str:
        """The last lines of its present run's log, joined by " / "; of a traceback the error."""
        return logs.last_words(self.written, lines)


def describe_exit(code: int) -> str:
    """An exit code as people say it."""
    number = code - 128 if code > 128 else -code
    if os.name == "posix" and (code > 128 or code < 0):
        with contextlib.suppress(ValueError):
            return f"killed by {signal.Signals(number).name}"
    return f"exit code {code}"


def died_at_start(child: Child, code: int) -> EnvironmentProblem:
    """The error for a program that ended before it was ready, with its own last words."""
    last_line = child.last_words()
    return EnvironmentProblem(
        f"{child.name} ended at start ({describe_exit(code)})" + (f": {last_line}" if last_line else ""),
        hint=full_disk_hint(child.log.parent) or f"its whole log is {child.log}",
    )
