"""The load balancer in front of an embedded stack: it connects to the pods' ports, and so chooses."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path

from devenv.core.balancers import OWN_FILE, PRODUCTS, BalancerSetting, Server, parse_balancer
from devenv.core.balancers.own_file import OwnFile, own_file
from devenv.core.model.errors import DevenvError, UsageProblem
from devenv.core.model.topology import BalancerStatus, StackSpec
from devenv.stack.balancers import Program, RunningBalancer, find
from devenv.wire.proxy import Proxy

HOST = "127.0.0.1"


class Front:
    """One balancer; ``start`` it once all pods listen. Calls that change it run one at a time."""

    def __init__(self, text: str, state_dir: Path, team_file: OwnFile | None = None) -> None:
        """``team_file``: a team's configuration file, which is taken over.

        Raises UsageProblem for a wrong setting, EnvironmentProblem where there is no such program.
        """
        self._setting = parse_balancer(text)
        self._own = team_file
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
    def product(self) -> str:
        """nginx, haproxy, envoy, traefik or caddy."""
        return self._setting.product

    @property
    def has_own_file(self) -> bool:
        """Whether it takes over a team's configuration file."""
        return self._own is not None

    def choose(self, text: str) -> None:
        """The setting to start with, of the same product. Raises UsageProblem for a wrong one."""
        self._setting = parse_balancer(text)

    @property
    def pods(self) -> tuple[str, ...]:
        """The pods that it chooses among."""
        return tuple(server.name for server in self._servers)

    async def start(self, proxy: Proxy, pod_ports: Mapping[str, int], port: int) -> None:
        """Start the balancer on ``port`` in front of the ports that ``proxy`` has opened for the pods.

        Raises EnvironmentProblem where it does not start, with its own words.
        """
        self._proxy, self._port = proxy, port
        self._servers = _servers(pod_ports)
        async with self._lock:
            await self._begin(self._setting)

    def check_pods(self) -> None:
        """Raise UsageProblem where the pods cannot be others while it runs."""
        if self._setting.policy == OWN_FILE:
            raise UsageProblem(
                f"{self._setting.product} runs with a configuration file of your own, which says how many "
                "servers there are",
                hint="devenv down; then devenv up --balancer-config FILE with other servers in the file",
            )

    async def set_servers(self, ports: Mapping[str, int]) -> None:
        """Have it choose among exactly these pods, by their ports.

        Raises as ``set_policy``; it chooses among those of before then.
        """
        before = self._servers
        async with self._lock:
            self._servers = _servers(ports)
            await self._end()
            try:
                await self._begin(self._setting)
            except DevenvError:
                self._servers = before
                await self._begin(self._setting)
                raise

    async def set_policy(self, text: str) -> None:
        """Start it anew with another policy or other options; sessions and pods stay.

        ``text`` names the same product. Raises UsageProblem for a wrong setting; where it does not start with
        the setting, it runs with the one before again, and EnvironmentProblem has its own words.
        """
        setting = parse_balancer(text)
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
        """End it, and remove its files, but for those of one that did not start; idempotent."""
        async with self._lock:
            await self._end()
            if self._running is not None:
                await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def _begin(self, setting: BalancerSetting) -> None:
        team_file = self._own if setting.policy == OWN_FILE else None
        running = RunningBalancer(setting, self._folder, self._program, self._log, team_file)
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


def front_of(spec: StackSpec, state_dir: Path) -> Front | None:
    """The balancer that ``spec`` asks for, with the team's own file where it has one; None: no balancer.

    Raises as ``Front``.
    """
    if not spec.balancer:
        return None
    team_file = None
    if spec.balancer_config:
        product = parse_balancer(spec.balancer).product
        team_file = own_file(spec.balancer_file or PRODUCTS[product].file, spec.balancer_config, product)
    return Front(spec.balancer, state_dir, team_file)


def _servers(ports: Mapping[str, int]) -> list[Server]:
    return [Server(pod, HOST, port) for pod, port in sorted(ports.items())]
