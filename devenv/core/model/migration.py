"""The stages of a migration from pod memory to Redis, by strategy; service and rollout share them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

REDIS_MARK = "r"
"""The first letter of a challenge id whose session was born in Redis. No hex digit: ids of pod memory,
32 hex digits, never begin with it."""


class MigrationStrategy(StrEnum):
    """How the service goes from one store to the other; the values of MIGRATION_STRATEGY."""

    BIRTHS = "births"
    """The stage governs where sessions are born, the mark in an id where its session is looked up."""
    SIX_STAGES = "six-stages"
    """Both stores are written for a while; the stage says which one decides."""


class Stage(StrEnum):
    """The values of MIGRATION_STAGE."""

    OFF = "off"
    READY = "ready"
    BIRTHS = "births"
    DUAL_WRITE = "dual-write"
    SHADOW = "shadow"
    LIVE = "live"
    RAMP_DOWN = "ramp-down"
    COMPLETE = "complete"


STAGES: Mapping[MigrationStrategy, tuple[Stage, ...]] = {
    MigrationStrategy.BIRTHS: (Stage.OFF, Stage.READY, Stage.BIRTHS, Stage.COMPLETE),
    MigrationStrategy.SIX_STAGES: (
        Stage.OFF, Stage.DUAL_WRITE, Stage.SHADOW, Stage.LIVE, Stage.RAMP_DOWN, Stage.COMPLETE,
    ),
}  # fmt: skip
"""The stages of each strategy, in their order."""

DECIDED_BY_REDIS = (Stage.BIRTHS, Stage.LIVE, Stage.RAMP_DOWN, Stage.COMPLETE)
"""The stages at which Redis has the authority over a new session: USE_REDIS=true."""


def is_marked(challenge_id: str) -> bool:
    """Whether the session of this id was born in Redis, by a pod of the strategy births."""
    return challenge_id.startswith(REDIS_MARK)
