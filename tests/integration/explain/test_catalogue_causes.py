"""Of every shipped scenario and store the trace alone tells the cause, and nothing where nothing is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devenv.core.topology import Ports, StackSpec
from devenv.core.vocabulary import Strategy
from devenv.lab.explain import Explanation, explain_run
from devenv.lab.opening import SUPERVISOR
from devenv.lab.replay import Replayer, wished_spec
from devenv.lab.runs import open_run
from devenv.scenario import RedisServer, Scenario, Together, catalogue
from devenv.stack.embedded import EmbeddedStack

MEMORY_ITSELF = ["pod-memory", "pod-restart", "many-workers", "handwriting-global", "attempts-limit"]
RACES = ["resurrected-key", "empty-bypass", "double-success", "lost-attempt", "double-click"]
RUNS = [(scenario, strategy) for scenario in catalogue() for strategy in scenario.strategies]
Key = tuple[str, Strategy]


def _size(run: tuple[Scenario, Strategy]) -> tuple[int, int]:
    return (run[0].stack.pods, run[0].stack.workers)


@pytest.fixture(scope="module")
def explained(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[Key, Explanation | Exception]]:
    """All that was asked for, in the order that needs the fewest stacks and restarts of pods."""
    asked: list[tuple[Any, Any]] = [
        (item.callspec.params["scenario"], item.callspec.params["strategy"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.originalname == "test_the_trace_tells_the_cause"
    ]
    found: dict[Key, Explanation | Exception] = {}
    folder = Path(tmp_path_factory.mktemp("explain"))
    for size in sorted({_size(run) for run in asked}):
        runs = [run for run in asked if _size(run) == size]
        runs.sort(key=lambda run: (str(wished_spec(*run).to_json()), run[0].id))
        _play(runs, size, folder / f"{size[0]}x{size[1]}", found)
    yield found


def _play(
    runs: list[tuple[Scenario, Strategy]],
    size: tuple[int, int],
    folder: Path,
    found: dict[Key, Explanation | Exception],
) -> None:
    stack = EmbeddedStack(folder, SUPERVISOR)
    stack.start(StackSpec(pods=size[0], workers=size[1], ports=Ports.free()), lambda _line: None)
    try:
        with Replayer(stack) as replayer:
            for scenario, strategy in runs:
                run = open_run(folder, f"{scenario.id}-{strategy}", 0.0)
                try:
                    result = replayer.run(scenario, strategy, run=run)
                    assert not result.violations, result.violations
                    found[scenario.id, strategy] = explain_run(run)
                except Exception as error:
                    found[scenario.id, strategy] = error
    finally:
        stack.stop()


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("scenario", "strategy"), RUNS, ids=[f"{s.id}-{strategy}" for s, strategy in RUNS])
def test_the_trace_tells_the_cause(
    explained: dict[Key, Explanation | Exception], scenario: Scenario, strategy: Strategy
) -> None:
    found = explained[scenario.id, strategy]
    if isinstance(found, Exception):
        raise found
    causes = [group.cause for group in found.groups]
    if scenario.stores[strategy].bug:
        assert scenario.cause in causes, found.verdict
    else:
        assert [cause for cause in causes if cause not in _besides(scenario, strategy)] == [], found.verdict


def _besides(scenario: Scenario, strategy: Strategy) -> list[str]:
    """What may be found where the scenario's own cause is no bug of this store: no fault of the diagnosis.

    Pod memory loses sessions whatever is done to Redis; a Redis that the scenario kills has lost them for
    every store; and the guide's requests cross by luck where they are sent together in no particular order.
    """
    steps = scenario.steps
    found = MEMORY_ITSELF if strategy is Strategy.MEMORY else []
    if any(isinstance(step, RedisServer) and step.action in ("stop", "flush") for step in steps):
        found = [*found, "flushed"]
    if strategy is Strategy.GUIDE:
        unordered = [it for it in steps if isinstance(it, Together) and strategy not in it.order]
        found = [*found, *(RACES if unordered else [])]
    return found
