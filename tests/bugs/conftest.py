"""Real embedded stacks, one for each number of worker processes, for all scenarios of the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from devenv.core.topology import Ports, StackSpec
from devenv.lab.opening import SUPERVISOR
from devenv.stack.embedded import EmbeddedStack

StackFor = Callable[[int, int], EmbeddedStack]


@pytest.fixture(scope="session")
def stack_for(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackFor]:
    """Gives the stack of so many pods with so many workers each; started when first asked for."""
    started: dict[tuple[int, int], EmbeddedStack] = {}

    def give(pods: int, workers: int) -> EmbeddedStack:
        if (pods, workers) not in started:
            stack = EmbeddedStack(tmp_path_factory.mktemp("stack"), SUPERVISOR)
            stack.start(StackSpec(pods=pods, workers=workers, ports=Ports.free()), lambda line: None)
            started[pods, workers] = stack
        return started[pods, workers]

    yield give
    for stack in started.values():
        stack.stop()
