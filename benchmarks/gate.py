"""What the gate costs: redis-py's GET and SET through it against the same without it, in interleaved rounds.

    python benchmarks/gate.py [--against FOLDER] [--no-peers] [--trace] [--rounds N] [--json]

Needs redis-server on PATH. The gate runs in a process of its own, on uvloop where there is one, and
records; with ``--trace`` it also writes every command to a file. Beside it, in the same rounds: haproxy and
nginx as TCP proxies where they are installed, a bare relay (two uvloop protocols that only pass bytes on: the
least that Python can do), and with ``--against`` the gate of another checkout, which has a .venv of its own.
Shown are the times, the CPU of each per command, and the commands that failed.

Holds (exit 0) where the median over the rounds of the difference between the p50s at 1 connection is at most
``--most-us``, that of the ratio of the throughputs at many connections at least ``--least-ratio``, and no
command through the gate failed; exit 1 otherwise. Client, gate and Redis need two cores between them: where
it does not hold and other processes took more than ``MOST_OTHERS`` of a core meanwhile, nothing is shown
either way (exit 3).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any, cast

import psutil
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.proxy_targets import free_port, process
from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.events import RedisCommand
from devenv.stack.balancers import programs
from devenv.wire.gate.server import Gate

MOST_OTHERS = 0.2
"""Of a core: what other processes may use for the result to count as a failure."""
NO_RETRY = Retry(NoBackoff(), 0)
"""A command that fails is counted, not sent again."""
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


@dataclass
class Target:
    """Something to send commands to: its port, its process (none for Redis itself), what was measured."""

    name: str
    port: int
    process: psutil.Process | None = None
    p50_us: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    """CPU microseconds of its process for a command, at many connections."""
    errors: int = 0

    def cpu_seconds(self) -> float:
        """CPU time of its processes so far."""
        if self.process is None:
            return 0.0
        family = [self.process, *self.process.children(recursive=True)]
        return float(sum(one.cpu_times().user + one.cpu_times().system for one in family))


@contextmanager
def served(name: str, python: Path, script: Path, words: Sequence[str]) -> Iterator[Target]:
    """A gate or relay in a process of its own, which prints its port and ends when its input does."""
    command = [str(python), str(script), *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        port = int(process.stdout.readline().split()[0])
        yield Target(name, port, psutil.Process(process.pid))
        process.stdin.close()


HAPROXY = """
global
  nbthread 1
defaults
  mode tcp
  timeout connect 2s
  timeout client 60s
  timeout server 60s
listen redis
  bind 127.0.0.1:{port}
  server redis 127.0.0.1:{upstream}
"""
NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx-error.log warn;
events {{ worker_connections 1024; }}
stream {{ server {{ listen 127.0.0.1:{port}; proxy_pass 127.0.0.1:{upstream}; tcp_nodelay on; }} }}
"""


def peers(upstream: int, folder: Path, stack: ExitStack) -> Iterator[Target]:
    """haproxy and nginx in front of Redis, so far as they are installed and can relay TCP."""
    for name, template, words in (("haproxy", HAPROXY, ["-f"]), ("nginx", NGINX, ["-p", str(folder), "-c"])):
        program = _relaying(name)
        if program is None:
            print(f"{name} is left out: it is not installed, or has no stream module", file=sys.stderr)
            continue
        port = free_port()
        config = folder / f"{name}.conf"
        config.write_text(template.format(port=port, upstream=upstream, folder=folder), encoding="utf-8")
        log = folder / f"{name}.log"
        child = stack.enter_context(process([str(program), *words, str(config)], log, port))
        yield Target(name, port, child)


def _relaying(product: str) -> Path | None:
    """The program that is installed, or the wheel's; of nginx one that has the stream module built in."""
    for environ in (os.environ, {programs.override_of(product): programs.WHEEL}):
        with suppress(EnvironmentProblem):
            path = programs.find(product, environ).path
            built = subprocess.run([str(path), "-V"], capture_output=True, text=True, check=False)
            if product != "nginx" or "--with-stream" in built.stderr.split():
                return path
    return None


class _Relay(asyncio.Protocol):
    """One end of a bare relay: passes on what it gets, and nothing else."""

    def __init__(self, other: _Relay | None = None, upstream: int = 0) -> None:
        self.other = other
        self.transport: asyncio.Transport | None = None
        self._upstream = upstream
        self._early = b""
        self._connecting: asyncio.Task[Any] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        if self.other is not None:
            self.transport.write(self.other._early)
            self.other.other = self
            return
        loop = asyncio.get_running_loop()
        ends = loop.create_connection(lambda: _Relay(self), "127.0.0.1", self._upstream)
        self._connecting = loop.create_task(ends)

    def data_received(self, data: bytes) -> None:
        if self.other is None or self.other.transport is None:
            self._early += data
        else:
            self.other.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()


async def _relay(upstream: int) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: _Relay(upstream=upstream), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


