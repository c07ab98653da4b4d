"""Makes the connections to the pods, and probes those that could not be reached. The event loop's side."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from devenv.wire.proxy.ends import ConnectionWaiter
from devenv.wire.proxy.failures import ConnectFailure, connect_failure
from devenv.wire.proxy.limits import Limits
from devenv.wire.proxy.pods import Pods
from devenv.wire.proxy.upstream import Pod, UpstreamConnection


class _Protocol(UpstreamConnection, asyncio.Protocol):
    """The connection as an event loop takes it."""

    __slots__ = ()


class Connector:
    """Background tasks in the running loop; ``close`` ends them."""

    def __init__(self, pods: Pods, limits: Limits) -> None:
        self._pods = pods
        self._limits = limits
        self._tasks: set[asyncio.Task[None]] = set()
        self._probing: set[Pod] = set()

    def connect(self, pod: Pod, waiter: ConnectionWaiter) -> None:
        """Make a connection to ``pod`` and tell ``waiter`` of it, never before this returns."""
        self._spawn(self._connect(pod, waiter))

    async def probe(self, pod: Pod) -> None:
        """Find out whether ``pod`` accepts connections; no request is sent, no policy's turn is used up."""
        connection = await self._open(pod)
        if isinstance(connection, UpstreamConnection):
            connection.discard()

    async def close(self) -> None:
        """Cancel what still runs."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connect(self, pod: Pod, waiter: ConnectionWaiter) -> None:
        connection = await self._open(pod)
        if isinstance(connection, UpstreamConnection):
            waiter.connected(connection)
        else:
            waiter.connect_failed(connection)

    async def _open(self, pod: Pod) -> UpstreamConnection | ConnectFailure:
        """A new connection, or why there is none; the pod is up or down from then on."""
        upstream, seconds = pod.upstream, self._limits.connect
        try:
            async with asyncio.timeout(seconds):
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: _Protocol(pod), upstream.host, upstream.port
                )
        except (OSError, TimeoutError) as error:
            failure = connect_failure(error, seconds)
            self._pods.mark_down(pod, failure.reason)
            if pod not in self._probing and not pod.retired:
                self._probing.add(pod)
                self._spawn(self._probe_until_up(pod))
            return failure
        self._pods.mark_up(pod)
        return connection

    async def _probe_until_up(self, pod: Pod) -> None:
        try:
            while not pod.up and not pod.retired:
                await asyncio.sleep(self._limits.probe)
                await self.probe(pod)
        finally:
            self._probing.discard(pod)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
