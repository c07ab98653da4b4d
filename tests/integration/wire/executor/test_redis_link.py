"""The executor's connection to Redis: a cluster's other nodes are entered as the first one is."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import pytest

from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.redis_access import RedisAccess
from devenv.core.model.topology import RedisMode
from devenv.core.resp.values import OK, Failure
from devenv.stack.embedded.redis_cluster import MASTERS, Node, options, write_config
from devenv.stack.redis_access import Credentials, make_credentials
from devenv.wire.executor.redis_link import ClusterLink, RedisLink
from tests.support import free_ports, redis_program, until

T = TypeVar("T")
KEYS = [b"key%d" % number for number in range(30)]
"""Enough that each of three nodes owns some."""


@dataclass(frozen=True)
class Cluster:
    """Three masters; ``access`` is how each of them is entered."""

    port: int
    access: RedisAccess

    def run(self, work: Callable[[ClusterLink], Awaitable[T]], access: RedisAccess | None = None) -> T:
        """Do something on a new connection to the first node."""

        async def main() -> T:
            link = await ClusterLink.open("127.0.0.1", self.port, access or self.access)
            try:
                return await work(link)
            finally:
                link.close()

        return asyncio.run(main())


def node_options(node: Node, credentials: Credentials, folder: Path) -> list[str]:
    settings = {
        "--port": str(node.port),
        "--bind": "127.0.0.1",
        "--save": "",
        "--dir": str(folder),
        **options(node.bus_port),
        **credentials.server_options(node.port),
    }
    if credentials.certificates is not None:
        settings |= {"--tls-cluster": "yes", "--tls-replication": "yes"}
    return [word for setting in settings.items() for word in setting]


@pytest.fixture(scope="module", params=[RedisMode.TLS, RedisMode.ACL])
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    credentials = make_credentials(request.param, folder / "credentials")
    ports = free_ports(2 * MASTERS)
    nodes = [Node("127.0.0.1", ports[n], ports[MASTERS + n]) for n in range(MASTERS)]
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for n, node in enumerate(nodes):
            (folder / str(n)).mkdir()
            write_config(nodes, n, folder / str(n), shards=False)
            command = redis_program(*node_options(node, credentials, folder / str(n)))
            processes.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
        cluster = Cluster(nodes[0].port, credentials.ours)
        wait_until_it_serves(cluster)
        yield cluster
    finally:
        for process in processes:
            process.kill()
            process.wait()


def wait_until_it_serves(cluster: Cluster) -> None:
    async def serves(link: ClusterLink) -> bool:
        return all([not isinstance(await link.call(b"EXISTS", key), Failure) for key in KEYS])

    def all_serve() -> bool:
        with contextlib.suppress(EnvironmentProblem, ConnectionError):
            return cluster.run(serves)
        return False

    until(all_serve, "the cluster serves")


def test_every_node_is_entered(cluster: Cluster) -> None:
    async def work(link: ClusterLink) -> None:
        assert [await link.call(b"SET", key, b"v") for key in KEYS] == [OK] * len(KEYS)
        assert [await link.call(b"GET", key) for key in KEYS] == [b"v"] * len(KEYS)
        for key in KEYS:
            assert await link.transaction([(b"SET", key, b"w"), (b"GET", key)]) == (OK, b"w")

    cluster.run(work)


def test_one_node_alone_owns_only_some(cluster: Cluster) -> None:
    """What the test above rests on: without a redirection most keys are refused."""

    async def main() -> int:
        link = await RedisLink.open("127.0.0.1", cluster.port, cluster.access)
        replies = [await link.call(b"EXISTS", key) for key in KEYS]
        link.close()
        return sum(isinstance(reply, Failure) and reply.text.startswith("MOVED ") for reply in replies)

    assert 0 < asyncio.run(main()) < len(KEYS)


def test_who_may_not_enter_is_told_so(cluster: Cluster) -> None:
    async def work(link: ClusterLink) -> None: ...

    if cluster.access.tls:
        with pytest.raises(EnvironmentProblem, match=r"does not answer"):
            cluster.run(work, RedisAccess(ca=_another_authority(cluster)))
    else:
        with pytest.raises(EnvironmentProblem, match="authentication failed: WRONGPASS"):
            cluster.run(work, replace(cluster.access, password="another"))


def _another_authority(cluster: Cluster) -> str:
    folder = Path(cluster.access.ca).parent.parent / "another"
    return make_credentials(RedisMode.TLS, folder).ours.ca
