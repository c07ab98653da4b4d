"""The catalogue on real pods: each scenario with each store is played once, by the test that asks first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from devenv.core.model.errors import DevenvError
from devenv.core.model.topology import Ports, RedisMode, StackSpec
from devenv.core.model.vocabulary import Strategy
from devenv.core.scenario import Scenario, catalogue
from devenv.harness.runs.folders import Run, open_run
from devenv.stack.embedded.backend import EmbeddedStack
from devenv.verbs.operate.select import SUPERVISOR
from devenv.verbs.replay.baseline import required_spec
from devenv.verbs.replay.replayer import Replayer
from devenv.verbs.replay.result import ReplayResult
from tests.support import sort_some
from tools.failures_page import stack_kind

Case = tuple[Scenario, Strategy]
StackKind = tuple[int, RedisMode]
CASES: list[Case] = [(scenario, strategy) for scenario in catalogue() for strategy in scenario.strategies]
IDS = [f"{scenario.id}-{strategy}" for scenario, strategy in CASES]


@dataclass(frozen=True)
class Played:
    """One play of a scenario with one store."""

    result: ReplayResult
    run: Run
    """The run's folder, with the trace."""


class Plays:
    """The plays of the catalogue, each made when it is first asked for and then kept.

    One stack runs at a time, for all cases of one kind. A case that raises has its error kept, and the next
    case gets a new stack: a failure takes no other test with it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._results: dict[tuple[str, Strategy], Played | Exception] = {}
        self._kind: StackKind | None = None
        self._stack: EmbeddedStack | None = None
        self._replayer: Replayer | None = None
        self._stacks = 0

    def play(self, scenario: Scenario, strategy: Strategy) -> Played:
        """The play of one scenario with one store; raises what it raised."""
        name = (scenario.id, strategy)
        if name not in self._results:
            self._results[name] = self._made(scenario, strategy)
        result = self._results[name]
        if isinstance(result, Exception):
            raise result
        return result

    def _made(self, scenario: Scenario, strategy: Strategy) -> Played | Exception:
        try:
            replayer = self._replayer_for(stack_kind(scenario, strategy))
            run = open_run(self._folder, f"{scenario.id}-{strategy}", 0.0)
            return Played(replayer.run(scenario, strategy, run=run), run)
        except BaseException as error:  # a time-out of pytest too, which is kept for no other test
            self.close()
            if isinstance(error, Exception):
                return error
            raise

    def _replayer_for(self, kind: StackKind) -> Replayer:
        if self._replayer is None or self._kind != kind:
            self.close()
            workers, redis_mode = kind
            pods = max(
                scenario.stack.pods for scenario, store in CASES if stack_kind(scenario, store) == kind
            )
            self._stacks += 1
            self._stack = EmbeddedStack(self._folder / f"stack-{self._stacks}", SUPERVISOR)
            spec = StackSpec(pods=pods, workers=workers, redis_mode=redis_mode, ports=Ports.free())
            self._stack.start(spec, lambda line: None)
            self._kind, self._replayer = kind, Replayer(self._stack)
        return self._replayer

    def close(self) -> None:
        """End the stack that runs; the next play starts another."""
        replayer, self._replayer = self._replayer, None
        stack, self._stack = self._stack, None
        try:
            if replayer is not None:
                with suppress(DevenvError):  # the stack ends next: what cannot be put back ends with it
                    replayer.__exit__(None, None, None)
        finally:
            if stack is not None:
                stack.stop()


@pytest.fixture(scope="session")
def plays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plays]:
    """What both modules of this folder ask; nothing is played before a test asks for it."""
    kept = Plays(tmp_path_factory.mktemp("plays"))
    yield kept
    kept.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort this folder's plays so that stacks, and restarts of their pods, are few, whatever the seed."""
    sort_some(items, _order)


def _order(item: pytest.Item) -> tuple[StackKind, str, str] | None:
    """By the stack, then by the pods' settings; None for a test that plays nothing, or of another folder."""
    if item.path.parent != Path(__file__).parent or not hasattr(item, "callspec"):
        return None
    params: Mapping[str, Any] = item.callspec.params
    if "scenario" not in params:
        return None
    case = (params["scenario"], params["strategy"])
    return stack_kind(*case), str(required_spec(*case).to_json()), case[0].id
