"""What a rollout loses, by computation: shares of sessions, for any mixture of stages.

With requests routed at random to N pods, a session that is born on pod X and looked up k times is found with
probability q(X)^k, where q(X) is the share of the pods that find it; the loss is 1 less the mean of that over
all X. For the flag in place, with R of N pods on Redis and k = 1, this is 1 - (R/N)^2 - (N-R)/N^2; with R
pods on Redis added to N, T in all, 1 - (R/T)^2 - N/T^2; for births by stage and look-ups by mark
(N-R)/N * (1 - 1/N). docs/operations.md derives the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from devenv.core.rollout.stages import Lookup, Place, RolloutStage, lookup

Stages = Mapping[str, RolloutStage]
"""The stage of every pod, by its name."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Sessions born at one stage and looked up at another."""

    born: str
    used: str
    lookup: Lookup

    def to_json(self) -> dict[str, str]:
        """A plain dict."""
        return {"born": self.born, "used": self.used, "found_by": str(self.lookup)}


def loss(
    stages: Stages,
    lookups: int = 1,
    *,
    cohorts: bool = False,
    births: str | None = None,
    used: Stages | None = None,
    restarted: Sequence[str] = (),
) -> float:
    """The share of sessions that get "not found" although they are open, 0 to 1.

    ``cohorts``: a session meets only pods of the stage that it was born at (where one is left), else all
    pods alike. ``births``: the only stage whose pods get new sessions. ``used``: the stages of the pods when
    sessions are looked up, where they have changed since the birth; ``restarted`` pods have lost the sessions
    of their memory then.
    """
    later = stages if used is None else used
    makers = [pod for pod, stage in stages.items() if births in (None, stage.name)]
    kept = sum(_found(pod, stages, later, restarted, cohorts) ** lookups for pod in makers)
    return 1.0 - kept / len(makers)


def _finds(born: RolloutStage, used: RolloutStage, same_pod: bool, restarted: bool) -> bool:
    match lookup(born, used):
        case Lookup.ANY_POD:
            return True
        case Lookup.SAME_POD:
            return same_pod and not restarted
        case Lookup.NO_POD:
            return False


def pairs(stages: Stages, *, cohorts: bool = False) -> tuple[Pair, ...]:
    """Each pair of stages at which a session can be born and looked up, while pods are at ``stages``."""
    kinds = list(dict.fromkeys(stages.values()))
    return tuple(
        Pair(born.name, used.name, lookup(born, used))
        for born in kinds
        for used in kinds
        if not cohorts or born == used
    )


def change_cost(
    before: Stages,
    after: Stages,
    *,
    in_redis: float,
    in_memory: Mapping[str, float],
    restarted: Sequence[str],
    cohorts: bool = False,
) -> float:
    """How many of the sessions that are open now a change of stages, or of pods, loses, as an expectation.

    ``in_redis`` counts those in Redis that no pod's memory has, ``in_memory`` those in each pod's memory.
    Each counts as far as its next look-up is found less often after the change than before it. What the
    mixture loses anyway is no cost of the change.
    """
    lost = 0.0
    makers = [pod for pod, stage in before.items() if Place.REDIS in stage.born]
    counts = {pod: in_redis / len(makers) for pod in makers if Place.MEMORY not in before[pod].born}
    for pod in before:
        count = counts.get(pod, 0.0) + in_memory.get(pod, 0.0)
        now = _found(pod, before, before, (), cohorts)
        then = _found(pod, before, after, restarted, cohorts)
        lost += count * max(0.0, now - then)
    return lost


def _found(pod: str, stages: Stages, later: Stages, restarted: Sequence[str], cohorts: bool) -> float:
    """The share of look-ups that find a session which was born on ``pod`` while pods were at ``stages``."""
    meets = [other for other in later if not cohorts or later[other].name == stages[pod].name]
    meets = meets or list(later)
    hits = sum(_finds(stages[pod], later[other], pod == other, pod in restarted) for other in meets)
    return hits / len(meets)
