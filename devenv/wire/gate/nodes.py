"""The nodes of a Redis Cluster as the pods are shown them: each node behind a port of the gate, per pod.

A pod's first port leads to the node that the gate was given; each other node gets one when a reply first
names it: at once, as the reply must be able to say which. So a node that joins or takes over later is
covered too.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

from devenv.core.resp.relocation import MAPS, Address, relocated
from devenv.core.resp.replies import Reply
from devenv.wire.gate.record import Entry

MAX_NODES = 100
"""Ports for one pod at most: whatever Redis may be made to say, the gate opens no more."""
BACKLOG = 512

Accept = Callable[[str, Address], asyncio.Protocol]
"""Makes the protocol of the next connection of this pod to this node."""


class NodePorts:
    """Opens and remembers the ports of one gate before the nodes of a cluster, on the running loop."""

    def __init__(self, accept: Accept) -> None:
        self._accept = accept
        self._hosts: dict[str, str] = {}  # where the gate listens for a pod
        self._ports: dict[str, dict[Address, int]] = {}
        self._opening: set[asyncio.Task[None]] = set()
        self._servers: list[tuple[str, asyncio.Server]] = []

    def first(self, pod: str, host: str, port: int, node: Address) -> None:
        """``pod`` has its first port: on ``host``, for ``node``."""
        self._hosts[pod] = host
        self._ports[pod] = {**self._ports.get(pod, {}), node: port}

    def port(self, pod: str, node: Address) -> int | None:
        """The port through which ``pod`` reaches ``node``, opened where there is none yet."""
        ports = self._ports[pod]
        if node not in ports:
            if len(ports) >= MAX_NODES:
                return None
            ports[node] = self._open(pod, node)
        return ports[node]

    def of(self, pod: str) -> dict[str, int]:
        """The ports of ``pod`` by the node ("host:port") that they lead to."""
        return {label(node): port for node, port in self._ports.get(pod, {}).items()}

    def _open(self, pod: str, node: Address) -> int:
        family = socket.AF_INET6 if ":" in self._hosts[pod] else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setblocking(False)
        try:
            listener.bind((self._hosts[pod], 0))
            listener.listen(BACKLOG)  # from here on the system accepts, before asyncio looks
        except BaseException:
            listener.close()
            raise
        task = asyncio.get_running_loop().create_task(self._serve(listener, pod, node))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)
        return int(listener.getsockname()[1])

    async def _serve(self, listener: socket.socket, pod: str, node: Address) -> None:
        try:
            loop = asyncio.get_running_loop()
            server = await loop.create_server(lambda: self._accept(pod, node), sock=listener, backlog=BACKLOG)
        except BaseException:
            listener.close()
            raise
        self._servers.append((pod, server))

    def close(self) -> list[asyncio.Server]:
        """Accept no more; gives the servers, to be waited for."""
        servers = [server for _, server in self._servers]
        for server in servers:
            server.close()
        return servers

    def forget(self, pod: str) -> list[asyncio.Server]:
        """The ports of ``pod`` are not needed any more; gives its servers, to be closed."""
        self._ports.pop(pod, None)
        ended = [server for name, server in self._servers if name == pod]
        self._servers = [(name, server) for name, server in self._servers if name != pod]
        return ended

    async def settle(self) -> None:
        """Wait until the ports that are being opened are open."""
        with contextlib.suppress(OSError):
            await asyncio.gather(*self._opening)


class Relocation:
    """What one connection to ``node`` tells its pod about nodes: the gate's addresses instead of theirs.

    ``pod_host`` gives the address at which the pod reached the gate: that one it can reach again.
    """

    def __init__(self, ports: NodePorts, pod: str, node: Address, pod_host: Callable[[], str]) -> None:
        self.node = label(node)
        self._ports = ports
        self._pod = pod
        self._address = node
        self._pod_host = pod_host

    def concerns(self, reply: Reply, entry: Entry | None) -> bool:
        """Whether this reply (its beginning is known) may name nodes: then all of it must be seen first."""
        if reply.push:
            return False
        return reply.kind in ("", "-", "!") or (entry is not None and not MAPS.isdisjoint(_answered(entry)))

    def apply(self, reply: bytes, entry: Entry | None) -> bytes:
        """A complete reply as the pod is to have it."""
        return relocated(reply, _answered(entry) if entry is not None else ("",), self._elsewhere)

    def _elsewhere(self, host: str, port: int) -> Address | None:
        there = self._ports.port(self._pod, (host or self._address[0], port))
        return None if there is None else (self._pod_host(), there)


def _answered(entry: Entry) -> tuple[str, ...]:
    """The commands that the reply answers: of a transaction's end, those that it ran."""
    if entry.transaction is not None:
        return tuple(queued.shape.name for queued in entry.transaction)
    return (entry.shape.name,)


def label(node: Address) -> str:
    """host:port."""
    return f"{node[0]}:{node[1]}"
