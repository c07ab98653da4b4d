"""A representative part of the catalogue on the compose stack: routing, races, time, faults of Redis."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import DockerClient

from devenv.core.model.topology import Ports, StackSpec
from devenv.core.model.vocabulary import Strategy
from devenv.core.scenario import find
from devenv.stack.compose.backend import ComposeStack
from devenv.verbs.replay.baseline import required_spec
from devenv.verbs.replay.replayer import Replayer
from devenv.verbs.replay.result import ReplayResult

pytestmark = pytest.mark.docker
RUNS = [
    ("pod-memory", Strategy.MEMORY),
    ("pod-memory", Strategy.GUIDE),
    ("flushed", Strategy.GUIDE),
    ("bad-port-value", Strategy.GUIDE),
    ("empty-bypass", Strategy.GUIDE),
    ("expiry-inside-verify", Strategy.GUIDE),
    ("empty-bypass", Strategy.ATOMIC),
    ("double-success", Strategy.ATOMIC),
    ("reply-lost", Strategy.ATOMIC),
    ("redis-dies", Strategy.ATOMIC),
    ("redis-hangs", Strategy.ATOMIC),
    ("writes-refused-replica", Strategy.ATOMIC),
]
Results = dict[tuple[str, Strategy], ReplayResult | Exception]


@pytest.fixture(scope="module")
def results(engine: DockerClient, clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Results]:
    """All of them, in the order that makes the fewest containers anew."""
    project = f"devenv-test-{uuid.uuid4().hex[:8]}"
    stack = ComposeStack(clone, tmp_path_factory.mktemp("state"), project=project)
    values: Results = {}
    try:
        stack.start(StackSpec(ports=Ports.free()), lambda line: None)
        with Replayer(stack) as replayer:
            for name, store in sorted(
                RUNS, key=lambda run: str(required_spec(find(run[0]), run[1]).to_json())
            ):
                try:
                    values[name, store] = replayer.run(find(name), store)
                except Exception as error:
                    values[name, store] = error
        yield values
    finally:
        stack.stop()


@pytest.mark.parametrize(("name", "strategy"), RUNS, ids=str)
def test_happens_as_the_catalogue_says(results: Results, name: str, strategy: Strategy) -> None:
    result = results[name, strategy]
    if isinstance(result, Exception):
        raise result
    assert [str(deviation) for deviation in result.deviations] == []
    assert len(result.plays[0]) == len(find(name).steps)
