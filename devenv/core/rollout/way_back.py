"""Going back: when a rollout that is aborted must wait for sessions to end."""

from __future__ import annotations

from collections.abc import Iterable

from devenv.core.rollout.stages import Lookup, RolloutStage, lookup


def must_wait(
    left: Iterable[RolloutStage], present: Iterable[RolloutStage], target: Iterable[RolloutStage]
) -> bool:
    """Whether a lifetime must pass before pods go to the stages ``target``.

    ``left`` are the stages that pods were at a moment ago, ``present`` those that they are at. Sessions that
    are still born at a present stage are no reason: a wait ends none of them.
    """
    still = list(present)
    ended = [stage for stage in left if stage not in still]
    return any(lookup(born, used) is Lookup.NO_POD for born in ended for used in target)
