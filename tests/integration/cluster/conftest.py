"""One embedded stack on a Redis Cluster for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from devenv.core.model.topology import Ports, RedisMode, StackSpec, StackStatus
from devenv.core.model.vocabulary import Strategy
from devenv.core.scenario import find
from devenv.harness.redis.cluster_client import ClusterClient
from devenv.stack.embedded.backend import EmbeddedStack
from devenv.verbs.operate.select import SUPERVISOR
from devenv.verbs.replay.baseline import required_spec
from tests.support import HANG_GUARD_S, sort_some

POD = "captcha-api-a"
SETTINGS = {"REDIS_CLUSTER": "true", "REDIS_TIMEOUT_MS": "20000"}


@dataclass(frozen=True)
class Cluster:
    """The stack, its Redis past the gate, and its Redis as pod A has it."""

    stack: EmbeddedStack
    status: StackStatus
    nodes: ClusterClient
    folder: Path

    def control(self, path: str, **params: Any) -> Any:
        url = self.status.endpoints.control + path
        return httpx.get(url, params=params, trust_env=False).raise_for_status().json()

    @property
    def ports(self) -> dict[str, int]:
        """Pod A's ports at the gate by the node that they lead to."""
        [pod] = [one_pod for one_pod in self.control("/gate")["pods"] if one_pod["pod"] == POD]
        return dict(pod["nodes"])

    @property
    def gate_port(self) -> int:
        """The one that pod A is given as REDIS_PORT."""
        [pod] = [one_pod for one_pod in self.control("/gate")["pods"] if one_pod["pod"] == POD]
        return int(pod["port"])

    def client(self, port: int | None = None, **options: Any) -> Any:
        """A plain client of a port of pod A's, by default the first."""
        return redis.Redis(
            port=port or self.gate_port, socket_timeout=HANG_GUARD_S, decode_responses=True, **options
        )

    def owned_by(self, node: int) -> str:
        """A key that this node owns."""
        keys = (f"key{n}" for n in range(1000))
        return next(key for key in keys if self.nodes.nodes.index(self.nodes.owner("EXISTS", key)[0]) == node)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two pods with the guide's store and its cluster client; whoever changes that puts it back."""
    folder = tmp_path_factory.mktemp("cluster")
    stack = EmbeddedStack(folder, SUPERVISOR)
    spec = StackSpec(
        pods=3,
        use_redis=True,
        strategy=Strategy.GUIDE,
        redis_mode=RedisMode.CLUSTER,
        env=SETTINGS,
        ports=Ports.free(),
    )
    try:
        status = stack.start(spec, lambda _line: None)
        nodes = ClusterClient(status.endpoints.redis_nodes)
        yield Cluster(stack, status, nodes, folder)
        nodes.close()
    finally:
        stack.stop()


@pytest.fixture(scope="module")
def atomic(cluster: Cluster) -> Iterator[Cluster]:
    """The stack with this store, REDIS_CLUSTER as it is by default."""
    pods = [pod.name for pod in cluster.status.pods]
    wished = {"SESSION_STRATEGY": "atomic", "REDIS_CLUSTER": "auto"}
    cluster.stack.restart_pods(dict.fromkeys(pods, wished), lambda _line: None)
    yield cluster
    before = {"SESSION_STRATEGY": "guide", **SETTINGS}
    cluster.stack.restart_pods(dict.fromkeys(pods, before), lambda _line: None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the catalogue's scenarios by the settings that they need, so that pods are restarted seldom."""
    sort_some(items, _needed_settings)


def _needed_settings(item: pytest.Item) -> tuple[str] | None:
    if item.path.parent != Path(__file__).parent or getattr(item, "originalname", "") != "test_it_holds":
        return None
    assert isinstance(item, pytest.Function)
    name: Any = item.callspec.params["name"]
    return (str(required_spec(find(name), Strategy.ATOMIC).to_json()),)
