"""What the gate costs: redis-py's GET and SET through it against the same without it, in interleaved rounds.

Needs redis-server on PATH. The gate runs in a process of its own, on uvloop where there is one, and
records; with ``--trace`` it also writes every command to a file. Holds (exit 0) where the median over the
rounds of the difference between the p50s at 1 connection is at most ``--most-us``, and that of the ratio of
the throughputs at many connections at least ``--least-ratio``; exit 1 otherwise. Client, gate and Redis need
two cores between them: where it does not hold and other processes took more than ``MOST_OTHERS`` of a core
meanwhile, nothing is shown either way (exit 3).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import psutil
import redis

from devenv.core.model.events import RedisCommand
from devenv.wire.gate import Gate

MOST_OTHERS = 0.2
"""Of a core: what other processes may use for the result to count as a failure."""
VALUE = b'{"type":"abstract","attempts":0,"is_positive":[true,false,true]}'


@contextmanager
def redis_server(folder: Path) -> Iterator[int]:
    """A Redis without persistence; gives its port."""
    program = shutil.which("redis-server")
    if program is None:
        sys.exit("benchmarks/gate.py needs redis-server on PATH (Debian: apt-get install redis-server)")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = subprocess.Popen(
        [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)],
        stdout=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 10
        while not _answers(port):
            if time.monotonic() > deadline:
                sys.exit("redis-server does not answer")
            time.sleep(0.02)
        yield port
    finally:
        server.terminate()
        server.wait()


def _answers(port: int) -> bool:
    try:
        with redis.Redis(port=port) as client:
            return bool(client.ping())
    except redis.ConnectionError:
        return False


@contextmanager
def gate_process(upstream: int, trace: Path | None) -> Iterator[tuple[int, str]]:
    """A gate in a process of its own; gives its port and the name of its event loop."""
    command = [sys.executable, __file__, "--serve", str(upstream), *([str(trace)] if trace else [])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        port, loop = process.stdout.readline().split()
        yield int(port), loop
        process.stdin.close()


def serve(upstream: int, trace: Path | None) -> None:
    """Be the gate until stdin ends."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(_serve(upstream, trace, "asyncio"))
    else:
        uvloop.run(_serve(upstream, trace, "uvloop"))


async def _serve(upstream: int, trace: Path | None, loop: str) -> None:
    encode = json.JSONEncoder(ensure_ascii=False).encode
    with trace.open("w", encoding="utf-8") if trace else nullcontext() as out:

        def write(batch: Sequence[RedisCommand]) -> None:
            if out is not None:
                out.writelines(encode(command.to_json()) + "\n" for command in batch)

        gate = Gate("127.0.0.1", upstream, sink=write if out is not None else None)
        print(await gate.listen("captcha-api-a"), loop, flush=True)
        await asyncio.to_thread(sys.stdin.read)
        await gate.close()


def p50_us(port: int, pairs: int) -> float:
    """The median time of a command in microseconds: ``pairs`` SETs and GETs over one connection."""
    client = redis.Redis(port=port, socket_timeout=10)
    client.ping()
    took: list[float] = []
    for number in range(pairs):
        key = f"bench:{number % 100}"
        before = time.perf_counter()
        client.set(key, VALUE)
        between = time.perf_counter()
        client.get(key)
        took += [between - before, time.perf_counter() - between]
    client.close()
    return statistics.median(took) * 1e6


def commands_per_second(port: int, connections: int, seconds: float) -> float:
    """SETs and GETs by so many threads of this process, each with a connection, as the threads of a pod."""
    counts = [0] * connections
    begin, end = threading.Barrier(connections + 1), threading.Event()

    def work(me: int) -> None:
        client = redis.Redis(port=port, socket_timeout=10, single_connection_client=True)
        begin.wait()
        while not end.is_set():
            client.set(f"bench:{me}", VALUE)
            client.get(f"bench:{me}")
            counts[me] += 2
        client.close()

    threads = [threading.Thread(target=work, args=(me,)) for me in range(connections)]
    for thread in threads:
        thread.start()
    begin.wait()
    started = time.perf_counter()
    time.sleep(seconds)
    done = sum(counts)
    took = time.perf_counter() - started
    end.set()
    for thread in threads:
        thread.join()
    return done / took


