"""Proxy, gate and control API in one asyncio process; what the compose stack's ``proxy`` container runs.

``python -m devenv.dashboard.edge`` is set up by its environment: DEVENV_PODS ("name=host:port,…"),
DEVENV_POLICY, DEVENV_LISTEN (address; default 127.0.0.1), DEVENV_TRAFFIC_PORT, DEVENV_CONTROL_PORT,
DEVENV_SEED. With DEVENV_REDIS ("host:port") the gate stands before that Redis: the pods reach it through
the ports from DEVENV_GATE_PORT on (6391), one each, in the order of their names. DEVENV_REDIS_MODE says how
it stands ("cluster": it is a node of one). In DEVENV_REDIS_CREDENTIALS, a folder, what Redis "tls" and "acl"
needs is made before anything listens: certificates for the DEVENV_REDIS_NAMES ("redis,proxy"), their
authority also in DEVENV_REDIS_TRUST, or users with DEVENV_REDIS_PASSWORD. DEVENV_SESSION_CARRIER: the
header that carries the session's id, where the service has one. DEVENV_BALANCER: the load balancer in front,
which chooses among the ports of the pods, from DEVENV_POD_PORT on (9001), in the order of their names.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import APIRouter

from devenv.core.model.errors import DevenvError, EnvironmentProblem, UsageProblem
from devenv.core.model.topology import RedisMode
from devenv.core.model.vocabulary import pod_place
from devenv.stack import certificates
from devenv.stack.certificates import Certificates
from devenv.stack.redis_access import ACCESS_FILE, make_credentials
from devenv.wire.control import notes, stream
from devenv.wire.control.server import ControlServer, control_app
from devenv.wire.executor import routes as exploring_control
from devenv.wire.executor.pod_control import NO_POD_CONTROL, PodControl
from devenv.wire.gate import control as gate_control
from devenv.wire.gate.server import Gate, Tls
from devenv.wire.proxy import Proxy, Upstream
from devenv.wire.proxy import control as proxy_control
from devenv.wire.proxy.control import BalancerInFront


class Edge:
    """What stands around the pods: the proxy in front, the gate behind, and the control API beside them.

    ``redis`` is the address that the gate stands before; None leaves it out. ``cluster``: it is a node of a
    Redis Cluster. ``tls``: it is spoken to by TLS, and so is the gate.
    """

    def __init__(
        self,
        upstreams: Sequence[Upstream],
        policy: str,
        seed: int,
        redis: tuple[str, int] | None = None,
        session_carrier: str = "",
        cluster: bool = False,
        tls: Tls | None = None,
    ) -> None:
        self.proxy = Proxy(upstreams, policy, seed=seed, session_carrier=session_carrier)
        self.gate = Gate(*redis, cluster=cluster, tls=tls) if redis is not None else None
        self._pods = {upstream.name: (upstream.host, upstream.port) for upstream in upstreams}
        self._gate_at = ("", 0)
        self._pod_ports_at: int | None = None
        self._control: ControlServer | None = None
        self.notes = notes.Notes()
        self.traffic_port = 0
        self.control_port = 0

    async def open_gate(self, host: str, first_port: int) -> dict[str, int]:
        """Listen for every pod, on ``first_port`` and those after it (0: any free ones); pod → port.

        EnvironmentProblem where one is taken. Without a gate there is nothing to open: no ports.
        """
        if self.gate is None:
            return {}
        self._gate_at = (host, first_port)
        return await self._open_gate(tuple(self._pods))

    async def _open_gate(self, pods: Sequence[str]) -> dict[str, int]:
        if self.gate is None:
            return {}
        host, first_port = self._gate_at
        return {
            pod: await _listening(partial(self.gate.listen, pod), host, port_of(pod, first_port), "gate")
            for pod in pods
        }

    @property
    def pods(self) -> dict[str, tuple[str, int]]:
        """The address of every pod that may reach Redis through the gate."""
        return dict(self._pods)

    # -- pods that are added and removed -------------------------------------------------------------------

    def check_pods(self, pods: Sequence[str], policy: str | None) -> None:
        """Raise UsageProblem where exactly these pods cannot be routed to by ``policy`` (None: as it is)."""
        self.proxy.check_policy(policy, pods)

    async def add_pods(self, addresses: Mapping[str, tuple[str, int]]) -> dict[str, int]:
        """Let these pods reach Redis: pod → its gate port. They get no requests yet. As ``open_gate``."""
        self._pods.update(addresses)
        return await self._open_gate(tuple(addresses))

    async def route_to(self, pods: Sequence[str], policy: str | None) -> dict[str, int]:
        """Send requests to exactly these pods, which were all added; each pod's port for a balancer."""
        self.proxy.set_upstreams([Upstream(pod, *self._pods[pod]) for pod in pods], policy)
        if self._pod_ports_at is None:
            return {}
        return await self.proxy.set_pod_ports({pod: port_of(pod, self._pod_ports_at) for pod in pods})

    def remove_pods(self, pods: Sequence[str]) -> None:
        """These pods have ended, and get no requests any more."""
        for pod in pods:
            self._pods.pop(pod, None)
            if self.gate is not None:
                self.gate.forget(pod)

    async def start(
        self,
        host: str,
        traffic_port: int,
        control_port: int,
        more: Sequence[APIRouter] = (),
        pod_control: PodControl = NO_POD_CONTROL,
        chooser: BalancerInFront | None = None,
    ) -> None:
        """Listen on both ports (0: any free one); EnvironmentProblem where one is taken.

        ``chooser`` takes the policies that are set, in the proxy's place.
        """
        self.traffic_port = await _listening(self.proxy.start, host, traffic_port, "traffic")
        routers = [
            proxy_control.router(self.proxy, chooser),
            stream.router(self.proxy, self._commands(), self.notes),
            notes.router(self.notes),
            *more,
        ]
        if self.gate is not None:
            routers += [
                gate_control.router(self.gate),
                exploring_control.router(self.gate, self._pods, pod_control),
            ]
        self._control = ControlServer(control_app(routers))
        self.control_port = await _listening(self._control.start, host, control_port, "control")

    async def open_pod_ports(self, host: str, first_port: int, balancer: str) -> dict[str, int]:
        """Listen for each pod, for ``balancer`` in front: pod → port. ``first_port`` 0: any free ones.

        EnvironmentProblem where a port is taken.
        """
        opened: dict[str, int] = {}
        self._pod_ports_at = first_port
        wished = {pod: port_of(pod, first_port) for pod in self._pods}

        async def listen(host: str, port: int) -> int:
            opened.update(await self.proxy.open_pod_ports(host, wished, balancer))
            return port

        await _listening(listen, host, first_port, "pod")
        return opened

    async def close_pod_ports(self) -> None:
        """The balancer has ended: the pods' ports are closed, and the proxy chooses."""
        self._pod_ports_at = None
        await self.proxy.close_pod_ports()

    def _commands(self) -> stream.CommandSource | None:
        gate = self.gate
        if gate is None:
            return None
        return stream.CommandSource(lambda: gate.recorder.last, gate.commands, gate.holds.current)

    async def close(self) -> None:
        """End all; requests under way are given a moment."""
        await self.proxy.close()
        if self.gate is not None:
            await self.gate.close()
        if self._control is not None:
            await self._control.close()


