"""The catalogue on real pods: every scenario with every store, played once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from devenv.core.model.topology import Ports, RedisMode, StackSpec
from devenv.core.model.vocabulary import Strategy
from devenv.core.scenario import Scenario, catalogue
from devenv.harness.runs.store import Run, open_run
from devenv.stack.embedded.backend import EmbeddedStack
from devenv.verbs.operate.select import SUPERVISOR
from devenv.verbs.replay.baseline import required_spec
from devenv.verbs.replay.replayer import Replayer
from devenv.verbs.replay.result import ReplayResult
from tools.failures_page import stack_kind

StackFor = Callable[[int, int, RedisMode], EmbeddedStack]
Asked = tuple[Scenario, Strategy]
ASKED: list[Asked] = [(scenario, strategy) for scenario in catalogue() for strategy in scenario.strategies]
IDS = [f"{scenario.id}-{strategy}" for scenario, strategy in ASKED]


@dataclass(frozen=True)
class Played:
    """What a play found, and the folder with its trace."""

    result: ReplayResult
    run: Run


Results = dict[tuple[str, Strategy], Played | Exception]


@pytest.fixture(scope="session")
def stack_for(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackFor]:
    """Gives the stack of so many pods and workers in each, with such a Redis; started when asked for."""
    started: dict[tuple[int, int, RedisMode], EmbeddedStack] = {}

    def give(pods: int, workers: int, redis_mode: RedisMode) -> EmbeddedStack:
        if (pods, workers, redis_mode) not in started:
            stack = EmbeddedStack(tmp_path_factory.mktemp("stack"), SUPERVISOR)
            spec = StackSpec(pods=pods, workers=workers, redis_mode=redis_mode, ports=Ports.free())
            stack.start(spec, lambda line: None)
            started[pods, workers, redis_mode] = stack
        return started[pods, workers, redis_mode]

    yield give
    for stack in started.values():
        stack.stop()


@pytest.fixture(scope="session")
def results(
    stack_for: StackFor, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Results:
    """All that was asked for, in the order that needs the fewest stacks and restarts of pods."""
    params: list[dict[str, Any]] = [
        dict(item.callspec.params)
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.path.parent == Path(__file__).parent
    ]
    asked = {
        (param["scenario"].id, param["strategy"]): (param["scenario"], param["strategy"]) for param in params
    }
    folder = Path(tmp_path_factory.mktemp("plays"))
    found: Results = {}
    for kind in sorted({stack_kind(*each) for each in asked.values()}):
        some = [each for each in asked.values() if stack_kind(*each) == kind]
        pods = max(scenario.stack.pods for scenario, _ in some)
        with Replayer(stack_for(pods, *kind)) as replayer:
            for scenario, strategy in sorted(some, key=_settings):
                run = open_run(folder, f"{scenario.id}-{strategy}", 0.0)
                try:
                    found[scenario.id, strategy] = Played(replayer.run(scenario, strategy, run=run), run)
                except Exception as error:
                    found[scenario.id, strategy] = error
    return found


def _settings(asked: Asked) -> tuple[str, str]:
    return str(required_spec(*asked).to_json()), asked[0].id


def played(results: Results, scenario: Scenario, strategy: Strategy) -> Played:
    """The play of one scenario with one store; raises what it raised."""
    found = results[scenario.id, strategy]
    if isinstance(found, Exception):
        raise found
    return found
