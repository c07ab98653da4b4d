"""``devenv rollout``: begin, resume, abort and look at a rollout on the stack that runs."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from devenv.core.model.errors import DevenvError, UsageProblem
from devenv.core.model.topology import StackSpec
from devenv.core.rollout.plan import Plan, parse_plan
from devenv.core.rollout.prediction import change_cost
from devenv.core.rollout.stages import rollout_stage
from devenv.harness.runs.folders import RESULTS, Run, open_run
from devenv.harness.runs.journal import JournaledStack
from devenv.stack.protocol import Progress
from devenv.verbs.rollout.controller import Controller, as_controller
from devenv.verbs.rollout.journal import ENDED, Conflict, Phase, RolloutJournal, RolloutState
from devenv.verbs.rollout.pods import OpenSessions, RolloutPods
from devenv.verbs.rollout.results import every_step_passes
from devenv.verbs.rollout.traffic import SteadyTraffic


@dataclass(frozen=True, slots=True)
class Rolled:
    """How a rollout stands when its command ends."""

    plan: Plan
    state: RolloutState
    run: Run | None

    @property
    def holds(self) -> bool:
        """Whether every step has passed."""
        return self.state.phase is Phase.DONE and every_step_passes(self.state.results, len(self.plan.steps))

    @property
    def exit_code(self) -> int:
        """0: every step has passed. 1: a loss that the plan does not accept. 3: anything else."""
        if self.holds:
            return 0
        return 1 if any(result["decision"] == "stop" for result in self.state.results) else 3

    def to_json(self) -> dict[str, Any]:
        """A plain dict for ``--json``."""
        return {
            **self.state.to_json(),
            "id": self.plan.id,
            "steps": len(self.plan.steps),
            "verdict": "holds" if self.holds else "fails" if self.exit_code == 1 else "inconclusive",
            "run": self.run.id if self.run else None,
        }


@dataclass(frozen=True, slots=True)
class AbortCost:
    """What going back to the start would cost now."""

    sessions: OpenSessions
    lost: float
    """Expected number of open sessions that are lost if nothing is waited for."""

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {
            "open_in_redis": self.sessions.in_redis,
            "open_in_memory": dict(self.sessions.in_memory),
            "counted_all": self.sessions.complete,
            "lost": round(self.lost, 1),
        }


def spec_for(plan: Plan, seed: int, balancer: str = "") -> StackSpec:
    """The stack that a plan wants, for one of its own. Raises UsageProblem for cohorts behind a balancer."""
    spec = StackSpec(pods=len(plan.pods), policy="random", seed=seed, balancer=balancer)
    _check_chooser(spec, plan)
    return spec


def _check_chooser(spec: StackSpec, plan: Plan) -> None:
    if plan.cohorts and (lacking := spec.lacks_policy(f"the plan {plan.id}", plan.policy)):
        raise UsageProblem(lacking, hint="run it on a stack without a balancer")


def begin(
    stack: JournaledStack,
    state_dir: Path,
    plan: Plan,
    text: str,
    *,
    seed: int,
    progress: Progress,
    rate: float | None = None,
    fresh: bool = False,
) -> Rolled:
    """Run ``plan`` (its file's ``text``) from its start. UsageProblem for a stack that does not fit.

    ``rate`` is in sessions a second, None: the plan's. ``fresh``: the stack ends with the rollout.
    """
    _check_stack(stack, plan, plan.pods)
    journal = RolloutJournal(state_dir)
    first = RolloutState(
        plan=text, name=plan.document.name, token=secrets.token_urlsafe(24), rate=rate, seed=seed,
        backend=stack.backend, fresh=fresh,
    )  # fmt: skip
    state = journal.create(as_controller(first))
    return _control(stack, state_dir, journal, state, progress)


def resume(
    stack: JournaledStack,
    state_dir: Path,
    *,
    progress: Progress,
    seed: int | None = None,
    rate: float | None = None,
) -> Rolled:
    """Go on where a controller was killed, or with a step whose gate had stopped the rollout.

    ``seed`` and ``rate`` (sessions a second) replace those that the rollout has had; None: they stay.
    """
    journal = RolloutJournal(state_dir)
    state = resumable(journal)
    changed = replace(
        state, seed=state.seed if seed is None else seed, rate=state.rate if rate is None else rate
    )
    plan = plan_of(state)
    moving = _moving(plan, state)
    there = [pod for pod in stack.status().spec.pod_names if pod in moving]
    reached = [pod for pod in state.pods or plan.pods if pod not in moving]
    _check_stack(stack, plan, sorted([*reached, *there]))
    with suppress(Conflict):
        taken = journal.compare_and_set(state, as_controller(changed))
        return _control(stack, state_dir, journal, taken, progress)
    raise UsageProblem("another controller was quicker", hint="devenv rollout status")


def resumable(journal: RolloutJournal) -> RolloutState:
    """The rollout, which no process runs and which has not ended. Raises UsageProblem."""
    state = open_rollout(journal)
    if state.controlled:
        raise UsageProblem(f"process {state.pid} runs this rollout", hint="devenv rollout status")
    return state


def open_rollout(journal: RolloutJournal) -> RolloutState:
    """The rollout, which has not ended; a process may run it or not. Raises UsageProblem."""
    state = journal.present()
    if state.phase in ENDED:
        raise UsageProblem(f"the rollout of {state.name} has ended: {state.phase}")
    if state.ended:
        raise UsageProblem(
            f"the rollout of {state.name} has ended with its controller: its stack was its own (--fresh)",
            hint="begin again: devenv rollout run PLAN --fresh",
        )
    return state


def plan_of(state: RolloutState) -> Plan:
    """The plan of a rollout, with the options that it was run with."""
    plan = parse_plan(state.plan, state.name)
    return plan if state.rate is None else replace(plan, traffic=replace(plan.traffic, rate=state.rate))


def abort_cost(stack: JournaledStack, state_dir: Path, progress: Progress) -> AbortCost:
    """How many open sessions going back to the start loses, without waiting."""
    state = RolloutJournal(state_dir).present()
    plan = plan_of(state)
    sessions = RolloutPods(stack, plan, state.token, progress).open_sessions()
    reached = {pod: rollout_stage(plan.strategy, name) for pod, name in state.pods.items()}
    present = reached or dict(plan.start)
    twice = sum(sessions.in_memory.values()) if any(stage.mirrors for stage in present.values()) else 0
    moved = [pod for pod in plan.pods if pod in present and present[pod] != plan.start[pod]]
    restarts = any(step.by_restart for step in plan.steps[: state.step] if step.changed)
    lost = change_cost(
        present,
        plan.start,
        in_redis=max(0, sessions.in_redis - twice),
        in_memory=sessions.in_memory,
        restarted=moved if restarts else (),
        cohorts=plan.cohorts,
    )
    return AbortCost(sessions, lost)


def abort_here(stack: JournaledStack, state_dir: Path, *, now: bool, progress: Progress) -> Rolled:
    """Go back without a controller: the one that began has ended, or was killed."""
    journal = RolloutJournal(state_dir)
    state = journal.present()
    request = "abort-now" if now else "abort"
    taken = journal.compare_and_set(state, replace(as_controller(state), request=request))
    return _control(stack, state_dir, journal, taken, progress)


def _control(
    stack: JournaledStack, state_dir: Path, journal: RolloutJournal, state: RolloutState, progress: Progress
) -> Rolled:
    """Be the controller of ``state`` until it ends; the journal has what ends this process's part."""
    try:
        plan = plan_of(state)
        run = open_run(state_dir, f"rollout-{plan.id}", time.time())
        pods = RolloutPods(stack, plan, state.token, progress)
        with SteadyTraffic(pods.endpoints, plan, state.seed) as traffic:
            controller = Controller(plan, pods, journal, state, traffic, run, progress)
            asked = state.request.startswith("abort")
            ended = controller.back(now=state.request == "abort-now") if asked else controller.go()
    except BaseException:
        with suppress(DevenvError, Conflict):
            left = journal.present()
            if left.pid == state.pid:
                journal.compare_and_set(left, replace(left, pid=0))
        raise
    rolled = Rolled(plan, ended, run)
    run.write_json(RESULTS, rolled.to_json())
    return rolled


def _moving(plan: Plan, state: RolloutState) -> tuple[str, ...]:
    """The pods that the present step adds or removes: a killed controller has come so far or not."""
    if state.step == 0:
        return ()
    step = plan.steps[state.step - 1]
    return (*step.added, *step.removed)


def _check_stack(stack: JournaledStack, plan: Plan, pods: Sequence[str]) -> None:
    spec = stack.status().spec
    if spec.service is not None:
        raise UsageProblem(
            f"{spec.service.title} has no migration stages that devenv knows",
            hint="a rollout runs the captcha service: devenv rollout run PLAN --fresh",
        )
    if len(pods) != spec.pods:
        raise UsageProblem(
            f"the plan {plan.id} is for {len(pods)} pods, and the stack has {spec.pods}",
            hint=f"devenv up -d --pods {len(pods)}, or devenv rollout run {plan.id} --fresh",
        )
    if tuple(pods) != spec.pod_names:
        raise UsageProblem(
            f"the plan {plan.id} is for {', '.join(pods)}, and the stack has {', '.join(spec.pod_names)}",
            hint=f"devenv down, then devenv up -d --pods {len(pods)}; or rollout run {plan.id} --fresh",
        )
    _check_chooser(spec, plan)
    if spec.workers > 1 and any(not step.by_restart for step in plan.steps):
        raise UsageProblem(
            f"each of the {spec.workers} workers of a pod has a stage of its own",
            hint="change: restart in every step of the plan, or one worker",
        )


def present_state(state_dir: Path) -> tuple[Plan, RolloutState]:
    """The rollout that the journal has. Raises UsageProblem where there is none."""
    state = RolloutJournal(state_dir).present()
    return plan_of(state), state


def close(state_dir: Path) -> None:
    """The stack of the rollout has ended: where the rollout had not, it is over all the same."""
    journal = RolloutJournal(state_dir)
    state = journal.read()
    if state is not None and state.phase not in ENDED and not state.controlled:
        with suppress(Conflict):
            journal.compare_and_set(state, replace(state, phase=Phase.ABORTED, request=""))