def run_here(main: Callable[[str], Coroutine[Any, Any, None]]) -> None:
    """Run what serves until stdin ends; it is told its event loop's name."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(main("asyncio"))
    else:
        uvloop.run(main("uvloop"))


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


def p50_us(target: Target, pairs: int) -> None:
    """The median time of a command in microseconds: ``pairs`` SETs and GETs over one connection."""
    client = redis.Redis(port=target.port, socket_timeout=10, retry=NO_RETRY)
    took: list[float] = []
    for number in range(pairs):
        key = f"bench:{number % 100}"
        try:
            before = time.perf_counter()
            client.set(key, VALUE)
            between = time.perf_counter()
            client.get(key)
        except redis.RedisError:
            target.errors += 1
        else:
            took += [between - before, time.perf_counter() - between]
    client.close()
    target.p50_us.append(statistics.median(took) * 1e6 if took else inf)


def commands_per_second(target: Target, connections: int, seconds: float) -> None:
    """SETs and GETs by this many threads of this process, each with a connection, as the threads of a pod."""
    counts, failed = [0] * connections, [0] * connections
    begin, end = threading.Barrier(connections + 1), threading.Event()

    def work(me: int) -> None:
        client = redis.Redis(
            port=target.port, socket_timeout=10, single_connection_client=True, retry=NO_RETRY
        )
        begin.wait()
        while not end.is_set():
            try:
                client.set(f"bench:{me}", VALUE)
                client.get(f"bench:{me}")
                counts[me] += 2
            except redis.RedisError:
                failed[me] += 1
        client.close()

    threads = [threading.Thread(target=work, args=(me,)) for me in range(connections)]
    for thread in threads:
        thread.start()
    begin.wait()
    started, cpu = time.perf_counter(), target.cpu_seconds()
    time.sleep(seconds)
    done, used = sum(counts), target.cpu_seconds() - cpu
    took = time.perf_counter() - started
    end.set()
    for thread in threads:
        thread.join()
    target.rate.append(done / took)
    target.cpu_us.append(used / max(1, done) * 1e6)
    target.errors += sum(failed)


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


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All rounds; which of the targets goes first changes from round to round."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        direct = stack.enter_context(redis_server(folder))
        script, python = Path(__file__).resolve(), Path(sys.executable)
        trace = [str(folder / "trace.jsonl")] if options.trace else []
        starts = [("gate", python, script, ["--serve", str(direct), *trace])]
        if options.peers:
            starts.append(("relay", python, script, ["--relay", str(direct)]))
        if options.against is not None:
            other = options.against.resolve()
            words = ["--serve", str(direct), *trace]
            starts.append(("other", other / ".venv/bin/python", other / "benchmarks/gate.py", words))
        targets = [Target("direct", direct)]
        targets += [stack.enter_context(served(*start)) for start in starts]
        if options.peers:
            targets += peers(direct, folder, stack)
        for target in targets:
            p50_us(Target("warm", target.port), 200)
        others = Others()
        for number in range(options.rounds):
            first = number % len(targets)
            order = targets[first:] + targets[:first]
            for target in order:
                p50_us(target, options.pairs)
            for target in order:
                commands_per_second(target, options.connections, options.seconds)
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
        return judged(targets, options, others.share())


def judged(targets: Sequence[Target], options: argparse.Namespace, used_by_others: float) -> dict[str, Any]:
    """Medians over the rounds, and of the rounds' differences and ratios."""
    direct, gate = targets[0], targets[1]
    more = [mine - plain for plain, mine in zip(direct.p50_us, gate.p50_us, strict=True)]
    rows = {}
    for target in targets:
        ratios = [mine / plain for plain, mine in zip(direct.rate, target.rate, strict=True)]
        cpu = [mine / max(1e-9, theirs) for mine, theirs in zip(gate.cpu_us, target.cpu_us, strict=True)]
        rows[target.name] = {
            "p50_us": round(statistics.median(target.p50_us), 1),
            "commands_per_second": round(statistics.median(target.rate)),
            "of_direct": round(statistics.median(ratios), 3),
            "cpu_us": round(statistics.median(target.cpu_us), 1),
            "gate_cpu_over_it": round(statistics.median(cpu), 3) if target.process is not None else None,
            "errors": target.errors,
        }
    result = {
        "redis_py": redis.__version__,
        "trace": options.trace,
        "rounds": options.rounds,
        "connections": options.connections,
        "targets": rows,
        "p50_more_us": round(statistics.median(more), 1),
        "throughput_ratio": rows["gate"]["of_direct"],
        "cores_used_by_others": round(used_by_others, 2),
    }
    fast = result["p50_more_us"] <= options.most_us and result["throughput_ratio"] >= options.least_ratio
    if gate.errors == 0 and fast:
        return {**result, "verdict": "holds"}
    disturbed = gate.errors == 0 and used_by_others > MOST_OTHERS
    return {**result, "verdict": "inconclusive" if disturbed else "fails"}


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
    parser.add_argument(
        "--against", type=Path, metavar="FOLDER", help="the gate of another checkout beside it"
    )
    parser.add_argument(
        "--no-peers", dest="peers", action="store_false", help="without haproxy, nginx, relay"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args()
    result = measure(options)
    code = {"holds": 0, "fails": 1, "inconclusive": 3}[result["verdict"]]
    if options.json:
        print(json.dumps(result))
        return code
    print(f"{'':<9}{'p50 µs':>9}{'commands/s':>12}{'of direct':>11}{'CPU µs':>9}{'gate/it':>9}{'errors':>8}")
    for name, row in result["targets"].items():
        share = "" if row["gate_cpu_over_it"] is None else f"{row['gate_cpu_over_it']:.2f}"
        print(
            f"{name:<9}{row['p50_us']:>9}{row['commands_per_second']:>12}{row['of_direct']:>11.0%}"
            f"{row['cpu_us']:>9}{share:>9}{row['errors']:>8}"
        )
    print(
        f"1 connection: {result['p50_more_us']} µs more (at most {options.most_us:g}); {options.connections}"
        f" connections: {result['throughput_ratio']:.0%} of direct (at least {options.least_ratio:.0%});"
        f" other processes used {result['cores_used_by_others']} cores: {result['verdict']}"
    )
    return code


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        upstream, trace = int(sys.argv[2]), Path(sys.argv[3]) if len(sys.argv) > 3 else None
        run_here(lambda loop: _serve(upstream, trace, loop))
        sys.exit(0)
    if sys.argv[1:2] == ["--relay"]:
        run_here(lambda loop: _relay(int(sys.argv[2])))
        sys.exit(0)
    sys.exit(main())