def port_of(pod: str, first_port: int) -> int:
    """The port of a pod among those from ``first_port`` on, by the place of its name; 0: any free one."""
    return first_port + pod_place(pod) if first_port else 0


def tls_with(made: Certificates | None) -> Tls | None:
    """How the gate speaks to pods and to Redis where both have this certificate; None: without TLS."""
    return None if made is None else Tls(made.server_context(), made.client_context())


async def _listening(
    start: Callable[[str, int], Coroutine[Any, Any, int]], host: str, port: int, what: str
) -> int:
    try:
        return await start(host, port)
    except OSError as error:
        raise EnvironmentProblem(
            f"the {what} port {port} cannot be opened: {error.strerror or error}",
            hint=f"choose another with DEVENV_{what.upper()}_PORT",
        ) from error


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run ``main`` on uvloop where there is one (not on Windows), else on asyncio's own loop."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(main)
    else:
        uvloop.run(main)


def stop_on_signals(stop: Callable[[], None]) -> None:
    """Call ``stop`` in the running loop on SIGINT and SIGTERM (Windows: also SIGBREAK)."""
    loop = asyncio.get_running_loop()
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is not None:
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))


def _upstreams(text: str) -> list[Upstream]:
    upstreams = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, address = part.partition("=")
        place = _address(address)
        if not name or place is None:
            raise UsageProblem(f"DEVENV_PODS: {part!r} is not name=host:port")
        upstreams.append(Upstream(name, *place))
    if not upstreams:
        raise UsageProblem("DEVENV_PODS names no pod", hint="DEVENV_PODS=captcha-api-a=captcha-api-a:8000,…")
    return upstreams


