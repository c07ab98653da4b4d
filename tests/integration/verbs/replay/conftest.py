"""One embedded stack on free ports for all tests of the use cases."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from devenv.core.model.topology import Ports, StackSpec
from devenv.stack.embedded.backend import EmbeddedStack
from devenv.verbs.replay.replayer import Replayer

SUPERVISOR = (sys.executable, "-m", "devenv.wire.edge.supervisor")
PODS = ("captcha-api-a", "captcha-api-b")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    """Two pods with USE_REDIS=false; whoever changes that puts it back."""
    embedded = EmbeddedStack(tmp_path_factory.mktemp("stack"), SUPERVISOR)
    try:
        embedded.start(StackSpec(pods=2, ports=Ports.free()), lambda line: None)
        yield embedded
    finally:
        embedded.stop()


@pytest.fixture
def replayer(stack: EmbeddedStack) -> Iterator[Replayer]:
    """Plays scenarios on the stack and leaves it as it was."""
    with Replayer(stack) as one:
        yield one


@pytest.fixture(params=["guide", "atomic"])
def redis_stack(stack: EmbeddedStack, request: pytest.FixtureRequest) -> Iterator[EmbeddedStack]:
    """The same stack with its sessions in Redis, by one store and the other."""
    before = {pod.name: dict(pod.settings) for pod in stack.status().pods}
    settings = {"USE_REDIS": "true", "SESSION_STRATEGY": request.param}
    stack.restart_pods(dict.fromkeys(PODS, settings), lambda line: None)
    yield stack
    stack.restart_pods(before, lambda line: None)
