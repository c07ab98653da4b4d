"""Proxy and control API in one asyncio process; what the compose stack's ``proxy`` container runs.

``python -m devenv.lab.edge`` is set up by its environment: DEVENV_PODS ("name=host:port,…"), DEVENV_POLICY,
DEVENV_LISTEN (address; default 127.0.0.1), DEVENV_TRAFFIC_PORT, DEVENV_CONTROL_PORT, DEVENV_SEED.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from fastapi import APIRouter

from devenv.core.errors import DevenvError, EnvironmentProblem, UsageProblem
from devenv.lab.control import ControlServer, control_app
from devenv.proxy import Proxy, Upstream
from devenv.proxy import control as proxy_control


class Edge:
    """What stands around the pods: the proxy in front and the control API beside it."""

    def __init__(self, upstreams: Sequence[Upstream], policy: str, seed: int) -> None:
        self.proxy = Proxy(upstreams, policy, seed=seed)
        self._control: ControlServer | None = None
        self.traffic_port = 0
        self.control_port = 0

    async def start(
        self, host: str, traffic_port: int, control_port: int, more: Sequence[APIRouter] = ()
    ) -> None:
        """Listen on both ports (0: any free one); EnvironmentProblem where one is taken."""
        self.traffic_port = await _listening(self.proxy.start, host, traffic_port, "traffic")
        self._control = ControlServer(control_app([proxy_control.router(self.proxy), *more]))
        self.control_port = await _listening(self._control.start, host, control_port, "control")

    async def close(self) -> None:
        """End both; requests under way are given a moment."""
        await self.proxy.close()
        if self._control is not None:
            await self._control.close()


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
    found = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, address = part.partition("=")
        host, _, port = address.rpartition(":")
        if not (name and host and port.isdecimal()):
            raise UsageProblem(f"DEVENV_PODS: {part!r} is not name=host:port")
        found.append(Upstream(name, host, int(port)))
    if not found:
        raise UsageProblem("DEVENV_PODS names no pod", hint="DEVENV_PODS=captcha-api-a=captcha-api-a:8000,…")
    return found


def _integer(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name) or str(default)
    if not text.isdecimal():
        raise UsageProblem(f"{name}={text!r} is not a whole number")
    return int(text)


async def _main(environ: Mapping[str, str]) -> None:
    edge = Edge(
        _upstreams(environ.get("DEVENV_PODS", "")),
        environ.get("DEVENV_POLICY") or "round-robin",
        _integer(environ, "DEVENV_SEED", 1),
    )
    stop = asyncio.Event()
    stop_on_signals(stop.set)
    await edge.start(
        environ.get("DEVENV_LISTEN") or "127.0.0.1",
        _integer(environ, "DEVENV_TRAFFIC_PORT", 8080),
        _integer(environ, "DEVENV_CONTROL_PORT", 8081),
    )
    print(f"proxy on {edge.traffic_port}, control API on {edge.control_port}", flush=True)  # noqa: T201
    await stop.wait()
    await edge.close()


def main() -> int:
    """Run until SIGINT or SIGTERM; gives the exit code."""
    try:
        run(_main(os.environ))
    except DevenvError as error:
        print(f"error: {error.message}" + (f"\nhint: {error.hint}" if error.hint else ""), file=sys.stderr)  # noqa: T201
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
