"""What makes a plan unsafe: a pod that reads Redis alone too early, a step that skips the dwell."""

from __future__ import annotations

from collections.abc import Mapping

from devenv.core.model.errors import UsageProblem
from devenv.core.rollout.plan import Plan, PlanStep
from devenv.core.rollout.stages import Lookup, RolloutStage, lookup

ACCEPT = "allow-loss: true in the step accepts the loss"


def check_plan(plan: Plan) -> None:
    """Raise UsageProblem, with file, line and reason, for the first step that loses sessions needlessly.

    A session that only one pod finds is no objection: pod memory is like that before any rollout. A session
    that no pod of some stage finds is one, unless the step has ``allow-loss``.
    """
    for step in plan.steps:
        if step.allow_loss:
            continue
        _check_together(plan, step)
        _check_dwell(plan, step)
        _check_removed(plan, step)


def _check_together(plan: Plan, step: PlanStep) -> None:
    """Pods that meet one session must find what each of them makes, while the step goes from pod to pod."""
    before = plan.before(step)
    present = list(dict.fromkeys([*before.values(), *step.stages.values()]))
    for used in present:
        for born in present:
            if plan.cohorts and born != used:
                continue
            together = any(
                stages[maker] == born and stages[reader] == used
                for stages in _while_changing(before, step)
                for maker in stages
                for reader in stages
                if maker != reader
            )
            if together and lookup(born, used) is Lookup.NO_POD:
                raise _problem(
                    plan, step,
                    f"a pod at {born.name} writes sessions that a pod at {used.name} cannot find, and both "
                    f"serve at this step: first bring every pod to a stage that reads both stores",
                )  # fmt: skip


def _while_changing(before: Mapping[str, RolloutStage], step: PlanStep) -> list[Mapping[str, RolloutStage]]:
    """The mixtures that a step goes through: pods are added, others change one by one, then some go."""
    present = {**before, **{pod: step.stages[pod] for pod in step.added}}
    stages: list[Mapping[str, RolloutStage]] = [present] if step.added else []
    for pod in step.changed:
        present = {**present, pod: step.stages[pod]}
        stages.append(present)
    return [*stages, step.stages]


def _check_dwell(plan: Plan, step: PlanStep) -> None:
    """A stage may be reached only when what it cannot find has expired."""
    for used in dict.fromkeys(step.stages[pod] for pod in (*step.added, *step.changed)):
        if used in plan.before(step).values() and not plan.cohorts:
            continue
        for born, waited in _ended_births(plan, step):
            if plan.cohorts and born in step.stages.values():
                continue  # its sessions stay with the pods of that stage
            if lookup(born, used) is Lookup.NO_POD and waited < plan.lifetime:
                raise _problem(
                    plan, step,
                    f"a session born at {born.name} is found by no pod at {used.name}, and the last of them "
                    f"is open for {plan.lifetime:g} s (TTL {plan.ttl:g} s and {plan.slack:g} s of slack): "
                    f"the plan waits {waited:g} s. Set dwell: ttl in the step before",
                )  # fmt: skip


def _check_removed(plan: Plan, step: PlanStep) -> None:
    """A pod may be removed only when the sessions that it alone finds have expired."""
    for pod in step.removed:
        waited = 0.0
        for earlier in (*reversed(plan.steps[: step.number - 1]), None):
            stage = (plan.start if earlier is None else earlier.stages).get(pod)
            makes = stage is not None and (earlier is None or earlier.births in (None, stage.name))
            if stage is not None and makes and not _found_by_others(plan, step, stage):
                if waited < plan.lifetime:
                    raise _problem(
                        plan, step,
                        f"{pod} is removed, and with it the sessions that it made at {stage.name}: the last "
                        f"of them is open for {plan.lifetime:g} s (TTL {plan.ttl:g} s and {plan.slack:g} s "
                        f"of slack), and the plan waits {waited:g} s. Let other pods have the new sessions "
                        f"(policy: cohort and births), with dwell: ttl, in the step before",
                    )  # fmt: skip
                break
            waited += earlier.dwell if earlier is not None else 0.0


def _found_by_others(plan: Plan, step: PlanStep, born: RolloutStage) -> bool:
    """Whether each pod that a session of this stage meets after the step finds it."""
    left = list(step.stages.values())
    meets = [stage for stage in left if stage == born] if plan.cohorts else left
    return all(lookup(born, used) is Lookup.ANY_POD for used in meets or left)


def _ended_births(plan: Plan, step: PlanStep) -> list[tuple[RolloutStage, float]]:
    """Each stage that made sessions before ``step``, with the seconds from its last one; the latest first."""
    ended: dict[RolloutStage, float] = {}
    for stage in (stage for one in _history(plan, step) for stage in one.values()):
        ended.setdefault(stage, 0.0)
    for stage in ended:
        waited = 0.0
        for earlier in reversed(plan.steps[: step.number - 1]):
            makes = [s for s in earlier.stages.values() if earlier.births in (None, s.name)]
            if stage in makes:
                break
            waited += earlier.dwell
        ended[stage] = waited
    return list(reversed(ended.items()))


def _history(plan: Plan, step: PlanStep) -> list[Mapping[str, RolloutStage]]:
    return [plan.start, *(earlier.stages for earlier in plan.steps[: step.number - 1])]


def _problem(plan: Plan, step: PlanStep, reason: str) -> UsageProblem:
    keys = ("stages", "add", "remove")
    written = ((*step.path, key) for key in keys if (*step.path, key) in plan.document.value_lines)
    path = next(written, step.path)
    return plan.document.problem(path, f"step {step.name!r}: {reason}", hint=ACCEPT)