class Others:
    """How much of a core processes use that are not this one or its children."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._busy, self._ours = self._now()

    def share(self) -> float:
        """Since the beginning, in cores."""
        busy, ours = self._now()
        others = (busy - self._busy) - (ours - self._ours)
        return max(0.0, others / (time.monotonic() - self._started))

    @staticmethod
    def _now() -> tuple[float, float]:
        times = psutil.cpu_times()
        busy = sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0)
        me = psutil.Process()
        ours = sum(p.cpu_times().user + p.cpu_times().system for p in (me, *me.children(recursive=True)))
        return busy, ours


def measure(rounds: int, pairs: int, connections: int, seconds: float, trace: bool) -> dict[str, Any]:
    """All rounds; which of both goes first changes from round to round."""
    p50: dict[str, list[float]] = {"direct": [], "gate": []}
    rate: dict[str, list[float]] = {"direct": [], "gate": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "trace.jsonl" if trace else None
        with redis_server(folder) as direct, gate_process(direct, file) as (gate, loop):
            ports = {"direct": direct, "gate": gate}
            for port in ports.values():
                p50_us(port, 200)  # warm
            others = Others()
            for number in range(rounds):
                order = list(ports) if number % 2 == 0 else list(reversed(ports))
                for which in order:
                    p50[which].append(p50_us(ports[which], pairs))
                for which in order:
                    rate[which].append(commands_per_second(ports[which], connections, seconds))
                print(
                    f"round {number + 1}: p50 {p50['direct'][-1]:.0f} / {p50['gate'][-1]:.0f} µs,"
                    f" {rate['direct'][-1]:.0f} / {rate['gate'][-1]:.0f} commands/s (direct / gate)",
                    file=sys.stderr,
                )
            used_by_others = others.share()
    more = [gate - direct for direct, gate in zip(p50["direct"], p50["gate"], strict=True)]
    ratios = [gate / direct for direct, gate in zip(rate["direct"], rate["gate"], strict=True)]
    return {
        "loop": loop,
        "redis_py": redis.__version__,
        "trace": trace,
        "rounds": rounds,
        "p50_us": {which: round(statistics.median(values), 1) for which, values in p50.items()},
        "p50_more_us": round(statistics.median(more), 1),
        "connections": connections,
        "commands_per_second": {which: round(statistics.median(values)) for which, values in rate.items()},
        "throughput_ratio": round(statistics.median(ratios), 3),
        "cores_used_by_others": round(used_by_others, 2),
    }


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description="What the gate costs, against the same without it.")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--pairs", type=int, default=500, help="of SET and GET at 1 connection, per round")
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=0.8, help="at many connections, per round")
    parser.add_argument("--most-us", type=float, default=100.0)
    parser.add_argument("--least-ratio", type=float, default=0.8)
    parser.add_argument("--trace", action="store_true", help="write every command to a file as well")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args()
    result = measure(options.rounds, options.pairs, options.connections, options.seconds, options.trace)
    holds = result["p50_more_us"] <= options.most_us and result["throughput_ratio"] >= options.least_ratio
    disturbed = not holds and result["cores_used_by_others"] > MOST_OTHERS
    result["verdict"] = "holds" if holds else "inconclusive" if disturbed else "fails"
    code = {"holds": 0, "fails": 1, "inconclusive": 3}[result["verdict"]]
    if options.json:
        print(json.dumps(result))
        return code
    p50, rate = result["p50_us"], result["commands_per_second"]
    print(
        f"1 connection, p50: {p50['direct']} µs directly, {p50['gate']} µs through the gate:"
        f" {result['p50_more_us']} more (at most {options.most_us:g})\n"
        f"{options.connections} connections: {rate['direct']} commands/s directly, {rate['gate']} through the"
        f" gate: {result['throughput_ratio']:.0%} (at least {options.least_ratio:.0%})\n"
        f"{result['loop']}, redis-py {result['redis_py']}, trace file {'on' if options.trace else 'off'},"
        f" other processes used {result['cores_used_by_others']} cores: {result['verdict']}"
    )
    return code


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(int(sys.argv[2]), Path(sys.argv[3]) if len(sys.argv) > 3 else None)
        sys.exit(0)
    sys.exit(main())
