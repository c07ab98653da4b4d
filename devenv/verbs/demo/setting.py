"""On what stack the demo plays: all that is needed to start one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from devenv.core.model.errors import UsageProblem
from devenv.core.model.topology import RedisMode, StackSpec
from devenv.core.model.vocabulary import Strategy
from devenv.harness.config.settings import Settings

DEFAULT_TRIALS = 5
FIRST_FIX = Strategy.GUIDE
"""What a team does first, with the guide in its hands: the store of the second act."""
RACE_ENV: Mapping[str, str] = MappingProxyType({"REDIS_TIMEOUT_MS": "10000"})
"""The variables that the race's scenario sets for every pod, so that playing it restarts none."""


def demo_spec(settings: Settings, strategy: Strategy) -> StackSpec:
    """The stack at the demo's start: pods without Redis. Raises UsageProblem with fewer than two pods."""
    if settings.pods < 2:
        raise UsageProblem("the demo needs at least two pods", hint="leave DEVENV_PODS out, or set it to 2")
    spec = settings.stack_spec()
    env = {**spec.env, **RACE_ENV}
    if spec.redis_mode is RedisMode.CLUSTER:  # the guide's own client is a plain one: another subject
        env.setdefault("REDIS_CLUSTER", "true")
    return replace(spec, use_redis=False, strategy=strategy, workers=1, env=env)
