"""The process behind an embedded stack: proxy, gate and control API in it, Redis, mock ML and pods under it.

``python -m devenv.dashboard.supervisor --spec FILE --state-dir DIR [--detached] [--cold]``. Its events go
as JSON lines into ``DIR/supervisor.jsonl`` (see ``EmbeddedStack``). It ends, and ends everything under it, on
``POST /stack/stop``, SIGINT or SIGTERM and, unless detached, when its standard input does: that is when
its parent process has ended, in whatever way.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from fastapi import APIRouter

from devenv.core.model.errors import DevenvError, InternalFault
from devenv.core.model.topology import RedisMode, StackSpec
from devenv.core.render.visible import json_text
from devenv.stack.embedded import control as stack_control
from devenv.stack.embedded.processes import PROXY, Processes
from devenv.stack.embedded.warm_client import WarmProcess
from devenv.stack.files import problem_of_the_machine
from devenv.wire.edge.chooser import Chooser
from devenv.wire.edge.edge import Edge, run, stop_on_signals, tls_with
from devenv.wire.edge.front import front_of
from devenv.wire.executor.pod_control import PodControl
from devenv.wire.executor.quiescence import QuiescenceWatch
from devenv.wire.proxy import Upstream

HOST = "127.0.0.1"
Parts = Callable[[Path], Sequence[APIRouter]]
"""Further parts of the control API, for a stack's state directory; made in a thread while programs start."""


def no_parts(_state_dir: Path) -> Sequence[APIRouter]:
    """The control API of stack, proxy and gate alone."""
    return ()


class _Words:
    """Says things to the client through the file that it reads."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def say(self, **word: Any) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json_text(word) + "\n")

    def progress(self, text: str) -> None:
        with suppress(OSError):  # a full disk: what the stack itself cannot write ends it
            self.say(progress=text)

    def end(self, problem: DevenvError) -> int:
        """Say why it ends, as far as that can be written; gives the exit code."""
        with suppress(OSError):
            self.say(error=problem.to_json())
        return problem.exit_code


async def _supervise(
    spec: StackSpec, state_dir: Path, detached: bool, reports: _Words, warm: WarmProcess | None, parts: Parts
) -> None:
    stop = asyncio.Event()
    stop_on_signals(stop.set)
    if not detached:
        _on_end_of_input(asyncio.get_running_loop(), stop.set)
    front = front_of(spec, state_dir)
    processes = Processes(spec, state_dir, warm=warm)
    upstreams = [Upstream(pod, host, port) for pod, (host, port) in processes.pod_addresses.items()]
    edge = Edge(
        upstreams,
        spec.policy,
        spec.seed,
        (HOST, processes.ports.redis) if spec.gate else None,
        spec.profile.carrier,
        spec.redis_mode is RedisMode.CLUSTER,
        tls_with(processes.credentials.certificates),
    )
    chooser = Chooser(edge, processes, state_dir, front)
    # The gate first: its rules are in force, and it listens, before a pod says its first word to Redis.
    processes.use_redis_ports(await edge.open_gate(HOST, spec.ports.gate))
    starting = asyncio.ensure_future(processes.start(reports.progress))
    making_parts = asyncio.ensure_future(asyncio.to_thread(parts, state_dir))
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            return
        await starting
        router = stack_control.router(processes, stop.set, lambda: edge.proxy.policy)
        pod_control = PodControl(
            processes.crash_pod, QuiescenceWatch(lambda: processes.serving_pids), processes.credentials.ours
        )
        await edge.start(
            HOST,
            processes.hand_over("traffic" if front is None else PROXY),
            processes.hand_over("control"),
            [router, *await making_parts],
            pod_control,
            chooser,
        )
        reports.progress(f"proxy ready (port {edge.traffic_port}, control API {edge.control_port})")
        await chooser.start()
        if front is not None:
            reports.progress(f"{front.status().setting} ready (port {processes.ports.traffic})")
        reports.say(ready=processes.status(edge.proxy.policy).to_json())
        await stopping
    finally:
        for task in (starting, stopping):
            task.cancel()
        await asyncio.gather(starting, stopping, making_parts, return_exceptions=True)
        await chooser.stop()
        await processes.stop()
        await edge.close()


def _on_end_of_input(loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> None:
    """Call ``stop`` in the loop when standard input ends. A thread, as Windows cannot await a pipe."""

    def watch() -> None:
        # os.read, not sys.stdin: a thread inside its buffer would hold the interpreter's end up.
        while os.read(0, 4096):
            pass
        with suppress(RuntimeError):  # the loop has ended first
            loop.call_soon_threadsafe(stop)

    threading.Thread(target=watch, name="end of input", daemon=True).start()


def main(
    arguments: Sequence[str] | None = None, parts: Parts = no_parts, warm: WarmProcess | None = None
) -> int:
    """Run a stack until it is asked to stop, with ``parts`` in its control API; gives the exit code.

    ``warm``: whose forks the pods are; None starts each program by itself.
    """
    parser = argparse.ArgumentParser(prog="python -m devenv.dashboard.supervisor")
    parser.add_argument("--spec", type=Path, required=True, help="the StackSpec, as JSON")
    parser.add_argument("--state-dir", type=Path, required=True)
    parser.add_argument("--detached", action="store_true", help="do not end with standard input")
    parser.add_argument("--cold", action="store_true", help="start each program by itself, fork none")
    given = parser.parse_args(arguments)
    reports = _Words(given.state_dir / "supervisor.jsonl")
    try:
        spec = StackSpec.from_json(json.loads(given.spec.read_text(encoding="utf-8")))
        run(_supervise(spec, given.state_dir, given.detached, reports, warm, parts))
    except DevenvError as error:
        return reports.end(error)
    except Exception as error:
        if (problem := problem_of_the_machine(error)) is not None:
            return reports.end(problem)
        log = given.state_dir / "logs" / "supervisor.log"
        fault = InternalFault(
            f"{type(error).__name__}: {error}", hint=f"the traceback is in {log}; report it with it"
        )
        reports.end(fault)
        raise
    return 0
