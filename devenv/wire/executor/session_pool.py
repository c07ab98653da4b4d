"""Runs of sessions' requests, one after the other: each has all pods for itself."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from devenv.core.model.errors import DevenvError, EnvironmentProblem, Inconclusive
from devenv.wire.executor.job_context import Released
from devenv.wire.executor.pod_client import PodClient
from devenv.wire.executor.pod_control import PodControl
from devenv.wire.executor.pool import TRIES, WAIT_SECONDS
from devenv.wire.executor.session_jobs import SessionJob, SessionRun
from devenv.wire.executor.session_run import SessionRunner
from devenv.wire.gate.server import Gate


class SessionPool:
    """``pods`` maps a pod's name to its address."""

    def __init__(
        self,
        gate: Gate,
        pods: Mapping[str, tuple[str, int]],
        pod_control: PodControl,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self._gate = gate
        self._pods = pods
        self._control = pod_control
        self._wait = wait_seconds
        self._lock = asyncio.Lock()

    async def run(self, jobs: Sequence[SessionJob]) -> list[SessionRun | DevenvError]:
        """Each job's result, or why there is none; the first error ends the batch."""
        async with self._lock:
            clients = {name: PodClient(*address) for name, address in self._pods.items()}
            results: list[SessionRun | DevenvError] = []
            try:
                for job in jobs:
                    try:
                        results.append(await self._run(job, clients))
                    except DevenvError as error:
                        results.append(error)
                        break
            finally:
                for client in clients.values():
                    client.close()
            return results

    async def _run(self, job: SessionJob, clients: dict[str, PodClient]) -> SessionRun:
        unknown = [call.pod for call in job.calls if call.pod not in clients]
        if unknown:
            raise EnvironmentProblem(f"there is no pod {unknown[0]!r}; there are {', '.join(clients)}")
        for _ in range(TRIES):
            try:
                return await SessionRunner(
                    self._gate, clients, self._control.quiescence, self._wait, job
                ).run()
            except Released:
                continue
        raise Inconclusive(
            f"a pod gave up waiting for a held command, {TRIES} times",
            hint="the machine is too busy, or the time-out of the service's Redis client is short",
        )
