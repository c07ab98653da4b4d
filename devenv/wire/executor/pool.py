"""Runs jobs on real pods in the process that has the gate: the pods' commands are held and released here.

Each job has a challenge of its own (a job slot), so jobs run side by side. Within a slot one request runs at
a time: the next command that is held belongs to it, or its answer comes. So a run is known to be quiescent
without a timer; ``WAIT_SECONDS`` only ends a run that never would be.

A request may wait inside its pod for another one: for a lock. That is seen by the pods' quiescence (where the
system keeps count), with no other job under way that might hold the lock.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence

from devenv.core.model.errors import DevenvError, Inconclusive
from devenv.core.model.ids import ChallengeId
from devenv.core.resp.command_shapes import text_of
from devenv.core.spec.learned_scripts import LearnedScripts, ScriptCall, ScriptEffect
from devenv.wire.executor.environment import Environment
from devenv.wire.executor.job_context import JobSlot, PodBusy, Released, SharedLock
from devenv.wire.executor.jobs import ANY_ID, RULE_PREFIX, Job, ScheduledRun, Scripted, ScriptedRun
from devenv.wire.executor.pod_control import NO_POD_CONTROL, PodControl
from devenv.wire.executor.scheduled_job import ScheduledJob
from devenv.wire.executor.scripted_job import ScriptedJob
from devenv.wire.gate.holds import Held
from devenv.wire.gate.rules import Action, Rule
from devenv.wire.gate.server import Gate

WAIT_SECONDS = 5.0
"""How long a request may take to its next command or its answer."""
HOLD_SECONDS = 60.0
TRIES = 3
"""So often is a run begun anew in which a pod gave up waiting for a held command."""
_ID_PREFIX = 12


class ExecutorPool:
    """``pods`` maps a pod's name to its address; ``scripts`` are those that the Redis model may call."""

    def __init__(
        self,
        gate: Gate,
        pods: Mapping[str, tuple[str, int]],
        scripts: LearnedScripts,
        wait_seconds: float = WAIT_SECONDS,
        pod_control: PodControl = NO_POD_CONTROL,
    ) -> None:
        self._gate = gate
        self._environment = Environment(gate, pods, scripts, wait_seconds, pod_control)
        self._prefix = secrets.token_hex(_ID_PREFIX // 2)
        self._rule = f"{RULE_PREFIX}{self._prefix}"
        self._slots: dict[str, JobSlot] = {}
        self._numbers = 0
        self._busy = 0
        self._lock = SharedLock()
        self._pod_busy = False

    @property
    def pods(self) -> tuple[str, ...]:
        """The pods' names."""
        return self._environment.pods

    async def run(self, jobs: Sequence[Job], slots: int) -> list[ScriptedRun | ScheduledRun | DevenvError]:
        """Run all jobs, ``slots`` at a time; each one's result, or why there is none."""
        room = asyncio.Semaphore(slots)

        async def one(job: Job) -> ScriptedRun | ScheduledRun | DevenvError:
            async with room:
                try:
                    return await self._retried(job)
                except DevenvError as error:
                    return error

        self._enter()
        try:
            return await asyncio.gather(*(one(job) for job in jobs))
        finally:
            self._leave()

    async def scripts(self, calls: Sequence[ScriptCall]) -> list[ScriptEffect | DevenvError]:
        """What scripts do in these situations, by the real Redis; or why that is not known."""

        async def one(call: ScriptCall) -> ScriptEffect | DevenvError:
            try:
                return await self._environment.script(call)
            except DevenvError as error:
                return error

        return await asyncio.gather(*map(one, calls))

    def close(self) -> None:
        """Close all connections."""
        self._environment.close()

    def _enter(self) -> None:
        """The gate holds the pool's keys while at least one batch is under way."""
        self._busy += 1
        if self._busy == 1:
            self._gate.holds.watch(self._rule, self._taken_in)
            self._gate.add_rule(
                Rule(Action.HOLD, key=f"*{self._prefix}*", seconds=HOLD_SECONDS, id=self._rule)
            )

    def _leave(self) -> None:
        self._busy -= 1
        if self._busy == 0:
            self._gate.remove_rule(self._rule)
            self._gate.holds.watch(self._rule, None)

    def _taken_in(self, held: Held) -> None:
        """The gate holds a command: pass it to its job slot."""
        slot = self._lane_of(held)
        if slot is None:
            return
        if slot.over:
            asyncio.get_running_loop().call_soon(self._environment.refuse, held)
            return
        slot.arrived.append(held)
        slot.news.set()

    def _lane_of(self, held: Held) -> JobSlot | None:
        """Its key has the challenge id; or a transaction's does, of which another key was the first."""
        for text in (held.key or "", *(text_of(word) for words in held.commands for word in words)):
            position = text.find(self._prefix)
            if (
                position >= 0
                and (slot := self._slots.get(text[position : position + len(ANY_ID)])) is not None
            ):
                return slot
        return None

    async def _retried(self, job: Job) -> ScriptedRun | ScheduledRun:
        tries = 0
        while tries < TRIES:
            try:
                return await self._run(job, alone=job.restarts or (self._pod_busy and job.crowds))
            except Released:
                tries += 1
            except PodBusy:
                self._pod_busy = True
        raise Inconclusive(
            f"a pod gave up waiting for a held command, {TRIES} times",
            hint="the machine is too busy, or REDIS_TIMEOUT_MS is short; try fewer --lanes",
        )

    async def _run(self, job: Job, alone: bool) -> ScriptedRun | ScheduledRun:
        async with self._lock.entered(alone):
            self._numbers += 1
            number = f"{self._numbers:x}"
            slot = JobSlot(ChallengeId(self._prefix + number.rjust(len(ANY_ID) - _ID_PREFIX, "0")), alone)
            self._slots[slot.challenge_id] = slot
            try:
                if isinstance(job, Scripted):
                    return await ScriptedJob(self._environment, slot, job).run()
                return await ScheduledJob(self._environment, slot, job).run()
            finally:
                del self._slots[slot.challenge_id]
