"""The processes of an embedded stack: Redis, mock ML service and pods; started, watched, restarted, ended."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol

from devenv.core.model.topology import (
    BalancerStatus,
    Endpoints,
    PodStatus,
    Ports,
    RedisMode,
    SettingChanges,
    StackSpec,
    StackStatus,
)
from devenv.stack import environment
from devenv.stack.embedded import readiness, redis_server
from devenv.stack.embedded.child import Child
from devenv.stack.embedded.readiness import READY_SECONDS
from devenv.stack.embedded.redis_servers import REDIS, RedisServers
from devenv.stack.embedded.warm_client import WarmProcess
from devenv.stack.files import private_folder
from devenv.stack.own_service import OwnService
from devenv.stack.pod_files.pod_copy import NoCopy
from devenv.stack.pod_files.pod_folders import PodFolders
from devenv.stack.ports import LOOPBACK, Reservation
from devenv.stack.protocol import Progress
from devenv.stack.redis_access import make_credentials
from devenv.stack.waiting import comes_true_async

_WORKER_STARTED = "Application startup complete"
"""What uvicorn logs for each worker process."""
ML = "mock-ml"
PROXY = "proxy"
POD_APP = "devenv.captcha_api.app:app"
ML_APP = "mock_ml.app:app"


class PodRouting(Protocol):
    """Who sends requests to the pods, and lets them reach Redis."""

    def check(self, pods: Sequence[str], policy: str | None) -> None:
        """Raise UsageProblem where requests cannot be routed to exactly these pods by this policy."""

    async def open(self, addresses: Mapping[str, tuple[str, int]]) -> dict[str, int]:
        """Let these pods reach Redis, each through a port of its own: pod → port; empty: directly."""

    async def route(self, pods: Sequence[str], policy: str | None) -> None:
        """Send requests to exactly these pods from now on."""

    async def close(self, pods: Sequence[str]) -> None:
        """These pods have ended: nothing is kept open for them."""


class PodWatcher(Protocol):
    """Who is told of pods that come and go."""

    def pod_stops(self, name: str) -> None:
        """It is about to be ended, or has ended."""

    async def pod_started(self, name: str) -> None:
        """It is ready."""


class Processes:
    """Runs the parts of one embedded stack, on the running event loop.

    Constructing checks and reserves every port of the stack (``ports`` has them, without zeros) and finds a
    Redis server; it starts nothing. The process that serves ``ports.traffic`` and ``ports.control`` calls
    ``hand_over("traffic")`` just before binding. The pods connect to ``redis_ports[pod]`` where given (a
    gate), else to Redis itself. Our own service's pods and the mock ML service are forks of ``warm`` where it
    is given, and ``stop`` lets that end. Calls that change something run one at a time.
    Raises ``EnvironmentProblem`` for a taken port and for a machine without a Redis server.
    """

    def __init__(
        self,
        spec: StackSpec,
        state_dir: Path,
        *,
        redis_ports: Mapping[str, int] | None = None,
        warm: WarmProcess | None = None,
    ) -> None:
        self._warm = warm
        self.spec = spec
        self._own = (
            OwnService(spec.service, spec.workers, spec.pod_names) if spec.service is not None else None
        )
        self.engine = redis_server.find()
        if spec.redis_mode is RedisMode.TLS:
            redis_server.must_speak_tls(self.engine)
        self._reservation = Reservation(spec.ports, spec.pods if spec.gate else 0)
        self.ports: Ports = self._reservation.ports
        self._redis_ports: dict[str, int] = dict(redis_ports or {})
        self._secret = secrets.token_hex(16)
        self._run = state_dir.resolve() / "run"
        self._logs = state_dir.resolve() / "logs"
        # An empty folder, so that no service finds a .env in its working directory.
        self._cwd = self._run / "cwd"
        for directory in (self._logs, self._run, self._cwd):
            private_folder(directory)
        self._folders = PodFolders(self._run)
        self.credentials = make_credentials(spec.redis_mode, self._run / "credentials")
        self._redis = RedisServers(
            spec.redis_mode, self.engine, self._reservation, self._run / REDIS, self._child, self.credentials
        )
        self._children = {name: self._child(name) for name in (ML, *spec.pod_names)}
        self._starting: dict[str, bool] = {}
        self._watcher: PodWatcher | None = None
        self._routing: PodRouting | None = None
        self._balancer: Callable[[], BalancerStatus | None] = lambda: None
        self._lock = asyncio.Lock()

    def _child(self, name: str) -> Child:
        own_pod = self._own is not None and name in self.spec.pod_names
        warm = None if own_pod else self._warm
        return Child(name, self._logs / f"{name}.log", self._run / f"{name}.pid", warm)

    # -- addresses ---------------------------------------------------------------------------------------

    def hand_over(self, name: str) -> int:
        """Release the reserved ``traffic``, ``control`` or ``proxy`` port for the caller to bind; its number.

        ``proxy`` is the proxy's own port, where a balancer has that of the traffic.
        """
        if name == PROXY:
            self._reservation.add(PROXY)
        return self._reservation.hand_over(name)

    def use_redis_ports(self, redis_ports: Mapping[str, int]) -> None:
        """Let the pods, from their next start on, reach Redis through these ports (by pod name)."""
        self._redis_ports.update(redis_ports)

    def watch_pods(self, watcher: PodWatcher) -> None:
        """Tell ``watcher`` of every pod that ends or is started from now on."""
        self._watcher = watcher
        for pod in self.spec.pod_names:
            self._children[pod].on_end = partial(watcher.pod_stops, pod)

    def route_by(self, routing: PodRouting) -> None:
        """``routing`` is told when pods are added and removed; without it they cannot be."""
        self._routing = routing

    async def changed_front(self, change: Callable[[], Awaitable[str]]) -> None:
        """Run ``change``, which gives the balancer in front as it then is ("": none), while nothing else is
        changed."""
        async with self._lock:
            self.spec = replace(self.spec, balancer=await change())

    def show_balancer(self, status: Callable[[], BalancerStatus | None]) -> None:
        """``status`` is what the balancer in front is to be shown as."""
        self._balancer = status

    @property
    def pod_addresses(self) -> dict[str, tuple[str, int]]:
        """Where each pod listens: name → (host, port); known before they are started."""
        return {pod: (LOOPBACK, self._reservation.add(pod)) for pod in self.spec.pod_names}

    @property
    def endpoints(self) -> Endpoints:
        """Where the parts are reached from this machine."""
        ports = self.ports
        return Endpoints(
            traffic=f"http://{LOOPBACK}:{ports.traffic}",
            proxy=f"http://{LOOPBACK}:{self._reservation.add(PROXY)}" if self.spec.balancer else "",
            control=f"http://{LOOPBACK}:{ports.control}",
            ml=self._ml_url,
            redis_host=LOOPBACK,
            redis_port=ports.redis,
            redis_nodes=self._redis.nodes,
            redis_access=self.credentials.file,
            redis_replica=self._redis.replica,
            pods={pod: f"http://{host}:{port}" for pod, (host, port) in self.pod_addresses.items()},
        )

    @property
    def _ml_url(self) -> str:
        return f"http://{LOOPBACK}:{self.ports.ml}"

    # -- life --------------------------------------------------------------------------------------------

    async def start(self, progress: Progress) -> None:
        """Start everything side by side and return when all of it is ready.

        Raises ``EnvironmentProblem`` with the last log lines of a part that ends at start or does not get
        ready in ``READY_SECONDS``; nothing is left running then.
        """
        async with self._lock:
            try:
                # Redis first, as pods with USE_REDIS=true ask for it in their readiness.
                await self._redis.start()
                await _together(
                    self._settle_redis(progress),
                    self._start_ml(progress),
                    *(self._start_pod(p, progress) for p in self.spec.pod_names),
                )
            except BaseException:
                await self._stop_all()
                raise

    async def stop(self) -> None:
        """End all processes and give the ports back; idempotent."""
        async with self._lock:
            await self._stop_all()
            self._reservation.close()
            if self._warm is not None:
                self._warm.close()

    async def _stop_all(self) -> None:
        await asyncio.gather(self._redis.stop(), *(child.stop() for child in self._children.values()))
        shutil.rmtree(self._run / "credentials", ignore_errors=True)
        self._folders.remove()

    async def restart_pods(self, settings: Mapping[str, SettingChanges], progress: Progress) -> None:
        """Restart the named pods side by side with these variables over their present ones.

        Raises ``UsageProblem`` for an unknown pod and ``EnvironmentProblem`` for one that ends at start; that
        pod stays stopped, with its new settings.
        """
        async with self._lock:
            self.spec = environment.with_settings(self.spec, settings)
            names = environment.by_full_name(self.spec, settings)
            await asyncio.gather(*(self._stop_pod(pod) for pod in names))
            await _together(*(self._start_pod(pod, progress) for pod in names))

    async def set_pods(
        self,
        pods: Sequence[str],
        settings: Mapping[str, SettingChanges],
        policy: str | None,
        progress: Progress,
    ) -> None:
        """As ``Stack.set_pods``."""
        async with self._lock:
            routing, before = self._routing, self.spec
            assert routing is not None
            after = environment.with_pods(before, pods, settings)
            routing.check(after.pod_names, policy)
            added = [pod for pod in after.pod_names if pod not in before.pod_names]
            removed = [pod for pod in before.pod_names if pod not in after.pod_names]
            self.spec = environment.with_pods(before, [*before.pod_names, *added], settings)
            try:
                await self._add_pods(added, routing, progress)
                await routing.route(after.pod_names, policy)
            except BaseException:
                await self._end_pods(added, routing)
                self.spec = before
                raise
            await self._end_pods(removed, routing)
            self.spec = after
            for pod in removed:
                progress(f"{pod} removed")

    async def _add_pods(self, pods: Sequence[str], routing: PodRouting, progress: Progress) -> None:
        for pod in pods:
            if pod not in self._children:
                self._children[pod] = self._child(pod)
            if self._watcher is not None:
                self._children[pod].on_end = partial(self._watcher.pod_stops, pod)
        addresses = {pod: (LOOPBACK, self._reservation.add(pod)) for pod in pods}
        self._redis_ports.update(await routing.open(addresses))
        await _together(*(self._start_pod(pod, progress) for pod in pods))

    async def _end_pods(self, pods: Sequence[str], routing: PodRouting) -> None:
        await asyncio.gather(*(self._stop_pod(pod) for pod in pods))
        await routing.close(pods)

    async def _stop_pod(self, pod: str) -> None:
        if self._watcher is not None:
            self._watcher.pod_stops(pod)
        await self._children[pod].stop()

    async def crash_pod(self, pod: str) -> None:
        """Kill a pod (SIGKILL: what it was doing is lost), start it anew as it was, and wait for it.

        Raises as ``restart_pods``.
        """
        async with self._lock:
            await self._children[pod].kill()
            await self._start_pod(pod, lambda line: None)

    @property
    def serving_pids(self) -> tuple[int, ...]:
        """The process ids of all parts that work for a request."""
        pids = (child.pid for child in self._children.values())
        return tuple(pid for pid in pids if pid is not None)

    async def redis(self, action: str) -> None:
        """``pause`` (SIGSTOP), ``resume``, ``stop`` (SIGKILL, data lost) or ``start`` Redis, and wait for it.

        Of a cluster, all nodes. What is already so is no error. Raises ``UsageProblem`` where the action
        makes no sense now.
        """
        async with self._lock:
            await self._redis.act(action)

    # -- what is there -----------------------------------------------------------------------------------

    @property
    def redis_state(self) -> str:
        """running, paused or stopped."""
        return self._redis.state

    def status(self, chooser: str | None = None) -> StackStatus:
        """What is running now; ``chooser`` is the present policy or balancer, where not that of the spec."""
        pods = tuple(self._pod_status(pod) for pod in self.spec.pod_names)
        spec = environment.public_spec(self.spec.chosen_by(chooser or self.spec.chooser))
        return StackStatus(
            backend="embedded",
            spec=spec,
            endpoints=self.endpoints,
            pods=pods,
            redis_engine=self.engine.name,
            redis_version=self.engine.version,
            redis_state=self.redis_state,
            balancer=self._balancer(),
        )

    def _pod_status(self, pod: str) -> PodStatus:
        child = self._children[pod]
        state = "stopped" if not child.running else "starting" if self._starting.get(pod) else "running"
        if state == "running" and child.paused:
            state = "paused"
        host, port = self.pod_addresses[pod]
        settings = self._shown(pod)
        return PodStatus(name=pod, state=state, settings=settings, pid=child.pid, address=f"{host}:{port}")

    def _shown(self, pod: str) -> dict[str, str]:
        if self._own is not None:
            return self._own.settings(self.spec, pod, self._settings(pod))
        return environment.public(self._settings(pod))

    # -- starting one part -------------------------------------------------------------------------------

    def _settings(self, pod: str) -> dict[str, str]:
        return environment.pod_settings(
            self.spec,
            pod,
            redis_host=LOOPBACK,
            redis_port=self._redis_ports.get(pod, self.ports.redis),
            ml_url=self._ml_url,
            asset_url=self._ml_url,
            secret=self._secret,
            credentials={**self.credentials.pod_variables(), **self._replica_variables()},
        )

    def _replica_variables(self) -> dict[str, str]:
        """For services that read from a replica; ours does not."""
        host, _, port = self._redis.replica.partition(":")
        return {"REDIS_REPLICA_HOST": host, "REDIS_REPLICA_PORT": port}

    async def _settle_redis(self, progress: Progress) -> None:
        await self._redis.settle()
        what = f"cluster of {len(self._redis.nodes)} nodes, first " if self._redis.nodes else ""
        progress(f"redis ready ({self.engine.name} {self.engine.version}, {what}port {self.ports.redis})")

    async def _start_ml(self, progress: Progress) -> None:
        child = self._children[ML]
        env = {**environment.essentials(), **environment.ml_settings(self.spec.seed)}
        port = self._reservation.hand_over("ml")
        await child.start(_server(ML_APP, port), env, self._cwd)

        async def healthy() -> bool:
            return await readiness.http_status(port, "/health") == 200

        await readiness.ready(child, healthy)
        progress(f"{ML} ready (port {port})")

    async def _start_pod(self, pod: str, progress: Progress) -> None:
        child, port = self._children[pod], self._reservation.add(pod)
        settings, paths = self._settings(pod), readiness.READY_PATHS
        folders = self._folders.fresh(pod)
        if self._own is not None:
            paths = self._own.service.ready or paths
            command, env, cwd = await self._own_program(self._own, pod, folders, progress)
        else:
            command = _server(POD_APP, port, self.spec.workers)
            env, cwd = {**environment.essentials(), **folders, **settings}, self._cwd
        self._starting[pod] = True
        self._reservation.hand_over(pod)
        try:
            await child.start(command, env, cwd)
            probe = readiness.PodProbe(port, paths)
            full = await readiness.ready(child, probe, None if self._own is None else port)
            await self._all_workers(child)
        finally:
            self._starting[pod] = False
        if self._watcher is not None:
            await self._watcher.pod_started(pod)
        progress(f"{pod} ready" if full else f"{pod} is up, but not ready: {probe.last_answer}")

    async def _own_program(
        self, service: OwnService, pod: str, folders: Mapping[str, str], progress: Progress
    ) -> tuple[list[str], dict[str, str], Path]:
        """The command, the environment and the folder of a user-provided service's pod."""
        port, first = self._reservation.add(pod), pod == self.spec.pod_names[0]
        command = service.command(port, self.spec.workers, pod)
        env = service.environment(self.spec, pod, self._settings(pod), port, folders)
        for line in service.replaced(env) if first else ():
            progress(line)
        if service.service.shared_folder:
            return command, env, service.directory
        try:
            copy = await asyncio.to_thread(self._folders.copy, pod, service.directory)
        except NoCopy as reason:
            if first:
                progress(f"all pods run in {service.directory}, and share what they write there: {reason}")
            return command, env, service.directory
        return copy.command(command), copy.environment(env), copy.folder

    async def _all_workers(self, child: Child) -> None:
        """Wait until each worker process has started: the first to do so answers for all of them."""
        workers = self.spec.workers
        if workers == 1 or (self._own is not None and self._own.service.app is None):
            return  # what the workers of a program that is not an ASGI app log is not known

        def started() -> bool:
            return child.count_in_log(_WORKER_STARTED) >= workers or not child.running

        await comes_true_async(started, READY_SECONDS)


def _server(app: str, port: int, workers: int = 1) -> list[str]:
    """The command that serves ``app``. The processes of several workers are uvicorn's own business."""
    address = ["--host", LOOPBACK, "--port", str(port)]
    if workers == 1:
        return [sys.executable, "-m", "devenv.stack.embedded.pod_server", app, *address]
    return [sys.executable, "-m", "uvicorn", app, *address, "--no-access-log", "--workers", str(workers)]


async def _together(*jobs: Awaitable[None]) -> None:
    """Run all; at the first failure cancel the others, wait for them and raise it alone."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
