"""The proxy as a whole: listens, enforces time limits, tells the control API."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from random import Random
from time import perf_counter, time
from typing import Any

from devenv.core.model.errors import UsageProblem
from devenv.core.model.events import Exchange
from devenv.core.routing import parse_policy
from devenv.stack.waiting import comes_true_async
from devenv.wire.proxy.balancer import Balancer
from devenv.wire.proxy.client import ClientConnection, ClientRegistry
from devenv.wire.proxy.connector import Connector
from devenv.wire.proxy.exchanges import ExchangeLog
from devenv.wire.proxy.limits import Limits
from devenv.wire.proxy.pod_port import LIMITS as POD_PORT_LIMITS
from devenv.wire.proxy.pod_ports import PodPorts
from devenv.wire.proxy.pods import Pods
from devenv.wire.proxy.shared import Shared
from devenv.wire.proxy.upstream import Upstream


class _Protocol(ClientConnection, asyncio.Protocol):
    """The connection as an event loop takes it."""

    __slots__ = ()


class Proxy:
    """An HTTP/1.1 reverse proxy over ``upstreams``; runs in the event loop that calls ``start``.

    ``policy`` is the text form of a routing policy, ``seed`` makes its random choices the same again,
    ``capacity`` bounds the recent exchanges, which have the value of ``session_carrier`` (a header, or
    ``Cookie:name``), where one is named. Raises UsageProblem for an unknown policy or pod.
    """

    def __init__(
        self,
        upstreams: Sequence[Upstream],
        policy: str = "round-robin",
        *,
        seed: int = 0,
        capacity: int = 10_000,
        limits: Limits | None = None,
        session_carrier: str = "",
    ) -> None:
        self._limits = limits or Limits()
        self._balancer = Balancer(policy, Random(seed))
        self._pods = Pods(self._balancer, self._limits)
        self._pods.set_upstreams(upstreams)
        self._connector = Connector(self._pods, self._limits)
        self._log = ExchangeLog(capacity)
        self._shared = self._share(self._limits, session_carrier)
        self._at_pod_ports = self._share(POD_PORT_LIMITS, session_carrier)
        self._set_clock()
        self._clients = ClientRegistry()
        self._pod_ports: PodPorts | None = None
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.TimerHandle | None = None

    def _share(self, limits: Limits, session_carrier: str) -> Shared:
        return Shared(
            self._balancer,
            self._pods,
            self._connector,
            self._log,
            limits,
            clock=perf_counter,
            later=lambda work: asyncio.get_running_loop().call_soon(work),
            call_later=lambda seconds, work: asyncio.get_running_loop().call_later(seconds, work),
            request_prefix=os.urandom(8).hex().encode(),  # unique across restarts; no security hangs on it
            session_carrier=session_carrier,
        )

    def _set_clock(self) -> float:
        now = perf_counter()
        self._shared.epoch_minus_clock = self._at_pod_ports.epoch_minus_clock = time() - now
        return now

    async def start(self, host: str, port: int) -> int:
        """Listen on ``host``:``port`` (0: any free port) and return the port; OSError where it is taken."""
        self._server = await self._listen(host, port)
        self._sweeper = asyncio.get_running_loop().call_later(self._limits.sweep, self._sweep)
        return int(self._server.sockets[0].getsockname()[1])

    async def _listen(self, host: str, port: int) -> asyncio.Server:
        return await asyncio.get_running_loop().create_server(
            lambda: _Protocol(self._shared, self._clients), host, port, backlog=1024
        )

    async def close(self, grace: float = 1.0) -> None:
        """Stop listening, let the exchanges under way end for ``grace`` seconds, then break them off."""
        clients = self._clients.by_number
        drained = asyncio.Event()
        self._clients.when_empty = drained.set
        if self._server is not None:
            self._server.close()
        if self._pod_ports is not None:
            await self._pod_ports.close()
        for client in list(clients.values()):
            client.shut_down()
        if clients:
            with suppress(TimeoutError):
                await asyncio.wait_for(drained.wait(), grace)
        if self._sweeper is not None:
            self._sweeper.cancel()
        for client in list(clients.values()):
            client.abort("the proxy was closed")
        if clients:
            await drained.wait()
        for pod in self._pods.by_name.values():
            pod.retire()
        await self._connector.close()
        if self._server is not None:
            await self._server.wait_closed()

    # -- a balancer in front

    async def open_pod_ports(self, host: str, wished: Mapping[str, int], chooser: str) -> dict[str, int]:
        """Listen on a port for each pod (0: any free one); pod → port. OSError where one is taken.

        The exchanges of these ports have ``chooser`` as their policy: the balancer that connects to them.
        """
        self._pod_ports = PodPorts(self._at_pod_ports, self._clients, self._pods)
        return await self._pod_ports.open(host, wished, chooser)

    async def close_pod_ports(self) -> None:
        """The balancer has ended: the ports are closed, and the proxy chooses by its own policy."""
        if self._pod_ports is not None:
            pod_ports, self._pod_ports = self._pod_ports, None
            await pod_ports.close()

    async def move(self, host: str, port: int, grace: float = 1.0) -> None:
        """Listen on this port instead; OSError where it is taken.

        Its connections end: after the answer under way, for which ``grace`` seconds are waited.
        """
        assert self._server is not None
        leaving = dict(self._clients.by_number)
        self._server.close()
        for client in leaving.values():
            client.shut_down()
        await comes_true_async(lambda: not leaving.keys() & self._clients.by_number.keys(), grace)
        for number in leaving.keys() & self._clients.by_number.keys():
            leaving[number].abort("another balancer was put in front")
        self._server = await self._listen(host, port)

    async def set_pod_ports(self, wished: Mapping[str, int]) -> dict[str, int]:
        """Listen for exactly these pods, which the proxy has: pod → port (0 in ``wished``: any free one).

        A pod that was listened for keeps its port. OSError where one is taken.
        """
        assert self._pod_ports is not None
        return await self._pod_ports.set_pods(wished)

    def balanced_by(self, chooser: str) -> None:
        """The balancer has another policy from now on."""
        if self._pod_ports is not None:
            self._pod_ports.chooser = chooser

    def pod_stops(self, name: str) -> None:
        """The pod is about to be ended, or has ended: its port, where it has one, refuses connections."""
        pod = self._pods.by_name.get(name)
        if self._pod_ports is not None and pod is not None:
            self._pods.mark_down(pod, "it was stopped")

    async def pod_started(self, name: str) -> None:
        """The pod takes connections again; its port, where it has one, does too when this returns."""
        pod = self._pods.by_name.get(name)
        if self._pod_ports is not None and pod is not None:
            await self._connector.probe(pod)
            await self._pod_ports.opened()

    # -- what the control API shows and sets

    @property
    def policy(self) -> str:
        """Who chooses the pod: the balancer in front, else the routing policy, in text form."""
        return self._pod_ports.chooser if self._pod_ports is not None else self._balancer.policy_text

    def set_policy(self, text: str) -> None:
        """Route by another policy from the next request on; its turns start anew.

        Raises UsageProblem for an unknown policy or pod, and where a balancer chooses; the present one stays.
        """
        if self._pod_ports is not None:
            raise UsageProblem(
                f"{self.policy} chooses the pod, not the proxy",
                hint="devenv down, then devenv up --balancer with another policy",
            )
        self._balancer.set_policy(text)

    def check_policy(self, policy: str | None, pods: Sequence[str]) -> None:
        """Raise UsageProblem where ``set_upstreams`` would, for these pods by name."""
        if self._pod_ports is not None:
            if policy is not None:
                raise UsageProblem(f"{self.policy} chooses the pod, not the proxy's policy {policy}")
            return
        parse_policy(policy or self.policy, pods)

    def set_upstreams(self, upstreams: Sequence[Upstream], policy: str | None = None) -> None:
        """Replace the pods; see ``Pods.set_upstreams``."""
        self._pods.set_upstreams(upstreams, policy)

    def pods(self) -> list[dict[str, Any]]:
        """Every pod as ``name, address, state`` (up or down)``, in_flight, served, last_error``."""
        return [
            {
                "name": pod.name,
                "address": pod.upstream.address,
                "state": "up" if pod.up else "down",
                "in_flight": self._balancer.in_flight[pod.name],
                "served": pod.served,
                "last_error": pod.last_error,
            }
            for pod in self._pods.by_name.values()
        ]

    @property
    def latest_exchange(self) -> int:
        """The number of the latest exchange; 0 before the first."""
        return self._log.latest

    def exchanges(self, since: int = 0, limit: int | None = None) -> list[Exchange]:
        """The recent exchanges numbered above ``since``, oldest first, at most ``limit``.

        They are numbered in the order in which they ended, so that polling by the last number misses none.
        """
        return self._log.since(since, limit)

    def open_exchanges(self) -> list[Exchange]:
        """The exchanges under way, the oldest first, with ``seq`` 0 and the outcome "open"."""
        now = perf_counter()
        records = [client.open_exchange(now) for client in self._clients.by_number.values()]
        under_way = [record.exchange(0) for record in records if record is not None]
        return sorted(under_way, key=lambda exchange: exchange.started)

    async def probe(self) -> None:
        """Find out now which pods can be reached, as after a restart; updates their state."""
        await asyncio.gather(*(self._connector.probe(pod) for pod in list(self._pods.by_name.values())))

    # -- upkeep

    def _sweep(self) -> None:
        now = self._set_clock()
        for client in list(self._clients.by_number.values()):
            client.check(now)
        for pod in self._pods.by_name.values():
            pod.expire(now)
        self._sweeper = asyncio.get_running_loop().call_later(self._limits.sweep, self._sweep)