def _redis(text: str) -> tuple[str, int] | None:
    place = _address(text)
    if text and place is None:
        raise UsageProblem(f"DEVENV_REDIS: {text!r} is not host:port")
    return place


def _address(text: str) -> tuple[str, int] | None:
    host, _, port = text.rpartition(":")
    return (host, int(port)) if host and port.isdecimal() else None


def _integer(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name) or str(default)
    if not text.isdecimal():
        raise UsageProblem(f"{name}={text!r} is not a whole number")
    return int(text)


def _mode(text: str) -> RedisMode:
    try:
        return RedisMode(text or RedisMode.STANDALONE)
    except ValueError as error:
        raise UsageProblem(f"DEVENV_REDIS_MODE={text!r} is none of {', '.join(RedisMode)}") from error


def _credentials(mode: RedisMode, environ: Mapping[str, str]) -> Certificates | None:
    """Make what is not there yet: a proxy that comes again must fit the Redis that went on."""
    if not (folder := environ.get("DEVENV_REDIS_CREDENTIALS")):
        return None
    directory = Path(folder)
    if not (directory / ACCESS_FILE).exists():
        names = [name for name in environ.get("DEVENV_REDIS_NAMES", "").split(",") if name]
        password = environ.get("DEVENV_REDIS_PASSWORD", "")
        make_credentials(mode, directory, (*certificates.NAMES, *names), password)
    if mode is not RedisMode.TLS:
        return None
    made = Certificates.of(directory)
    if trust := environ.get("DEVENV_REDIS_TRUST"):
        shutil.copyfile(made.ca, Path(trust) / made.ca.name)
    return made


Parts = Callable[[Edge, Mapping[str, str]], Sequence[APIRouter]]
"""Further parts of the control API, made for an edge and the environment that it is set up by."""


def no_parts(_edge: Edge, _environ: Mapping[str, str]) -> Sequence[APIRouter]:
    """The control API of proxy and gate alone."""
    return ()


async def _main(environ: Mapping[str, str], parts: Parts) -> None:
    mode = _mode(environ.get("DEVENV_REDIS_MODE", ""))
    edge = Edge(
        _upstreams(environ.get("DEVENV_PODS", "")),
        environ.get("DEVENV_POLICY") or "round-robin",
        _integer(environ, "DEVENV_SEED", 1),
        _redis(environ.get("DEVENV_REDIS", "")),
        environ.get("DEVENV_SESSION_CARRIER", ""),
        mode is RedisMode.CLUSTER,
        tls_with(_credentials(mode, environ)),
    )
    stop = asyncio.Event()
    stop_on_signals(stop.set)
    host = environ.get("DEVENV_LISTEN") or "127.0.0.1"
    await edge.open_gate(host, _integer(environ, "DEVENV_GATE_PORT", 6391))
    await edge.start(
        host,
        _integer(environ, "DEVENV_TRAFFIC_PORT", 8080),
        _integer(environ, "DEVENV_CONTROL_PORT", 8081),
        parts(edge, environ),
    )
    if balancer := environ.get("DEVENV_BALANCER", ""):
        await edge.open_pod_ports(host, _integer(environ, "DEVENV_POD_PORT", 9001), balancer)
    print(f"proxy on {edge.traffic_port}, control API on {edge.control_port}", flush=True)  # noqa: T201
    await stop.wait()
    await edge.close()


def main(parts: Parts = no_parts) -> int:
    """Run until SIGINT or SIGTERM, with ``parts`` in the control API; gives the exit code."""
    try:
        run(_main(os.environ, parts))
    except DevenvError as error:
        print(f"error: {error.message}" + (f"\nhint: {error.hint}" if error.hint else ""), file=sys.stderr)  # noqa: T201
        return error.exit_code
    return 0
