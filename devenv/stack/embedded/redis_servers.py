"""The Redis of an embedded stack: one server, or the nodes of a cluster; started, paused and ended as one."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import psutil

from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.topology import RedisMode
from devenv.stack import environment
from devenv.stack.embedded import readiness, redis_cluster, redis_server
from devenv.stack.embedded.child import Child
from devenv.stack.ports import LOOPBACK, Reservation
from devenv.stack.redis_access import Credentials
from devenv.stack.waiting import comes_true_async

REDIS = "redis"
REPLICA = "redis-replica"
_CLUSTER = (REDIS, "redis-2", "redis-3", "redis-4")
"""Three masters, and a replica for scenarios in which a master fails."""


class RedisServers:
    """Runs the servers that ``mode`` asks for, on the running event loop.

    ``directory`` is theirs: removed at the end. The first listens on the reserved port "redis".
    ``credentials``: how clients connect to them.
    """

    def __init__(
        self,
        mode: RedisMode,
        engine: redis_server.Engine,
        reservation: Reservation,
        directory: Path,
        child: Callable[[str], Child],
        credentials: Credentials,
    ) -> None:
        self.engine = engine
        self._credentials = credentials
        self.cluster = mode is RedisMode.CLUSTER
        self.replicated = mode is RedisMode.REPLICA
        names = _CLUSTER if self.cluster else (REDIS, REPLICA) if self.replicated else (REDIS,)
        self.children = {name: child(name) for name in names}
        self._directory = directory
        self._reservation = reservation
        self._state = "stopped"
        self._nodes: tuple[redis_cluster.Node, ...] = ()
        if self.replicated:
            reservation.add(REPLICA)
        if self.cluster:
            self._nodes = tuple(
                redis_cluster.Node(LOOPBACK, reservation.add(name), reservation.add(f"{name} bus"))
                for name in names
            )

    @property
    def state(self) -> str:
        """running, paused or stopped."""
        return self._state if all(child.running for child in self.children.values()) else "stopped"

    @property
    def nodes(self) -> tuple[str, ...]:
        """host:port of every node of a cluster, the first server's first; empty without one."""
        return tuple(map(str, self._nodes))

    @property
    def replica(self) -> str:
        """host:port of the replica; "" without one."""
        return f"{LOOPBACK}:{self._reservation.add(REPLICA)}" if self.replicated else ""

    async def start(self) -> None:
        """Start them and wait until they answer; a cluster serves only after ``settle``."""
        await asyncio.gather(*(self._start(number, name) for number, name in enumerate(self.children)))
        if self.cluster:
            await asyncio.to_thread(redis_cluster.form, self._nodes)
        self._state = "running"

    async def settle(self) -> None:
        """Wait until a cluster serves: 2 s after its start, so let others start meanwhile; or a replica."""
        if self.cluster:
            await asyncio.to_thread(redis_cluster.wait_until_it_serves, self._nodes)
        if self.replicated:
            await readiness.ready(self.children[REPLICA], self._follows)

    async def act(self, action: str) -> None:
        """``pause`` (SIGSTOP), ``resume``, ``stop`` (SIGKILL, data lost) or ``start`` all, and wait for it.

        What is already so is no error. Raises ``UsageProblem`` where the action makes no sense now.
        """
        if not redis_server.must_act(action, self.state):
            return
        if action == "stop":
            await asyncio.gather(*(child.kill() for child in self.children.values()))
            self._state = "stopped"
        elif action == "start":
            # Where one node of several had ended, the rest must not be in the way.
            await asyncio.gather(*(child.kill() for child in self.children.values() if child.running))
            await self.start()
            await self.settle()
        elif action == "pause":
            for child in self.children.values():
                _process(child).suspend()
            for child in self.children.values():
                await _until_stopped(child)
            self._state = "paused"
        else:
            for child in self.children.values():
                _process(child).resume()
            for name, child in self.children.items():
                await readiness.ready(child, self._answers(name))
            await self.settle()
            self._state = "running"

    async def stop(self) -> None:
        """End all, and remove what they wrote; idempotent."""
        await asyncio.gather(*(child.stop() for child in self.children.values()))
        self._state = "stopped"
        shutil.rmtree(self._directory, ignore_errors=True)

    async def _start(self, number: int, name: str) -> None:
        child = self.children[name]
        directory = self._directory / name if len(self.children) > 1 else self._directory
        directory.mkdir(parents=True, exist_ok=True)
        port = self._reservation.hand_over(name)
        options = self._credentials.server_options(port)
        if self.cluster:
            redis_cluster.write_config(self._nodes, number, directory, shards=self.engine.names_shards)
            options |= redis_cluster.options(self._reservation.hand_over(f"{name} bus"))
        if self.replicated:  # by default a master waits 5 s for more replicas before it serves the first
            options["--repl-diskless-sync-delay"] = "0"
        if name == REPLICA:
            options["--replicaof"] = f"{LOOPBACK} {self._reservation.add(REDIS)}"
        command = self.engine.command(port, directory, options)
        await child.start(command, environment.essentials(), directory)
        await readiness.ready(child, self._answers(name))

    async def _follows(self) -> bool:
        return await readiness.redis_follows(self._reservation.add(REPLICA))

    def _answers(self, name: str) -> readiness.Probe:
        port, its = self._reservation.add(name), self._credentials.certificates
        tls = its.client_context() if its is not None else None

        async def answers() -> bool:
            return await readiness.redis_answers(port, tls=tls)

        return answers


def _process(child: Child) -> psutil.Process:
    pid = child.pid
    if pid is None:
        raise EnvironmentProblem(f"{child.name} has ended", hint=f"its log is {child.log}")
    return psutil.Process(pid)


async def _until_stopped(child: Child) -> None:
    def stopped() -> bool:
        return _process(child).status() == psutil.STATUS_STOPPED

    if not await comes_true_async(stopped, readiness.READY_SECONDS, every=0.002):
        raise EnvironmentProblem(f"{child.name} did not pause in {readiness.READY_SECONDS:g} s")
