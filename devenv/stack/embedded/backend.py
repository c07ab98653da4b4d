"""The embedded backend as its client sees it: a supervisor process that holds the stack, its control API."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import psutil

from devenv.core.model.errors import DevenvError, EnvironmentProblem, UsageProblem, error_from_json
from devenv.core.model.stack_json import status_from_json
from devenv.core.model.topology import Endpoints, SettingChanges, StackSpec, StackStatus
from devenv.core.model.vocabulary import resolve_pod
from devenv.stack import logs
from devenv.stack.control_calls import control_call
from devenv.stack.files import (
    full_disk_hint,
    private_folder,
    read_text_if_there,
    state_folder,
    write_atomically,
)
from devenv.stack.protocol import Progress
from devenv.stack.waiting import POLL_SECONDS, comes_true

if TYPE_CHECKING:
    from devenv.stack.embedded.warm_client import ForkedProcess

START_SECONDS = 60.0
STOP_SECONDS = 15.0
_KILL_SECONDS = 5.0
# Restarting pods takes as long as the supervisor gives them (READY_SECONDS) and their ending.
_CONTROL_TIMEOUT_SECONDS = 40.0
NOT_RUNNING = "no stack is running here"


class EmbeddedStack:
    """A stack of processes on this machine (``Stack``).

    ``supervisor`` is the command that runs it (``python -m devenv.dashboard.supervisor``); it is given
    ``--spec FILE --state-dir DIR`` and ``--detached`` and ``--cold`` where these are asked for. It writes
    JSON lines to ``supervisor.jsonl`` in the state directory: ``{"progress": text}`` …, then
    ``{"ready": StackStatus}`` or ``{"error": DevenvError}``. Not detached, it ends, with everything it
    started, when its standard input does, that is when this process ends, also when it is killed.
    """

    backend = "embedded"

    def __init__(
        self, state_dir: Path, supervisor: Sequence[str], detached: bool = False, cold: bool = False
    ) -> None:
        """``cold``: no program is a fork of a warm process."""
        self._dir = state_dir.resolve()
        self._command = tuple(supervisor)
        self._detached = detached
        self._cold = cold
        self._record = self._dir / "embedded.json"
        self._process: subprocess.Popen[bytes] | ForkedProcess | None = None

    # -- Stack -------------------------------------------------------------------------------------------

    def start(self, spec: StackSpec, progress: Progress) -> StackStatus:
        """As ``Stack.start``; also ``EnvironmentProblem`` where a stack is running in this directory."""
        if (running := self._running()) is not None:
            raise EnvironmentProblem(
                f"a stack is already running here (pid {running.pid}, state in {self._dir})",
                hint="end it with `devenv down`, or use it: every command finds it by itself",
            )
        state_folder(self._dir)
        try:
            self._spawn(spec)
            status = self._wait_until_ready(progress)
            self._write_record(status.endpoints.control)
        except BaseException:
            self._end_process()
            raise
        return status

    def stop(self) -> None:
        """As ``Stack.stop``: through the supervisor, and by force where it does not answer."""
        running = self._running()
        if running is not None:
            with suppress(DevenvError):
                self._call("POST", "/stack/stop")
            self._wait_for_end(running)
        self._end_process()

    def status(self) -> StackStatus:
        """As ``Stack.status``."""
        return self._with_headers(status_from_json(self._call("GET", "/stack")))

    def _with_headers(self, status: StackStatus) -> StackStatus:
        """``status`` with the values of headers that the service wants, which no message carries.

        They are in the file that the stack was started with, which only its owner may read.
        """
        service = status.spec.service
        text = read_text_if_there(self._dir / "spec.json", "spec.json") if service is not None else None
        given = StackSpec.from_json(json.loads(text)).service if text else None
        if service is None or given is None or given.profile.public() != service.profile:
            return status
        return replace(status, spec=replace(status.spec, service=replace(service, profile=given.profile)))

    def endpoints(self) -> Endpoints:
        """As ``Stack.endpoints``."""
        return self.status().endpoints

    def restart_pods(self, settings: Mapping[str, SettingChanges], progress: Progress) -> None:
        """As ``Stack.restart_pods``; progress is reported when all are ready."""
        body = {"settings": {pod: dict(changes) for pod, changes in settings.items()}}
        for line in self._call("POST", "/stack/pods/restart", body)["progress"]:
            progress(line)

    def set_pods(
        self,
        pods: Sequence[str],
        settings: Mapping[str, SettingChanges],
        policy: str | None,
        progress: Progress,
    ) -> None:
        """As ``Stack.set_pods``; progress is reported when all is done."""
        changes = {pod: dict(wished) for pod, wished in settings.items()}
        body = {"pods": list(pods), "settings": changes, "policy": policy}
        for line in self._call("PUT", "/stack/pods", body)["progress"]:
            progress(line)

    def redis(self, action: str) -> None:
        """As ``Stack.redis``."""
        self._call("POST", f"/stack/redis/{action}")

    def logs(self, name: str | None, *, tail: int | None, follow: bool) -> Iterator[str]:
        """As ``Stack.logs``; also after the stack has ended. Raises ``UsageProblem`` for an unknown part."""
        files = {path.stem: path for path in sorted((self._dir / "logs").glob("*.log"))}
        if not files:
            hint = f"start a stack: `devenv up`; a demo keeps its logs in {self._dir / 'runs'}, in logs.txt"
            raise EnvironmentProblem(f"there are no logs in {self._dir}", hint=hint)
        if name is not None:
            part = name if name in files else resolve_pod(name, tuple(files))
            if part is None:
                raise UsageProblem(f"no part is called {name!r}", hint=f"the parts are {', '.join(files)}")
            files = {part: files[part]}
        return logs.read(files, tail=tail, follow=follow, alive=lambda: self._running() is not None)

    # -- the supervisor process --------------------------------------------------------------------------

    def _spawn(self, spec: StackSpec) -> None:
        spec_file, reports = self._dir / "spec.json", self._dir / "supervisor.jsonl"
        write_atomically(spec_file, json.dumps(spec.to_json()))
        log = private_folder(self._dir / "logs") / "supervisor.log"
        write_atomically(reports, "")
        arguments = ["--spec", str(spec_file), "--state-dir", str(self._dir)]
        arguments += [*(["--detached"] if self._detached else []), *(["--cold"] if self._cold else [])]
        with log.open("wb") as output:
            self._process = _start([*self._command, *arguments], not self._detached, output)
        self._write_record(None)

    def _wait_until_ready(self, progress: Progress) -> StackStatus:
        assert self._process is not None
        reports, offset = self._dir / "supervisor.jsonl", 0
        deadline = time.monotonic() + START_SECONDS
        while True:
            ended = self._process.poll() is not None  # asked before reading, so that its last words count
            complete = logs.since(reports, offset).rpartition("\n")[0]
            for line in filter(None, complete.split("\n")):
                word = json.loads(line)
                if "ready" in word:
                    return self._with_headers(status_from_json(word["ready"]))
                if "error" in word:
                    raise error_from_json(word["error"])
                progress(str(word.get("progress", "")))
            offset += len(complete.encode("utf-8")) + bool(complete)
            if ended:
                log = self._dir / "logs" / "supervisor.log"
                last_lines = logs.last_words(logs.since(log, 0), 3)
                raise EnvironmentProblem(
                    f"the supervisor ended at start (exit code {self._process.returncode})"
                    + (last_lines and f": {last_lines}"),
                    hint=full_disk_hint(self._dir)
                    or f"its whole log is {self._dir / 'logs' / 'supervisor.log'}",
                )
            if time.monotonic() > deadline:
                raise EnvironmentProblem(
                    f"the stack did not get ready in {START_SECONDS:g} s",
                    hint=f"its logs are in {self._dir / 'logs'}",
                )
            time.sleep(POLL_SECONDS)

    def _end_process(self) -> None:
        """End the supervisor that this object started, if any is left, and forget the record."""
        process, self._process = self._process, None
        if process is not None:
            if process.stdin is not None:
                process.stdin.close()
            elif process.poll() is None:
                process.terminate()
            with suppress(psutil.NoSuchProcess):
                self._wait_for_end(psutil.Process(process.pid))
            process.wait()
        if self._running() is None:
            self._record.unlink(missing_ok=True)

    def _wait_for_end(self, supervisor: psutil.Process) -> None:
        """Wait until it has gone; kill it after ``STOP_SECONDS``: the guards then end their programs."""
        if not comes_true(lambda: _gone(supervisor), STOP_SECONDS):
            guards = _children(supervisor)
            with suppress(psutil.NoSuchProcess):
                supervisor.kill()
            comes_true(lambda: all(_gone(process) for process in (supervisor, *guards)), _KILL_SECONDS)

    # -- the record of a running stack -------------------------------------------------------------------

    def _write_record(self, control: str | None) -> None:
        assert self._process is not None
        created = psutil.Process(self._process.pid).create_time()
        record = {"pid": self._process.pid, "create_time": created, "control": control}
        write_atomically(self._record, json.dumps(record))

    def _read_record(self) -> dict[str, Any] | None:
        try:
            record = json.loads(self._record.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return (
            record
            if isinstance(record, dict) and {"pid", "create_time", "control"} <= record.keys()
            else None
        )

    def _running(self) -> psutil.Process | None:
        """The recorded supervisor, if that very process (by its creation time too) still runs."""
        record = self._read_record()
        if record is None:
            return None
        try:
            process = psutil.Process(record["pid"])
            same = abs(process.create_time() - record["create_time"]) < 1.0
        except (psutil.Error, TypeError, ValueError):
            return None
        return process if same and not _gone(process) else None

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        """One call of the control API; raises the error that the other side raised."""
        record = self._read_record()
        if record is None or record["control"] is None or self._running() is None:
            raise EnvironmentProblem(f"{NOT_RUNNING} ({self._dir})", hint="start one: `devenv up`")
        next_step = "end the stack with `devenv down` and start it again"
        address, seconds = str(record["control"]), _CONTROL_TIMEOUT_SECONDS
        return control_call(address, method, path, body, timeout=seconds, hint=next_step)


def _start(
    command: Sequence[str], with_input: bool, output: IO[bytes]
) -> subprocess.Popen[bytes] | ForkedProcess:
    """Start ``command`` out of reach of this terminal's Ctrl-C, which is ours to act on."""
    from devenv.stack.embedded.warm_client import fork_process  # asyncio: a verb that only looks needs none

    forked = fork_process(command, with_input=with_input, log=output.fileno())
    if forked is not None:
        return forked
    stdin = subprocess.PIPE if with_input else subprocess.DEVNULL
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP
        return subprocess.Popen(command, stdin=stdin, stdout=output, stderr=output, creationflags=flags)
    return subprocess.Popen(command, stdin=stdin, stdout=output, stderr=output, start_new_session=True)


def _gone(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []
