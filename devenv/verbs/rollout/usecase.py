"""``devenv rollout``: begin, resume, abort and look at a rollout on the stack that runs."""

from __future__ import annotations

import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from devenv.core.model.errors import DevenvError, UsageProblem
from devenv.core.model.topology import StackSpec
from devenv.core.rollout.plan import Plan, parse_plan
from devenv.core.rollout.prediction import change_cost
from devenv.core.rollout.stages import rollout_stage
from devenv.harness.runs.journal import JournaledStack
from devenv.harness.runs.store import RESULTS, Run, open_run
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


def spec_for(plan: Plan, seed: int) -> StackSpec:
    """The stack that a plan wants, for one of its own."""
    return StackSpec(pods=len(plan.pods), policy="random", seed=seed)


def begin(
    stack: JournaledStack, state_dir: Path, plan: Plan, text: str, *, seed: int, progress: Progress
) -> Rolled:
    """Run ``plan`` (its file's ``text``) from its start. UsageProblem for a stack that does not fit."""
    _check_stack(stack, plan)
    journal = RolloutJournal(state_dir)
    fresh = RolloutState(plan=text, name=plan.document.name, token=secrets.token_urlsafe(24))
    state = journal.create(as_controller(fresh))
    return _control(stack, state_dir, plan, journal, state, seed, progress)


def resume(stack: JournaledStack, state_dir: Path, *, seed: int, progress: Progress) -> Rolled:
    """Go on where a controller was killed, or with a step whose gate had stopped the rollout."""
    journal = RolloutJournal(state_dir)
    state = journal.present()
    if state.phase in ENDED:
        raise UsageProblem(f"the rollout of {state.name} has ended: {state.phase}")
    if state.controlled:
        raise UsageProblem(f"process {state.pid} runs this rollout", hint="devenv rollout status")
    plan = parse_plan(state.plan, state.name)
    _check_stack(stack, plan)
    with suppress(Conflict):
        taken = journal.compare_and_set(state, as_controller(state))
        return _control(stack, state_dir, plan, journal, taken, seed, progress)
    raise UsageProblem("another controller was quicker", hint="devenv rollout status")


def abort_cost(stack: JournaledStack, state_dir: Path, progress: Progress) -> AbortCost:
    """How many open sessions going back to the start loses, without waiting."""
    state = RolloutJournal(state_dir).present()
    plan = parse_plan(state.plan, state.name)
    sessions = RolloutPods(stack, plan, state.token, progress).open_sessions()
    reached = {pod: rollout_stage(plan.strategy, name) for pod, name in state.pods.items()}
    present = {**plan.start, **reached}
    twice = sum(sessions.in_memory.values()) if any(stage.mirrors for stage in present.values()) else 0
    moved = [pod for pod in plan.pods if present[pod] != plan.start[pod]]
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


def abort_here(stack: JournaledStack, state_dir: Path, *, now: bool, seed: int, progress: Progress) -> Rolled:
    """Go back without a controller: the one that began has ended, or was killed."""
    journal = RolloutJournal(state_dir)
    state = journal.present()
    plan = parse_plan(state.plan, state.name)
    request = "abort-now" if now else "abort"
    taken = journal.compare_and_set(state, replace(as_controller(state), request=request))
    return _control(stack, state_dir, plan, journal, taken, seed, progress)


def _control(
    stack: JournaledStack,
    state_dir: Path,
    plan: Plan,
    journal: RolloutJournal,
    state: RolloutState,
    seed: int,
    progress: Progress,
) -> Rolled:
    run = open_run(state_dir, f"rollout-{plan.id}", time.time())
    pods = RolloutPods(stack, plan, state.token, progress)
    with SteadyTraffic(pods.endpoints, plan, seed) as traffic:
        controller = Controller(plan, pods, journal, state, traffic, run, progress)
        try:
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


def _check_stack(stack: JournaledStack, plan: Plan) -> None:
    spec = stack.status().spec
    if spec.service is not None:
        raise UsageProblem(
            f"{spec.service.title} has no migration stages that devenv knows",
            hint="a rollout runs the captcha service: devenv rollout run PLAN --fresh",
        )
    if len(plan.pods) != spec.pods:
        raise UsageProblem(
            f"the plan {plan.id} is for {len(plan.pods)} pods, and the stack has {spec.pods}",
            hint=f"devenv up -d --pods {len(plan.pods)}, or devenv rollout run {plan.id} --fresh",
        )
    if spec.workers > 1 and any(not step.by_restart for step in plan.steps):
        raise UsageProblem(
            f"each of the {spec.workers} workers of a pod has a stage of its own",
            hint="change: restart in every step of the plan, or one worker",
        )


def present_state(state_dir: Path) -> tuple[Plan, RolloutState]:
    """The rollout that the journal has. Raises UsageProblem where there is none."""
    state = RolloutJournal(state_dir).present()
    return parse_plan(state.plan, state.name), state


def close(state_dir: Path) -> None:
    """The stack of the rollout has ended: where the rollout had not, it is over all the same."""
    journal = RolloutJournal(state_dir)
    state = journal.read()
    if state is not None and state.phase not in ENDED and not state.controlled:
        with suppress(Conflict):
            journal.compare_and_set(state, replace(state, phase=Phase.ABORTED, request=""))
