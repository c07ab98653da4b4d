"""Of every shipped scenario and store the trace alone tells the cause, and nothing where nothing is wrong."""

from __future__ import annotations

import pytest

from devenv.core.model.vocabulary import Strategy
from devenv.core.scenario import Scenario, parse
from devenv.verbs.explain.source import explain_run
from tests.bugs.conftest import CASES, IDS, Plays

CONSEQUENCES = {
    ("double-click", Strategy.GUIDE): {"double-success"},
    ("double-success", Strategy.GUIDE): {"double-click"},
    ("empty-bypass", Strategy.GUIDE): {"resurrected-key"},
    ("expiry-inside-verify", Strategy.GUIDE): {"empty-bypass"},
    ("pod-memory", Strategy.MEMORY): {"handwriting-global"},
    ("wrong-type", Strategy.GUIDE): {"empty-bypass"},
    ("writes-refused-replica", Strategy.GUIDE): {"double-success"},
}
"""What else goes wrong in these plays, and rightly is found too."""
FAULTS_IN_MEMORY = (
    "half-migration", "redis-dies", "redis-dies-letter", "redis-hangs", "redis-late", "writes-refused",
    "wrong-port",
)  # fmt: skip
OTHER_CAUSES = {
    # Faults of Redis, played with sessions in pod memory, where another pod is asked.
    **{(name, Strategy.MEMORY): {"pod-memory"} for name in FAULTS_IN_MEMORY},
    # A Redis that is killed has lost the sessions of every store.
    ("redis-dies", Strategy.ATOMIC): {"flushed"},
}
"""What is found in plays in which the scenario's own cause is no bug of the store."""
BY_CHANCE = {
    # Two clicks at once on two pods: where the second pod answers first, the session was still open, in the
    # first pod's memory; where it answers later, the session had rightly ended.
    ("double-click", Strategy.MEMORY): {"pod-memory"},
    # Sixty answers at once to four worker processes: the kernel chooses who accepts a connection.
    ("many-workers", Strategy.MEMORY): {"attempts-limit"},
    ("many-workers", Strategy.GUIDE): {"lost-attempt", "resurrected-key"},
}
"""What may be found too, as requests that have no order may cross."""


@pytest.mark.parametrize(("scenario", "strategy"), CASES, ids=IDS)
def test_the_trace_tells_the_causes_and_no_other(
    plays: Plays, scenario: Scenario, strategy: Strategy
) -> None:
    explained = explain_run(plays.play(scenario, strategy).run)
    case = (scenario.id, strategy)
    expected = CONSEQUENCES.get(case, set()) | OTHER_CAUSES.get(case, set())
    if scenario.stores[strategy].bug:
        expected |= {scenario.cause}
    causes = {group.cause for group in explained.groups}
    assert causes - BY_CHANCE.get(case, set()) == expected, explained.verdict


def test_the_tables_name_plays_that_there_are() -> None:
    """A renamed scenario must not leave an exception behind that covers nothing."""
    there = {(scenario.id, strategy) for scenario, strategy in CASES}
    assert {*CONSEQUENCES, *OTHER_CAUSES, *BY_CHANCE} <= there
    assert not {*CONSEQUENCES} & {*OTHER_CAUSES}


QUIET = """\
version: 1
id: quiet-{name}
title: Sessions that end as they should
cause: pod-memory
needs: [R]
stack: {{pods: 2}}
stores:
  memory: {memory}
  guide: {{shows: "Nothing is wrong."}}
  atomic: {{shows: "Nothing is wrong."}}
sessions: {{solved: abstract, failed: abstract, grid: imagegrid}}
steps:
  - {{create: solved, pod: A}}
  - {{verify: solved, pod: {pod}, answer: wrong, expect: {{outcome: wrong}}}}
  - {{verify: solved, pod: A, answer: right, expect: {{outcome: success}}}}
  - {{create: failed, pod: A}}
  - {{verify: failed, pod: A, answer: wrong, expect: {{outcome: wrong}}}}
  - {{verify: failed, pod: {pod}, answer: wrong, expect: {{outcome: wrong}}}}
  - {{verify: failed, pod: A, answer: right, expect: {{outcome: not_found}}}}
  - {{create: grid, pod: {pod}}}
  - {{verify: grid, pod: {pod}, answer: right, expect: {{outcome: success}}}}
"""
ONE_POD = parse(QUIET.format(name="one-pod", pod="A", memory='{shows: "Nothing is wrong."}'), "one-pod.yaml")
TWO_PODS = parse(
    QUIET.format(name="two-pods", pod="B", memory='{not_applicable: "Another pod."}'), "two-pods.yaml"
)
QUIET_CASES = [(scenario, strategy) for scenario in (ONE_POD, TWO_PODS) for strategy in scenario.strategies]


@pytest.mark.parametrize(("scenario", "strategy"), QUIET_CASES, ids=lambda part: getattr(part, "id", part))
def test_where_nothing_is_wrong_nothing_is_found(
    plays: Plays, scenario: Scenario, strategy: Strategy
) -> None:
    """Wrong answers, a session that is used up and one that is asked for after its end are no faults."""
    played = plays.play(scenario, strategy)
    assert [str(deviation) for deviation in played.result.deviations] == []
    explained = explain_run(played.run)
    assert [group.cause for group in explained.groups] == [], explained.verdict
