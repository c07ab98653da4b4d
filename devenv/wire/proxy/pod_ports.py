"""The ports of all pods, for a balancer in front of the proxy. The event loop's side."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from devenv.stack.ports import LOOPBACK, Lease
from devenv.wire.proxy.client import ClientRegistry
from devenv.wire.proxy.pod_port import PodPortConnection
from devenv.wire.proxy.pods import Pods
from devenv.wire.proxy.shared import Shared


class _Protocol(PodPortConnection, asyncio.Protocol):
    """The connection as an event loop takes it."""

    __slots__ = ()


class PodPorts:
    """Listens on a port for each pod while the pod seems up; a port of a pod that is down refuses."""

    def __init__(self, shared: Shared, clients: ClientRegistry, pods: Pods) -> None:
        self.chooser = ""
        """Who chooses: the balancer with its policy, as the exchanges have it."""
        self._shared = shared
        self._clients = clients
        self._pods = pods
        self._host = LOOPBACK
        self._ports: dict[str, int] = {}
        self._leases: dict[str, Lease] = {}
        self._listening: dict[str, asyncio.Server] = {}
        self._opening: set[asyncio.Task[None]] = set()

    async def open(self, host: str, wished: Mapping[str, int], chooser: str) -> dict[str, int]:
        """Listen for every pod on its wished port (0: any free one); pod → port.

        OSError where one is taken.
        """
        self._host, self.chooser = host, chooser
        await self.set_pods(wished)
        self._pods.changed = self._follow
        self._follow()
        return dict(self._ports)

    async def set_pods(self, wished: Mapping[str, int]) -> dict[str, int]:
        """Listen for exactly these pods, as ``open``; one that was listened for keeps its port."""
        for pod in [pod for pod in self._ports if pod not in wished]:
            del self._ports[pod]
            if (listening := self._listening.pop(pod, None)) is not None:
                listening.close()
            if (lease := self._leases.pop(pod, None)) is not None:
                lease.close()
        for pod, port in wished.items():
            if pod in self._ports:
                continue
            if port == 0:
                self._leases[pod] = Lease()
                port = self._leases[pod].hand_over()
            self._ports[pod] = port
            await self._open(pod)
        return dict(self._ports)

    async def close(self) -> None:
        """Listen no more; connections go on until their ends close them."""
        self._pods.changed = lambda: None
        for task in list(self._opening):
            task.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)
        for server in self._listening.values():
            server.close()
        self._listening.clear()
        for lease in self._leases.values():
            lease.close()

    async def _open(self, pod: str) -> None:
        if pod not in self._ports:  # it was removed before this could begin
            return

        def protocol() -> _Protocol:
            return _Protocol(self._shared, self._clients, self._pods.by_name[pod], lambda: self.chooser)

        server = await asyncio.get_running_loop().create_server(
            protocol, self._host, self._ports[pod], backlog=1024
        )
        if pod in self._listening or pod not in self._ports or not self._pods.by_name[pod].up:
            server.close()
        else:
            self._listening[pod] = server

    async def opened(self) -> None:
        """Return when no port is being opened any more."""
        await asyncio.gather(*self._opening, return_exceptions=True)

    def _follow(self) -> None:
        """Listen for the pods that are up, and for no others."""
        for pod in self._ports:
            up = pod in self._pods.by_name and self._pods.by_name[pod].up
            if up and pod not in self._listening:
                task = asyncio.get_running_loop().create_task(self._open(pod))
                self._opening.add(task)
                task.add_done_callback(self._opening.discard)
            elif not up and pod in self._listening:
                self._listening.pop(pod).close()
