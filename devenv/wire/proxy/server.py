"""The proxy as a whole: listens, sweeps time limits, probes dead pods."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from time import perf_counter, time
from typing import Any

from devenv.core.model.events import Exchange
from devenv.wire.proxy.client import ClientConnection
from devenv.wire.proxy.limits import Limits
from devenv.wire.proxy.traffic import Traffic
from devenv.wire.proxy.upstream import Upstream


class Proxy:
    """An HTTP/1.1 reverse proxy over ``upstreams``; runs in the event loop that calls ``start``.

    ``policy`` is the text form of a routing policy, ``seed`` makes its random choices the same again,
    ``capacity`` bounds the recent exchanges, which tell what ``session_carrier`` says, where one is named.
    Raises UsageProblem for an unknown policy or pod.
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
        self._traffic = Traffic(
            upstreams,
            policy,
            seed=seed,
            capacity=capacity,
            limits=self._limits,
            session_carrier=session_carrier,
        )
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.TimerHandle | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen on ``host``:``port`` (0: any free port) and return the port; OSError where it is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: ClientConnection(self._traffic), host, port, backlog=1024
        )
        self._sweeper = loop.call_later(self._limits.sweep, self._sweep)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self, grace: float = 1.0) -> None:
        """Stop listening, let answers on their way end for ``grace`` seconds, then break them off."""
        clients = self._traffic.clients
        drained = self._traffic.drained = asyncio.Event()
        if self._server is not None:
            self._server.close()
        for client in list(clients.values()):
            client.shut_down()
        if clients:
            with suppress(TimeoutError):
                await asyncio.wait_for(drained.wait(), grace)
        if self._sweeper is not None:
            self._sweeper.cancel()
        for client in list(clients.values()):
            client.abort()
        if clients:
            await drained.wait()
        for pod in self._traffic.pods.values():
            pod.retired = True
            pod.drop_idle()
        tasks = list(self._traffic.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    # -- what the control API shows and sets

    @property
    def policy(self) -> str:
        """The routing policy in its text form."""
        return self._traffic.policy_text

    def set_policy(self, text: str) -> None:
        """Route by another policy from the next request on; its turns start anew.

        Raises UsageProblem for an unknown policy or pod; the present one stays then.
        """
        self._traffic.set_policy(text)

    def set_upstreams(self, upstreams: Sequence[Upstream]) -> None:
        """Replace the pods; see ``Traffic.set_upstreams``."""
        self._traffic.set_upstreams(upstreams)

    def pods(self) -> list[dict[str, Any]]:
        """Every pod as ``name, address, state`` (up or down)``, in_flight, served, last_error``."""
        return [
            {
                "name": pod.name,
                "address": pod.upstream.address,
                "state": "up" if pod.up else "down",
                "in_flight": self._traffic.in_flight[pod.name],
                "served": pod.served,
                "last_error": pod.last_error,
            }
            for pod in self._traffic.pods.values()
        ]

    @property
    def latest_exchange(self) -> int:
        """The number of the latest exchange; 0 before the first."""
        return self._traffic.log.latest

    def exchanges(self, since: int = 0, limit: int | None = None) -> list[Exchange]:
        """The recent exchanges numbered above ``since``, oldest first, at most ``limit``.

        They are numbered in the order in which they ended, so that polling by the last number misses none.
        """
        return self._traffic.log.since(since, limit)

    def open_exchanges(self) -> list[Exchange]:
        """The exchanges under way, the oldest first, with ``seq`` 0 and the outcome "open"."""
        now = perf_counter()
        records = [client.open_exchange(now) for client in self._traffic.clients.values()]
        under_way = [record.exchange(0) for record in records if record is not None]
        return sorted(under_way, key=lambda exchange: exchange.started)

    async def probe(self) -> None:
        """Find out now which pods can be reached, as after a restart; updates their state."""
        await asyncio.gather(*(self._traffic.probe(pod) for pod in list(self._traffic.pods.values())))

    # -- upkeep

    def _sweep(self) -> None:
        now = perf_counter()
        self._traffic.epoch_minus_clock = time() - now
        for client in list(self._traffic.clients.values()):
            client.check(now)
        for pod in self._traffic.pods.values():
            pod.expire(now)
        self._sweeper = asyncio.get_running_loop().call_later(self._limits.sweep, self._sweep)
