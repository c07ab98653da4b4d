"""The load balancer in front of an embedded stack: it connects to the pods' ports, and so chooses."""

from __future__ import annotations

import asyncio
from pathlib import Path

from devenv.core.balancers import OWN_FILE, PRODUCTS, BalancerSetting, Server, parse_balancer
from devenv.core.model.errors import DevenvError, UsageProblem
from devenv.core.model.topology import BalancerStatus
from devenv.stack.balancers import Program, RunningBalancer, find
from devenv.wire.proxy import Proxy

HOST = "127.0.0.1"


class Front:
    """One balancer; ``start`` it once all pods listen. Calls that change it run one at a time."""

    def __init__(self, text: str, state_dir: Path, own_text: str = "") -> None:
        """``own_text``: a team's configuration file, which is taken over.

        Raises UsageProblem for a wrong setting, EnvironmentProblem where there is no such program.
        """
        self._setting = parse_balancer(text)
        self._own_text = own_text
        self._program: Program = find(self._setting.product)
        self._folder = state_dir / "run" / "balancer"
        self._log = state_dir / "logs" / f"{self._setting.product}.log"
        self._running: RunningBalancer | None = None
        self._servers: list[Server] = []
        self._proxy: Proxy | None = None
        self._port = 0
        self._problem = ""
        self._watching: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()

    @property
    def policies(self) -> list[str]:
        """What ``set_policy`` takes, without options."""
        product = self._setting.product
        return [f"{product}:{policy}" for policy in PRODUCTS[product].policies]

    async def start(self, proxy: Proxy, pods: list[str], port: int) -> None:
        """Have ``proxy`` open the pods' ports, and start the balancer on ``port`` in front of them.

        Raises EnvironmentProblem where it does not start, with its own words.
        """
        self._proxy, self._port = proxy, port
        ports = await proxy.open_pod_ports(HOST, dict.fromkeys(pods, 0), self._setting.text)
        self._servers = [Server(pod, HOST, pod_port) for pod, pod_port in ports.items()]
        async with self._lock:
            await self._begin(self._setting)

    async def set_policy(self, text: str) -> None:
        """Start it anew with another policy or other options; sessions and pods stay.

        Raises UsageProblem for a wrong setting or another product; where it does not start with the setting,
        it runs with the one before again, and EnvironmentProblem has its own words.
        """
        setting = parse_balancer(text)
        if setting.product != self._setting.product:
            raise UsageProblem(
                f"{self._setting.product} runs in front of the pods, not {setting.product}",
                hint=f"devenv down, then devenv up --balancer {setting.text}",
            )
        async with self._lock:
            await self._end()
            try:
                await self._begin(setting)
            except DevenvError:
                await self._begin(self._setting)
                raise

    def status(self) -> BalancerStatus:
        """What runs now."""
        running = self._running
        return BalancerStatus(
            setting=self._setting.text,
            version=self._program.version,
            state="running" if running is not None and running.running else "stopped",
            program=str(self._program.path),
            pid=running.pid if running is not None else None,
            problem=self._problem,
        )

    async def stop(self) -> None:
        """End it; idempotent."""
        async with self._lock:
            await self._end()

    async def _begin(self, setting: BalancerSetting) -> None:
        own_text = self._own_text if setting.policy == OWN_FILE else ""
        running = RunningBalancer(setting, self._folder, self._program, self._log, own_text)
        await running.start(self._servers, self._port)
        self._running, self._setting, self._problem = running, setting, ""
        assert self._proxy is not None
        self._proxy.balanced_by(setting.text)
        self._watching = asyncio.create_task(self._watch(running))

    async def _end(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None
        if self._running is not None:
            await self._running.stop()

    async def _watch(self, running: RunningBalancer) -> None:
        self._problem = await running.ended()
