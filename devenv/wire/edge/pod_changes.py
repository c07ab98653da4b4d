"""Pods added to and removed from a stack that runs: the edge is told, and the balancer in front of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from devenv.wire.edge.edge import Edge
from devenv.wire.edge.front import Front


class PodChanges:
    """What ``Processes.route_by`` takes, for ``edge`` and the balancer ``front`` where there is one."""

    def __init__(self, edge: Edge, front: Front | None = None) -> None:
        self._edge = edge
        self._front = front

    def check(self, pods: Sequence[str], policy: str | None) -> None:
        """Raise UsageProblem where requests cannot be routed to exactly these pods by this policy."""
        if self._front is not None:
            self._front.check_pods()
        self._edge.check_pods(pods, policy)

    async def open(self, addresses: Mapping[str, tuple[str, int]]) -> dict[str, int]:
        """Let these pods reach Redis, each through a port of its own: pod → port; empty: directly."""
        return await self._edge.add_pods(addresses)

    async def route(self, pods: Sequence[str], policy: str | None) -> None:
        """Send requests to exactly these pods; a balancer's file is written anew, and taken by it."""
        if self._front is None:
            await self._edge.route_to(pods, policy)
            return
        present = self._front.pods
        # The balancer must not meet a port that is not open yet, nor one that is closed already.
        ports = await self._edge.route_to([*present, *(pod for pod in pods if pod not in present)], policy)
        await self._front.set_servers({pod: ports[pod] for pod in pods})
        await self._edge.route_to(pods, policy)

    async def close(self, pods: Sequence[str]) -> None:
        """These pods have ended: nothing is kept open for them."""
        self._edge.remove_pods(pods)
