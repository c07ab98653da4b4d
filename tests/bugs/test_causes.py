"""Of every shipped scenario and store the trace alone tells the cause, and nothing where nothing is wrong."""

from __future__ import annotations

import pytest

from devenv.core.model.vocabulary import Strategy
from devenv.core.scenario import RedisServer, Scenario, Together
from devenv.verbs.explain.source import explain_run
from tests.bugs.conftest import CASES, IDS, Plays

MEMORY_ITSELF = ["pod-memory", "pod-restart", "many-workers", "handwriting-global", "attempts-limit"]
CONSEQUENCES = {
    ("double-click", Strategy.GUIDE): ["double-success"],
    ("double-success", Strategy.GUIDE): ["double-click"],
    ("empty-bypass", Strategy.GUIDE): ["resurrected-key"],
    ("expiry-inside-verify", Strategy.GUIDE): ["empty-bypass"],
    ("writes-refused-replica", Strategy.GUIDE): ["double-success"],
    ("wrong-type", Strategy.GUIDE): ["empty-bypass"],
}
"""What else goes wrong in these plays, and rightly is found too."""
RACES = ["resurrected-key", "empty-bypass", "double-success", "lost-attempt", "double-click"]


@pytest.mark.parametrize(("scenario", "strategy"), CASES, ids=IDS)
def test_the_trace_tells_the_cause(plays: Plays, scenario: Scenario, strategy: Strategy) -> None:
    found = explain_run(plays.play(scenario, strategy).run)
    causes = [group.cause for group in found.groups]
    fine = _besides(scenario, strategy)
    if scenario.stores[strategy].bug:
        assert scenario.cause in causes, found.verdict
        fine = [*fine, scenario.cause, *CONSEQUENCES.get((scenario.id, strategy), ())]
    assert [cause for cause in causes if cause not in fine] == [], found.verdict


def _besides(scenario: Scenario, strategy: Strategy) -> list[str]:
    """What may be found beside the scenario's own cause, or in its place where that is no bug of this store.

    Pod memory loses sessions whatever is done to Redis; a Redis that the scenario kills has lost them for
    every store; and the guide's requests cross by luck where they are sent together in no particular order.
    """
    steps = scenario.steps
    found = MEMORY_ITSELF if strategy is Strategy.MEMORY else []
    if any(isinstance(step, RedisServer) and step.action in ("stop", "flush") for step in steps):
        found = [*found, "flushed"]
    if strategy is Strategy.GUIDE:
        unordered = [
            one_step
            for one_step in steps
            if isinstance(one_step, Together) and strategy not in one_step.order
        ]
        found = [*found, *(RACES if unordered else [])]
    return found
