"""What each step of a plan will do, before it is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from devenv.core.rollout.plan import GateRule, Plan, PlanStep
from devenv.core.rollout.prediction import Pair, change_cost, loss, pairs
from devenv.core.rollout.stages import Lookup, Place, RolloutStage


@dataclass(frozen=True, slots=True)
class StepOutlook:
    """One step, computed."""

    step: PlanStep
    losing: tuple[Pair, ...]
    """The pairs of stages that lose a session born at one and looked up at the other, on another pod."""
    loss: float
    """The predicted share of lost sessions once the pods are at the step's stages."""
    change: float
    """Open sessions (a count) that the change itself loses."""
    abort: float
    """Open sessions (a count) that going back to the stages before would lose."""
    limit: float
    """The share that the gate accepts."""

    def to_json(self) -> dict[str, Any]:
        """A plain dict for ``--json``."""
        step = self.step
        return {
            "number": step.number,
            "name": step.name,
            "stages": {pod: stage.name for pod, stage in step.stages.items()},
            "added": list(step.added),
            "removed": list(step.removed),
            "changed": list(step.changed),
            "change": "restart" if step.by_restart else "runtime",
            "dwell": step.dwell,
            "losing_pairs": [pair.to_json() for pair in self.losing],
            "predicted_loss": round(self.loss, 6),
            "accepted_loss": round(self.limit, 6),
            "detected_loss": round(detected(step.gate, self.limit), 6),
            "sessions_lost_by_change": round(self.change, 3),
            "sessions_lost_by_abort": round(self.abort, 3),
        }


def detected(gate: GateRule, limit: float) -> float:
    """The loss that the gate must find out; below 1, as at 1 there is nothing to tell apart."""
    return min(limit + gate.margin, (1 + limit) / 2)


def outlook(plan: Plan) -> tuple[StepOutlook, ...]:
    """Every step of a plan."""
    return tuple(_step(plan, step) for step in plan.steps)


def _step(plan: Plan, step: PlanStep) -> StepOutlook:
    before = plan.before(step)
    lookups = plan.traffic.lookups
    share = loss(step.stages, lookups, cohorts=plan.cohorts, births=step.births)
    restarted = step.changed if step.by_restart else ()
    limit = share if step.gate.max_loss is None else step.gate.max_loss
    return StepOutlook(
        step,
        tuple(pair for pair in pairs(step.stages, cohorts=plan.cohorts) if pair.lookup is not Lookup.ANY_POD),
        share,
        _cost(plan, plan.steps[step.number - 2] if step.number > 1 else None, step.stages, restarted),
        _cost(plan, step, before, restarted),
        limit,
    )


def _cost(
    plan: Plan, standing: PlanStep | None, after: Mapping[str, RolloutStage], restarted: tuple[str, ...]
) -> float:
    """Open sessions that going from the stages of ``standing`` (None: the start) to ``after`` loses.

    With the plan's own traffic: as many sessions are open as are born in their thinking time. Pods that have
    had no new sessions for a lifetime hold none.
    """
    before = plan.start if standing is None else standing.stages
    births = None if standing is None or standing.dwell < plan.lifetime else standing.births
    makers = [pod for pod, stage in before.items() if births in (None, stage.name)]
    each = plan.traffic.rate * min(plan.traffic.think * plan.traffic.lookups, plan.ttl) / len(makers)
    return change_cost(
        before,
        after,
        in_redis=sum(each for pod in makers if Place.MEMORY not in before[pod].born),
        in_memory={pod: each for pod in makers if Place.MEMORY in before[pod].born},
        restarted=restarted,
        cohorts=plan.cohorts,
    )
