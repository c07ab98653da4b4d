"""The gates of benchmarks/noise.py in a process of their own, and the way to ask it."""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import gc
import json
import signal
import subprocess
import sys
import traceback
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psutil

from devenv.core.model.events import RedisCommand
from devenv.wire.gate.rules import Rule
from devenv.wire.gate.server import Gate

PATIENCE = 30.0
"""Seconds until what should end has hung."""
KINDS = ("redis", "noisy", "cluster", "closed")
POD = "captcha-api-a"
CAPACITY = 500


class Failed(Exception):
    """What must hold does not."""


def demand(holds: bool, why: str) -> None:
    """As ``assert``, also under ``python -O``."""
    if not holds:
        raise Failed(why)


class GateProcess:
    """The gates in their process: ports by what is behind them, and the questions that they answer."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.ports: dict[str, int] = {}
        self.loop = ""

    async def ask(self, **question: Any) -> dict[str, Any]:
        """One question, one answer; a gate that does not answer hangs, and its stacks are printed."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(question).encode() + b"\n")
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), PATIENCE)
        except TimeoutError:
            if sys.platform != "win32":
                self._process.send_signal(signal.SIGUSR1)
                await asyncio.sleep(1)
            raise Failed("the gate's loop does not answer any more") from None
        demand(bool(line), "the gate's process has ended")
        answer: dict[str, Any] = json.loads(line)
        return answer


@asynccontextmanager
async def gate_process(upstreams: Sequence[int], loop: str) -> AsyncIterator[GateProcess]:
    """The gates before these upstreams, by ``KINDS``, in one process that ends with the block."""
    command = [sys.executable, "-m", "benchmarks.noise_gate", loop, *map(str, upstreams)]
    process = await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    gates = GateProcess(process)
    try:
        first = await gates.ask()
        gates.ports, gates.loop = first["ports"], first["loop"]
        yield gates
    finally:
        assert process.stdin is not None
        process.stdin.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), PATIENCE)
        if process.returncode is None:
            process.kill()
            await process.wait()


async def serve(loop_name: str, upstreams: Sequence[int]) -> None:
    """Be the gates: answer each line on stdin, which may set rules, by a line of counts, until stdin ends."""
    loop = asyncio.get_running_loop()
    problems: list[str] = []

    def report(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        trace = traceback.format_exception(error) if error is not None else ()
        problems.append(f"{context['message']}: {''.join(trace)}")

    loop.set_exception_handler(report)
    traced: dict[str, int] = dict.fromkeys(KINDS, 0)
    gates: dict[str, Gate] = {}
    ports: dict[str, int] = {}
    for kind, upstream in zip(KINDS, upstreams, strict=True):

        def count(batch: Sequence[RedisCommand], kind: str = kind) -> None:
            traced[kind] += len({command.seq for command in batch})

        gates[kind] = Gate("127.0.0.1", upstream, capacity=CAPACITY, sink=count, cluster=kind == "cluster")
        ports[kind] = await gates[kind].listen(POD)
    me = psutil.Process()
    while line := await asyncio.to_thread(sys.stdin.readline):
        question = json.loads(line)
        if question.get("collect"):
            gc.collect()
        if (rules := question.get("rules")) is not None:
            for gate in gates.values():
                gate.populate([Rule.from_json(rule) for rule in rules])
        for gate in gates.values():
            gate.flush()
        numbers = {kind: gate.status() for kind, gate in gates.items()}
        answer = {
            "loop": loop_name,
            "ports": ports,
            "links": sum(int(pod["open"]) for status in numbers.values() for pod in status["pods"]),
            "held": sum(len(gate.holds.current()) for gate in gates.values()),
            "commands": sum(int(status["commands"]) for status in numbers.values()),
            "untraced": sum(int(status["commands"]) - traced[kind] for kind, status in numbers.items()),
            "problems": problems + [str(s["trace_error"]) for s in numbers.values() if s["trace_error"]],
            "tasks": len(asyncio.all_tasks()),
            "refused": {
                kind: sum(pod["refused"] for pod in status["pods"]) for kind, status in numbers.items()
            },
            "descriptors": _descriptors(me)
            - sum(len(pod.get("nodes", ())) for pod in numbers["cluster"]["pods"]),
            "rss": me.memory_info().rss,
            "objects": len(gc.get_objects()) if question.get("collect") else 0,
        }
        print(json.dumps(answer), flush=True)
    for gate in gates.values():
        await gate.close()


def _descriptors(process: psutil.Process) -> int:
    """Open files and sockets; on Windows there are handles only, and they come and go with threads."""
    return process.num_fds() if sys.platform != "win32" else 0


def serve_on(loop_name: str, upstreams: Sequence[int]) -> None:
    """As ``serve``, on the loop with this name."""
    faulthandler.enable()
    if sys.platform != "win32":
        faulthandler.register(signal.SIGUSR1)
    if loop_name == "uvloop":
        import uvloop

        uvloop.run(serve(loop_name, upstreams))
    else:
        asyncio.run(serve(loop_name, upstreams))


if __name__ == "__main__":
    serve_on(sys.argv[1], [int(port) for port in sys.argv[2:]])
