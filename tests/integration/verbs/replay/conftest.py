"""One embedded stack on free ports for all tests of the use cases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from devenv.core.model.topology import Ports, StackSpec
from devenv.core.model.vocabulary import Strategy
from devenv.stack.embedded.backend import EmbeddedStack
from devenv.verbs.operate.select import SUPERVISOR
from devenv.verbs.replay.replayer import Replayer


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


@pytest.fixture(scope="session", params=[Strategy.GUIDE, Strategy.ATOMIC])
def redis_stack(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[EmbeddedStack]:
    """Two pods with their sessions in Redis, by one store and the other; no test changes their settings."""
    embedded = EmbeddedStack(tmp_path_factory.mktemp("redis-stack"), SUPERVISOR)
    try:
        spec = StackSpec(pods=2, use_redis=True, strategy=request.param, ports=Ports.free())
        embedded.start(spec, lambda line: None)
        yield embedded
    finally:
        embedded.stop()
