"""Runs a plan on the stack: per step change, dwell, gate; every move is in the journal before the next."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import psutil

from devenv.core.model.errors import Inconclusive
from devenv.core.rollout.outlook import outlook
from devenv.core.rollout.plan import Plan, PlanStep
from devenv.core.rollout.prediction import Stages
from devenv.core.rollout.sequential import Decision
from devenv.core.rollout.stages import RolloutStage, rollout_stage
from devenv.core.rollout.way_back import must_wait
from devenv.harness.runs.folders import HISTORY, Run
from devenv.stack.protocol import Progress
from devenv.verbs.rollout.journal import Conflict, Phase, RolloutJournal, RolloutState
from devenv.verbs.rollout.pods import RolloutPods
from devenv.verbs.rollout.results import StepResult, Timeline
from devenv.verbs.rollout.traffic import SessionRecord, SteadyTraffic

POLL_SECONDS = 0.05
PROGRESS_SECONDS = 2.0


class AbortAsked(Exception):
    """``devenv rollout abort`` wants the rollout to go back; ``now``: without waiting for sessions to end."""

    def __init__(self, now: bool) -> None:
        super().__init__()
        self.now = now


class Controller:
    """One run of a plan, from the state that the journal has to its end."""

    def __init__(
        self,
        plan: Plan,
        pods: RolloutPods,
        journal: RolloutJournal,
        state: RolloutState,
        traffic: SteadyTraffic,
        run: Run,
        progress: Progress,
    ) -> None:
        self._plan = plan
        self._pods = pods
        self._journal = journal
        self._state = state
        self._traffic = traffic
        self._run = run
        self._progress = progress
        self._outlooks = outlook(plan)
        self._history: list[dict[str, Any]] = []
        present = state.pods or {pod: stage.name for pod, stage in plan.start.items()}
        self._stages = {pod: rollout_stage(plan.strategy, name) for pod, name in present.items()}
        self._timeline = Timeline(self._stages)

    # --- going forward ----------------------------------------------------------------------------------

    def go(self) -> RolloutState:
        """Every step that is left. Ends at DONE, STOPPED or, where abort was asked for, ABORTED."""
        try:
            self._see_pods()
            if self._state.phase is Phase.STARTING:
                self._begin()
            if self._state.phase is Phase.ABORTING:
                return self.back(now=False)
            for step in self._plan.steps[max(self._state.step, 1) - 1 :]:
                if not self._step(step):
                    return self._state
            self._move(phase=Phase.DONE, pid=0)
        except AbortAsked as asked:
            return self.back(now=asked.now)
        finally:
            self._run.write_lines(HISTORY, self._history)
        return self._state

    def _begin(self) -> None:
        self._progress(f"all pods at the start: {self._names()}")
        policy = self._pods.route(self._plan.start, None)
        self._pods.restart(self._plan.start)
        self._move(
            policy=policy, pods={pod: stage.name for pod, stage in self._plan.start.items()}, step=1,
            phase=Phase.CHANGING,
        )  # fmt: skip

    def _see_pods(self) -> None:
        """Note the pods that a killed controller had added or removed without writing it down."""
        if self._state.step == 0:
            return
        step, there = self._plan.steps[self._state.step - 1], self._pods.names
        for pod in step.added:
            if pod in there and pod not in self._stages:
                self._reached(pod, step.stages[pod])
        if any(pod not in there for pod in self._stages):
            self._left({pod: stage for pod, stage in self._stages.items() if pod in there})

    def _step(self, step: PlanStep) -> bool:
        """One step, from the phase that the journal has; whether it has passed."""
        phase = self._state.phase if self._state.step == step.number else Phase.CHANGING
        result = StepResult.of(self._outlooks[step.number - 1])
        if phase is Phase.CHANGING:
            self._move(step=step.number, phase=Phase.CHANGING)
            self._progress(f"step {step.number}, {step.name}: {self._changes(step)}")
            self._change(step)
            self._move(phase=Phase.DWELLING, until=time.time() + step.dwell)
            phase = Phase.DWELLING
        if phase is Phase.DWELLING:
            self._dwell(step)
            self._move(phase=Phase.GATING)
            phase = Phase.GATING
        if phase in (Phase.GATING, Phase.STOPPED):
            if phase is Phase.STOPPED:
                self._move(phase=Phase.GATING)
            for record in self._take():
                result.changing[record.verdict] += 1
            self._gate(result)
            if result.decision is not Decision.HOLDS:
                self._keep(result, phase=Phase.STOPPED, pid=0)
                return False
            self._keep(result, phase=Phase.WAITING if step.manual else Phase.GATING)
            phase = self._state.phase
        if phase is Phase.WAITING:
            self._progress(f"step {step.number} holds; waiting for devenv rollout promote")
            self._wait(lambda: self._state.request == "promote")
        self._move(request="", step=min(step.number + 1, len(self._plan.steps)), phase=Phase.CHANGING)
        return True

    def _change(self, step: PlanStep) -> None:
        self._answer_requests()
        self._add({pod: step.stages[pod] for pod in step.added}, step.births)
        self._in_turn(
            step, {pod: step.stages[pod] for pod in step.changed}, step.births, self._answer_requests
        )
        self._remove(step.removed)
        self._pods.route(self._stages, step.births)

    def _add(self, wanted: Stages, births: str | None) -> None:
        """Add these pods at these stages; one that a killed controller had added is left alone."""
        missing = {pod: stage for pod, stage in wanted.items() if pod not in self._stages}
        if not missing:
            return
        together = {**self._stages, **missing}
        if births not in {stage.name for stage in together.values()}:
            births = None  # its first pod is still to change
        self._pods.add(missing, together, births)
        for pod, stage in missing.items():
            self._reached(pod, stage)

    def _remove(self, pods: Sequence[str]) -> None:
        """Remove these pods, as far as a killed controller had not."""
        ending = [pod for pod in pods if pod in self._stages]
        if ending:
            left = {pod: stage for pod, stage in self._stages.items() if pod not in ending}
            self._pods.remove(ending, left)
            self._left(left)

    def _in_turn(self, step: PlanStep, wanted: Stages, births: str | None, first: Callable[[], None]) -> None:
        """Bring these pods to these stages in the step's way, one after the other; ``first`` before each.

        A pod that a killed controller had changed at run time already is left alone.
        """

        def before(pod: str) -> None:
            first()
            self._pods.route({**self._stages, pod: wanted[pod]}, births)

        def after(pod: str) -> None:
            self._reached(pod, wanted[pod])

        if step.by_restart:
            self._pods.restart_in_turn(wanted, before, after)
            return
        for pod, stage in wanted.items():
            before(pod)
            if self._pods.stage_of(pod) != stage.name:
                self._pods.change(pod, self._stages[pod], stage)
            after(pod)

    def _dwell(self, step: PlanStep) -> None:
        if self._state.until > time.time():
            self._progress(f"step {step.number}: dwelling {self._state.until - time.time():.1f} s")
        self._wait(lambda: time.time() >= self._state.until)

    def _gate(self, result: StepResult) -> None:
        """Sessions that are born from now on, until the test decides."""
        since, last_report = time.time(), time.monotonic()
        number, test = result.outlook.step.number, result.test
        self._progress(f"step {number}: gate, loss at most {test.limit:.1%} (finds out {test.detected:.1%})")

        def decided() -> bool:
            nonlocal last_report
            for record in self._take():
                if record.born >= since and not result.exhausted:
                    result.count(record, self._timeline)
            if time.monotonic() - last_report >= PROGRESS_SECONDS:
                last_report = time.monotonic()
                self._progress(f"{result.test.sessions} sessions, {result.test.lost} lost")
            return result.decision is not Decision.MORE or result.exhausted

        self._wait(decided)

    # --- going back -------------------------------------------------------------------------------------

    def back(self, *, now: bool) -> RolloutState:
        """Step by step to the start; before a stage that cannot find an open session it dwells.

        ``now``: without dwelling.
        """
        self._move(phase=Phase.ABORTING, request="")
        self._see_pods()
        left = list(self._stages.values())
        for number in range(self._state.step, 0, -1):
            step = self._plan.steps[number - 1]
            target = self._plan.before(step)
            if not now and must_wait(left, self._stages.values(), target.values()):
                wait = self._plan.lifetime
                self._progress(f"back from step {number}: dwelling {wait:g} s, until sessions have expired")
                self._sleep(wait)
                left = []
            left += self._stages.values()
            self._progress(f"back from step {number}, {step.name}")
            self._add(target, None)
            changed = {pod: target[pod] for pod in target if self._stages[pod] != target[pod]}
            self._in_turn(step, changed, None, lambda: None)
            self._remove([pod for pod in self._stages if pod not in target])
            self._move(step=number - 1)
        self._pods.restore_policy(self._state.policy)
        self._move(phase=Phase.ABORTED, pid=0)
        return self._state

    # --- the journal ------------------------------------------------------------------------------------

    def _move(self, **changes: Any) -> None:
        """Write the next state. A request that came meanwhile stays; another controller ends this one."""
        while True:
            try:
                self._state = self._journal.compare_and_set(self._state, replace(self._state, **changes))
                return
            except Conflict:
                present = self._journal.present()
                if (present.pid, present.step) != (self._state.pid, self._state.step):
                    raise Inconclusive(
                        "another controller has taken over this rollout", hint="devenv rollout status"
                    ) from None
                self._state = replace(self._state, revision=present.revision, request=present.request)

    def _reached(self, pod: str, stage: RolloutStage) -> None:
        self._stages[pod] = stage
        self._timeline.note(pod, stage, time.time())
        self._move(pods={name: each.name for name, each in self._stages.items()})

    def _left(self, stages: dict[str, RolloutStage]) -> None:
        """These are the pods that are left, at their stages."""
        self._stages = stages
        self._move(pods={pod: stage.name for pod, stage in stages.items()})

    def _keep(self, result: StepResult, **changes: Any) -> None:
        kept = [item for item in self._state.results if item["number"] < result.outlook.step.number]
        self._move(results=[*kept, result.to_json()], **changes)

    def _answer_requests(self) -> None:
        """Read what was asked for. Raises AbortAsked."""
        present = self._journal.present()
        if present.revision != self._state.revision:
            self._state = replace(self._state, revision=present.revision, request=present.request)
        if self._state.request.startswith("abort"):
            raise AbortAsked(now=self._state.request == "abort-now")

    def _wait(self, over: Callable[[], bool]) -> None:
        while not over():
            self._answer_requests()
            time.sleep(POLL_SECONDS)

    def _sleep(self, seconds: float) -> None:
        until = time.time() + seconds
        while time.time() < until:
            time.sleep(POLL_SECONDS)

    def _take(self) -> list[SessionRecord]:
        records = self._traffic.finished()
        self._history += [event.to_json() for record in records for event in record.history]
        return records

    def _names(self) -> str:
        return ", ".join(f"{pod[-1]} {stage.name}" for pod, stage in self._stages.items())

    def _changes(self, step: PlanStep) -> str:
        how = "restart" if step.by_restart else "at run time"
        moved = ", ".join(f"{pod[-1]} → {step.stages[pod].name}" for pod in step.changed)
        added = [f"{pod[-1]} added at {step.stages[pod].name}" for pod in step.added]
        removed = [f"{pod[-1]} removed" for pod in step.removed]
        parts = [*added, *([f"{moved} ({how})"] if moved else []), *removed]
        return "; ".join(parts) or "nothing changes"


def as_controller(state: RolloutState) -> RolloutState:
    """``state`` with this process as its controller."""
    process = psutil.Process()
    return replace(state, pid=process.pid, created=process.create_time())
