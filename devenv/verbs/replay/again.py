"""What a command needs, beside what is played, to play it in the same way again."""

from __future__ import annotations

from devenv.core.balancers import OWN_FILE
from devenv.core.model.topology import RedisMode, StackSpec
from devenv.core.scenario import Pause, Scenario

USUAL_SEED, USUAL_BACKEND = 1, "embedded"


def stack_options(spec: StackSpec, backend: str, seed: int) -> tuple[str, ...]:
    """The options of the stack and the seed that are not the defaults, as words.

    Without the balancer where it has a team's own file: that is no value of ``--balancer``, and the command
    plays on the stack that runs.
    """
    own_file = spec.balancer.partition(":")[2] == OWN_FILE
    values = (
        ("--seed", str(seed), str(USUAL_SEED)),
        ("--backend", backend, USUAL_BACKEND),
        ("--redis", str(spec.redis_mode), str(RedisMode.STANDALONE)),
        ("--balancer", "" if own_file else spec.balancer, ""),
    )
    return tuple(word for flag, value, usual in values if value != usual for word in (flag, value))


def play_options(
    spec: StackSpec, backend: str, scenario: Scenario, seed: int, pace: float
) -> tuple[str, ...]:
    """The options of ``devenv replay`` with which ``scenario`` is played as it was on this stack."""
    paced = pace != 1 and any(isinstance(step, Pause) for step in scenario.steps)
    return (*stack_options(spec, backend, seed), *(("--pace", f"{pace:g}") if paced else ()))


def command(*words: str) -> str:
    """The words as a line; those with a blank in double quotes, which every shell knows."""
    return " ".join(f'"{word}"' if " " in word else word for word in words)
