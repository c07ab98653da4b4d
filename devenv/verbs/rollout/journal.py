"""The rollout that is under way, in one file: every command finds it, and changes it by compare-and-set.

The file has the plan's text, where the rollout is, the stage of every pod, and what promote or abort has
asked for. A controller that was killed leaves it, and another goes on from there.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import psutil
from pydantic import TypeAdapter, ValidationError

from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.stack.files import write_atomically
from devenv.verbs.rollout.results import ResultRow

FILE = "rollout.json"
_LOCK_SECONDS = 10.0


class Phase(StrEnum):
    """Where a rollout is within its step."""

    STARTING = "starting"
    """The pods are brought to the plan's first stages."""
    CHANGING = "changing"
    DWELLING = "dwelling"
    GATING = "gating"
    WAITING = "waiting"
    """The gate has passed; ``devenv rollout promote`` ends the step."""
    STOPPED = "stopped"
    """The gate found a loss that the plan does not accept, or could not decide."""
    ABORTING = "aborting"
    DONE = "done"
    ABORTED = "aborted"


ENDED = (Phase.DONE, Phase.ABORTED)


class Conflict(Exception):
    """The file was changed since it was read."""


@dataclass(frozen=True, slots=True)
class RolloutState:
    """What the file says."""

    plan: str
    """The plan's text."""
    name: str
    """The plan's file, as messages call it."""
    token: str
    """MIGRATION_TOKEN of the pods."""
    revision: int = 0
    """Counts changes: what compare-and-set compares."""
    step: int = 0
    """The number of the step that is under way or was the last; 0: the start."""
    phase: Phase = Phase.STARTING
    until: float = 0.0
    """While dwelling: the end, in seconds since the epoch."""
    pods: Mapping[str, str] = field(default_factory=dict)
    """The stage of every pod, as far as it was changed."""
    request: str = ""
    """What was asked for and not done yet: promote, abort, abort-now; empty: nothing."""
    results: Sequence[Mapping[str, Any]] = ()
    """What the gates of the steps came to."""
    policy: str = ""
    """The proxy's policy before the rollout."""
    rate: float | None = None
    """``--rate``: sessions a second; None: as the plan says."""
    seed: int = 1
    """``--seed`` of the traffic."""
    backend: str = ""
    """The backend of the stack that the rollout runs on."""
    fresh: bool = False
    """``--fresh``: the stack is the rollout's own, and ends with its controller."""
    pid: int = 0
    """The controller's process; 0: none."""
    created: float = 0.0
    """When that process began, by psutil: a number of a process is used again."""

    @property
    def controlled(self) -> bool:
        """Whether a controller is at work."""
        with suppress(psutil.Error):
            return self.pid != 0 and abs(psutil.Process(self.pid).create_time() - self.created) < 1.0
        return False

    @property
    def ended(self) -> bool:
        """Whether nothing can go on: done, aborted, or without its stack, which was the rollout's own."""
        return self.phase in ENDED or (self.fresh and not self.controlled)

    def to_json(self) -> dict[str, Any]:
        """A plain dict, without the token."""
        shown = asdict(self)
        del shown["token"]
        return {**shown, "phase": str(self.phase), "controlled": self.controlled}


_STATE = TypeAdapter(RolloutState)
_RESULTS = TypeAdapter(list[ResultRow])


class RolloutJournal:
    """The file in the stack's folder."""

    def __init__(self, state_dir: Path) -> None:
        self.path = state_dir / FILE

    def read(self) -> RolloutState | None:
        """The rollout; None where there is none. Raises EnvironmentProblem for a broken file."""
        try:
            state = _STATE.validate_json(self.path.read_bytes())
            _RESULTS.validate_python(state.results)
            return state
        except FileNotFoundError:
            return None
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            place = ".".join(map(str, problem["loc"]))
            raise self._broken(f"{place}: {problem['msg']}" if place else problem["msg"]) from error
        except (OSError, ValueError) as error:
            raise self._broken(str(error)) from error

    def _broken(self, reason: str) -> EnvironmentProblem:
        return EnvironmentProblem(
            f"{self.path} is not readable: {reason}", hint="remove it, and start the rollout again"
        )

    def present(self) -> RolloutState:
        """The rollout. Raises UsageProblem where there is none."""
        state = self.read()
        if state is None:
            raise UsageProblem("there is no rollout here", hint="start one: devenv rollout run PLAN")
        return state

    def create(self, state: RolloutState) -> RolloutState:
        """Begin a rollout. Raises UsageProblem where one is under way."""
        with self._locked():
            before = self.check_free()
            return self._write(replace(state, revision=before.revision if before else 0))

    def check_free(self) -> RolloutState | None:
        """The last rollout, which has ended. Raises UsageProblem where one is under way."""
        before = self.read()
        if before is not None and not before.ended:
            raise UsageProblem(
                f"a rollout of {before.name} is under way: step {before.step}, {before.phase}",
                hint="devenv rollout run --resume, or devenv rollout abort; where its stack is gone, remove "
                f"{self.path}",
            )
        return before

    def compare_and_set(self, expected: RolloutState, wanted: RolloutState) -> RolloutState:
        """Write ``wanted`` if the file is as ``expected`` was read; raises Conflict where it is not."""
        with self._locked():
            present = self.read()
            if present is None or present.revision != expected.revision:
                raise Conflict
            return self._write(wanted)

    def _write(self, state: RolloutState) -> RolloutState:
        written = replace(state, revision=state.revision + 1)
        data = {**asdict(written), "phase": str(written.phase)}
        write_atomically(self.path, json.dumps(data, ensure_ascii=False, indent=1) + "\n")
        return written

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Alone among all processes; a lock that a killed process left is taken away."""
        lock = self.path.with_suffix(".lock")
        lock.parent.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + 2 * _LOCK_SECONDS
        while True:
            try:
                os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
                break
            except FileExistsError:
                with suppress(OSError):
                    if time.time() - lock.stat().st_mtime > _LOCK_SECONDS:
                        lock.unlink(missing_ok=True)
                if time.monotonic() > deadline:
                    raise EnvironmentProblem(f"{lock} is held", hint="remove it if nothing uses it") from None
                time.sleep(0.01)
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def ask(journal: RolloutJournal, request: str, phases: Sequence[Phase]) -> RolloutState:
    """Leave a request for the controller, which must be at work in one of ``phases``. Raises UsageProblem."""
    while True:
        state = journal.present()
        if state.phase not in phases:
            raise UsageProblem(
                f"the rollout of {state.name} is {state.phase} at step {state.step}: nothing to {request}",
                hint="see devenv rollout status",
            )
        try:
            return journal.compare_and_set(state, replace(state, request=request))
        except Conflict:
            continue
