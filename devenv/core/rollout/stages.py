"""The stages that a rollout's pods can be at: where a session is born, and where it is looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from devenv.core.model.errors import UsageProblem
from devenv.core.model.migration import DECIDED_BY_REDIS, STAGES, MigrationStrategy, Stage
from devenv.core.model.vocabulary import Strategy

FLAG = "flag"
"""The strategy of the migration guide: USE_REDIS off or on, and nothing between them."""
STRATEGIES = (FLAG, *map(str, MigrationStrategy))
ON = "on"


class Place(StrEnum):
    """Where a session is kept."""

    MEMORY = "memory"
    """Of the one pod that made it."""
    REDIS = "redis"


class Lookup(StrEnum):
    """Which pods at one stage find a session that was born at another."""

    ANY_POD = "any pod"
    SAME_POD = "the same pod"
    NO_POD = "no pod"


@dataclass(frozen=True, slots=True)
class RolloutStage:
    """One stage of one strategy."""

    strategy: str
    name: str
    born: tuple[Place, ...]
    """Where a new session is written."""
    reads: Place | None
    """Where a session is looked up; None: where its id says."""
    mirrors: Place | None = None
    """The place that is written after the one that decides, at an answer too; None: one place alone."""

    @property
    def title(self) -> str:
        """The name, as people read it."""
        return self.name

    def settings(self, store: Strategy) -> dict[str, str]:
        """The variables of a pod at this stage. Empty ones take back what another stage has set.

        ``store`` is the Redis store of the plan: SESSION_STRATEGY.
        """
        flag = ON if self.strategy == FLAG and self.name == ON else ""
        use_redis = flag == ON or (self.strategy != FLAG and Stage(self.name) in DECIDED_BY_REDIS)
        moving = self.strategy != FLAG
        return {
            "USE_REDIS": str(use_redis).lower(),
            "SESSION_STRATEGY": str(store),
            "MIGRATION_STRATEGY": self.strategy if moving else "",
            "MIGRATION_STAGE": self.name if moving else "",
        }


_M, _R = Place.MEMORY, Place.REDIS
_STAGES: Mapping[tuple[str, str], RolloutStage] = {
    (stage.strategy, stage.name): stage
    for stage in (
        RolloutStage(FLAG, "off", (_M,), _M),
        RolloutStage(FLAG, ON, (_R,), _R),
        RolloutStage("births", "off", (_M,), _M),
        RolloutStage("births", "ready", (_M,), None),
        RolloutStage("births", "births", (_R,), None),
        RolloutStage("births", "complete", (_R,), _R),
        RolloutStage("six-stages", "off", (_M,), _M),
        RolloutStage("six-stages", "dual-write", (_M, _R), _M, mirrors=_R),
        RolloutStage("six-stages", "shadow", (_M, _R), _M, mirrors=_R),
        RolloutStage("six-stages", "live", (_R, _M), _R, mirrors=_M),
        RolloutStage("six-stages", "ramp-down", (_R, _M), _R, mirrors=_M),
        RolloutStage("six-stages", "complete", (_R,), _R),
    )
}


def stage_names(strategy: str) -> tuple[str, ...]:
    """The stages of a strategy, in their order."""
    return ("off", ON) if strategy == FLAG else tuple(map(str, STAGES[MigrationStrategy(strategy)]))


def rollout_stage(strategy: str, name: str) -> RolloutStage:
    """A stage by its names. Raises UsageProblem for one that the strategy does not have."""
    stage = _STAGES.get((strategy, name))
    if stage is None:
        raise UsageProblem(
            f"the strategy {strategy} has no stage {name!r}",
            hint=f"it has {', '.join(stage_names(strategy))}",
        )
    return stage


def lookup(born: RolloutStage, used: RolloutStage) -> Lookup:
    """Which pods at stage ``used`` find a session that was born at stage ``born``."""
    place = used.reads if used.reads is not None else born.born[0]
    if place not in born.born:
        return Lookup.NO_POD
    return Lookup.ANY_POD if place is Place.REDIS else Lookup.SAME_POD
