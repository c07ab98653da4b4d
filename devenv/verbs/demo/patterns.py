"""How many sessions a balancer in front of the pods loses, for each way in which clients connect."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from devenv.core.balance.measured import PatternResult
from devenv.core.balance.patterns import pattern_of
from devenv.core.model.topology import StackStatus
from devenv.core.simulation.intervals import wilson
from devenv.verbs.balance.captcha_stack import stack_measurement
from devenv.verbs.balance.player import play

SESSIONS = 40
"""Sessions of each pattern."""
PATTERNS = tuple(map(pattern_of, ("new", "new+image", "kept", "kept+image", "users")))
_OFF = 4.0
"""Standard deviations that a measured share may be off its formula: one in 16,000 is by chance."""


def play_patterns(status: StackStatus, seed: int) -> tuple[PatternResult, ...]:
    """Play ``SESSIONS`` sessions of each pattern through the balancer of the stack."""
    measurement = stack_measurement(status, SESSIONS, seed)

    async def play_all() -> tuple[PatternResult, ...]:
        return tuple([await play(measurement, pattern) for pattern in PATTERNS])

    return asyncio.run(play_all())


def not_as_expected(results: Sequence[PatternResult], use_redis: bool) -> list[str]:
    """What of the results is not as expected, a sentence each.

    With Redis no session is lost. From pod memory as many are lost as the policy's formula says, where there
    is one; any share may be, where there is none.
    """
    unexpected = []
    for result in results:
        what = f"{result.name}: {result.lost} of {result.sessions} sessions lost"
        if result.failed:
            unexpected.append(f"{result.name}: {result.failed} sessions were not answered")
        if use_redis and result.lost:
            unexpected.append(f"{what}, with Redis")
        exact = None if use_redis else result.exact
        if exact is not None and not _holds(result, exact.value):
            unexpected.append(f"{what}, expected {exact.value:.0%} ({exact.formula})")
    return unexpected


def _holds(result: PatternResult, exact: float) -> bool:
    if result.pattern.sequential and exact in (0.0, 1.0):
        return result.lost == exact * result.sessions
    return wilson(result.lost, result.sessions, _OFF).holds(exact)
