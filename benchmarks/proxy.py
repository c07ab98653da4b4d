"""Our proxy beside nginx and haproxy, in one run, on the same two pods.

    python benchmarks/proxy.py [--quick] [--json] [--only trivial|pods] [--rounds N] [--seconds S]
                               [--against FOLDER]

With --against our proxy is compared with that of another checkout (which has a .venv of its own) instead of
nginx and haproxy.

Everything is started here on free ports and ended afterwards. Rounds are interleaved and begin with another
target each time. A ratio compares the medians over all rounds: one lucky or disturbed round decides nothing.
The best rounds are shown beside them, and the CPU time of a proxy's processes per request. Requests that
failed are counted in the target's row, and the connection goes on or is made again; ours must have none.
Exit: 0 the required ratios hold, 1 one does not, 4 something is missing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import psutil

CONNECTIONS = (1, 32)
REQUIRED = {"pods": 0.95, "trivial": 0.7}
"""Our requests per second over each rival's, at 32 connections."""
AIMED = {"pods": 1.0, "trivial": 0.9}
NOT_SLOWER = 0.95
"""Our requests per second over those of another checkout; the rest is noise."""
RIVALS = ("nginx", "haproxy")
READY_SECONDS = 20.0
PODS = ("captcha-api-a", "captcha-api-b")

GET_REQUEST = b"GET /trivial HTTP/1.1\r\nHost: bench\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n"
_BODY = json.dumps({"challenge_id": "0" * 32, "selections": [0, 1]}).encode()
VERIFY_REQUEST = (
    b"POST /api/abstract-verify HTTP/1.1\r\nHost: bench\r\nUser-Agent: bench\r\nAccept: */*\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
) % (len(_BODY), _BODY)
"""A verify of an unknown challenge: one script call to Redis, then "Challenge not found"."""


def _run(main: Any) -> Any:
    """Run a coroutine on uvloop where there is one, as the product does."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)


# -- the load generator (role "load")

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)


PAUSE_SECONDS = 0.01
"""Before a connection that was closed is made again."""


class _Load(asyncio.Protocol):
    """One connection to ``port``: sends the request, waits for the whole answer, again.

    An answer other than 200 is counted in ``errors``, and so is a connection that ends, which is made again.
    """

    def __init__(
        self, port: int, request: bytes, samples: list[tuple[float, float]], errors: list[str]
    ) -> None:
        self._port = port
        self._request = request
        self._samples = samples
        self._errors = errors
        self._buffer = b""
        self._sent = 0.0
        self._transport: Any = None
        self._connecting: asyncio.Task[None] | None = None
        self._over = False

    async def connect(self) -> None:
        """Connect, or try again in a moment."""
        while not self._over:
            try:
                await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", self._port)
                return
            except OSError as error:
                self._errors.append(f"no connection: {error}")
                await asyncio.sleep(PAUSE_SECONDS)

    def end(self) -> None:
        """Send no more."""
        self._over = True
        if self._transport is not None:
            self._transport.abort()
        if self._connecting is not None:
            self._connecting.cancel()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self._buffer = transport, b""
        self._send()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
        end = data.find(b"\r\n\r\n")
        length = _LENGTH.search(data, 0, end) if end > 0 else None
        if length is None or len(data) < end + 4 + int(length[1]):
            self._buffer = data
            return
        self._buffer = b""
        now = time.perf_counter()
        if data.startswith(b"HTTP/1.1 200"):
            self._samples.append((now, now - self._sent))
        else:
            self._errors.append(data[:200].decode("latin-1"))
        if not self._transport.is_closing():
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._over:
            self._errors.append(f"connection lost: {exc}")
            self._connecting = asyncio.get_running_loop().create_task(self._again())

    async def _again(self) -> None:
        await asyncio.sleep(PAUSE_SECONDS)
        await self.connect()


async def _load(ports: Sequence[int], connections: int, seconds: float, request: bytes) -> dict[str, float]:
    """Load ``ports`` in turn with so many connections; requests per second, latencies in ms, errors."""
    samples: list[tuple[float, float]] = []
    errors: list[str] = []
    opened = [_Load(ports[i % len(ports)], request, samples, errors) for i in range(connections)]
    for connection in opened:
        await connection.connect()
    warm_up = min(0.3, seconds / 3)
    begin = time.perf_counter() + warm_up
    await asyncio.sleep(warm_up + seconds)
    end = begin + seconds
    for connection in opened:
        connection.end()
    latencies = sorted(latency for at, latency in samples if begin <= at < end)
    if not latencies:
        raise SystemExit(f"not one answer in time; {len(errors)} errors: {errors[:1]}")
    return {
        "answers": len(samples),
        "errors": len(errors),
        "rps": len(latencies) / seconds,
        "p50_ms": latencies[len(latencies) // 2] * 1000,
        "p99_ms": latencies[int(len(latencies) * 0.99)] * 1000,
    }


# -- the trivial upstream (role "trivial") and our proxy (role "ours")


class _Trivial(asyncio.Protocol):
    """Answers every bodiless request with 200 and a small JSON body."""

    ANSWER = (
        b"HTTP/1.1 200 OK\r\ndate: Thu, 01 Jan 2026 00:00:00 GMT\r\nserver: trivial\r\n"
        b'content-length: 17\r\ncontent-type: application/json\r\n\r\n{"Hello":"World"}'
    )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        import httptools

        self._transport: Any = transport
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._transport.write(self.ANSWER)


async def _serve_trivial(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Trivial, "127.0.0.1", port)
    await server.serve_forever()


async def _serve_ours(port: int, pods: Sequence[int]) -> None:
    from devenv.wire.proxy import Proxy, Upstream

    proxy = Proxy(
        [Upstream(name, "127.0.0.1", number) for name, number in zip(PODS, pods, strict=True)], "round-robin"
    )
    await proxy.start("127.0.0.1", port)
    await asyncio.Event().wait()


# -- starting and ending the parts


def free_port() -> int:
    """A TCP port on which nothing listens just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _missing(what: str, how: str) -> SystemExit:
    print(f"{what} is needed for this comparison and was not found: {how}", file=sys.stderr)
    return SystemExit(4)


def find_program(name: str) -> str:
    """Its path, also where only root's PATH has it; exit 4 where it is not installed."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        package = "redis-server" if name == "redis-server" else name
        raise _missing(name, f"apt-get install {package}")
    return found


@contextmanager
def process(
    command: Sequence[str], log: Path, port: int, env: dict[str, str] | None = None
) -> Iterator[psutil.Process]:
    """A child that listens on ``port`` within ``READY_SECONDS``; ended at the end."""
    with log.open("wb") as output:
        child = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=env
        )
    try:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if child.poll() is not None or time.monotonic() > deadline:
                text = log.read_text(encoding="utf-8", errors="replace")
                print(f"{command[0]} does not listen on {port}:\n{text[-2000:]}", file=sys.stderr)
                raise SystemExit(4)
            time.sleep(0.02)
        yield psutil.Process(child.pid)
    finally:
        child.terminate()
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _self(*words: str) -> list[str]:
    return [sys.executable, str(Path(__file__).resolve()), *words]


def start_pods(kind: str, folder: Path, stack: ExitStack) -> list[int]:
    """Two upstreams of one kind; their ports."""
    ports = [free_port(), free_port()]
    if kind == "trivial":
        for port in ports:
            words = _self("--role", "trivial", "--port", str(port))
            stack.enter_context(process(words, folder / f"{kind}-{port}.log", port))
        return ports
    redis_port = free_port()
    redis = [find_program("redis-server"), "--port", str(redis_port), "--bind", "127.0.0.1", "--save", ""]
    stack.enter_context(process([*redis, "--dir", str(folder)], folder / "redis.log", redis_port))
    for name, port in zip(PODS, ports, strict=True):
        env = {
            **os.environ,
            "POD_NAME": name,
            "USE_REDIS": "true",
            "SESSION_STRATEGY": "atomic",
            "REDIS_HOST": "127.0.0.1",
            "REDIS_PORT": str(redis_port),
            "ML_SERVICE_URL": "http://127.0.0.1:9",
        }
        command = [sys.executable, "-m", "uvicorn", "devenv.captcha_api.app:app", "--no-access-log"]
        command += ["--host", "127.0.0.1", "--port", str(port)]
        stack.enter_context(process(command, folder / f"{name}.log", port, env))
    return ports


NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx-error.log warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/temp; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  keepalive_requests 100000000;
  upstream pods {{
    server 127.0.0.1:{a} max_fails=0; server 127.0.0.1:{b} max_fails=0;
    keepalive 64; keepalive_requests 100000000;
  }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://pods; proxy_http_version 1.1;
      proxy_set_header Connection ""; proxy_set_header Host $host;
      proxy_set_header X-Request-Id $request_id;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;
    }}
  }}
}}
"""

HAPROXY = """
global
  nbthread 1
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  option http-keep-alive
  option forwardfor
  http-reuse always
frontend traffic
  bind 127.0.0.1:{port}
  http-request set-header X-Request-Id %[uuid()]
  http-request set-header X-Forwarded-Proto http
  default_backend pods
backend pods
  balance roundrobin
  server a 127.0.0.1:{a}
  server b 127.0.0.1:{b}
"""


@dataclass
class Target:
    """Something to load: where it listens, its processes (none for direct) and what was measured."""

    name: str
    ports: Sequence[int]
    process: psutil.Process | None
    rounds: list[dict[str, float]] = field(default_factory=list)

    def cpu_seconds(self) -> float:
        """CPU time of its processes so far."""
        if self.process is None:
            return 0.0
        family = [self.process, *self.process.children(recursive=True)]
        return float(sum(one.cpu_times().user + one.cpu_times().system for one in family))

    def best(self) -> float:
        """Requests per second of its best round."""
        return max(one["rps"] for one in self.rounds)

    def errors(self) -> int:
        """Requests that failed, of all rounds."""
        return int(sum(one["errors"] for one in self.rounds))

    def median_of(self, name: str) -> float:
        """The median over the rounds."""
        return round(median(one[name] for one in self.rounds), 3)


def start_builds(other: Path, pods: Sequence[int], folder: Path, stack: ExitStack) -> list[Target]:
    """Our proxy and that of the checkout ``other`` in front of the same pods."""
    checkouts = {"ours": (Path(sys.executable), Path(__file__).resolve())}
    checkouts["other"] = (other / ".venv/bin/python", other / "benchmarks/proxy.py")
    targets = []
    for name, (python, script) in checkouts.items():
        port = free_port()
        words = [str(python), str(script), "--role", "ours", "--port", str(port), "--pods", *map(str, pods)]
        child = stack.enter_context(process(words, folder / f"{name}.log", port))
        targets.append(Target(name, [port], child))
    return targets


def start_proxies(pods: Sequence[int], folder: Path, stack: ExitStack) -> list[Target]:
    """All proxies in front of the same pods."""
    values = {"folder": folder, "a": pods[0], "b": pods[1]}
    targets = [Target("direct", pods, None)]
    port = free_port()
    words = _self("--role", "ours", "--port", str(port), "--pods", *map(str, pods))
    targets.append(Target("ours", [port], stack.enter_context(process(words, folder / "ours.log", port))))
    for name, template, command in (
        ("nginx", NGINX, ["-p", str(folder), "-c"]),
        ("haproxy", HAPROXY, ["-f"]),
    ):
        port = free_port()
        config = folder / f"{name}.conf"
        config.write_text(template.format(port=port, **values), encoding="utf-8")
        words = [find_program(name), *command, str(config)]
        child = stack.enter_context(process(words, folder / f"{name}.log", port))
        targets.append(Target(name, [port], child))
    return targets


# -- measuring


def load(kind: str, target: Target, connections: int, seconds: float) -> None:
    """One round on one target, from a process of its own."""
    words = _self("--role", "load", "--kind", kind, "--seconds", str(seconds))
    words += ["--connections", str(connections), "--pods", *map(str, target.ports)]
    before = target.cpu_seconds()
    done = subprocess.run(words, capture_output=True, encoding="utf-8", check=False)
    if done.returncode != 0:
        raise SystemExit(f"{kind} through {target.name}: {done.stderr.strip()}")
    found = json.loads(done.stdout)
    found["cpu_us"] = (target.cpu_seconds() - before) / found["answers"] * 1e6
    target.rounds.append(found)


def measure(
    kind: str, rounds: int, seconds: float, folder: Path, other: Path | None = None
) -> list[dict[str, Any]]:
    """Every target at every number of connections."""
    rows: list[dict[str, Any]] = []
    rivals = RIVALS if other is None else ("other",)
    with ExitStack() as stack:
        pods = start_pods(kind, folder, stack)
        if other is None:
            targets = start_proxies(pods, folder, stack)
        else:
            targets = start_builds(other, pods, folder, stack)
        for connections in CONNECTIONS:
            for target in targets:
                target.rounds.clear()
            for number in range(rounds):
                print(f"{kind}, {connections} connections, round {number + 1}/{rounds}", file=sys.stderr)
                first = number % len(targets)
                for target in targets[first:] + targets[:first]:
                    load(kind, target, connections, seconds)
            typical = {target.name: target.median_of("rps") for target in targets}
            for target in targets:
                row: dict[str, Any] = {"upstream": kind, "connections": connections, "target": target.name}
                row["best_rps"], row["errors"] = round(target.best(), 1), target.errors()
                row |= {name: target.median_of(name) for name in ("rps", "p50_ms", "p99_ms", "cpu_us")}
                row |= {f"over_{rival}": round(typical[target.name] / typical[rival], 3) for rival in rivals}
                rows.append(row)
    return rows


def verdicts(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The required ratios against the measured ones."""
    return [
        {
            "upstream": row["upstream"],
            "rival": rival,
            "ratio": row[f"over_{rival}"],
            "required": REQUIRED[row["upstream"]],
            "aimed": AIMED[row["upstream"]],
            "holds": row[f"over_{rival}"] >= REQUIRED[row["upstream"]] and not row["errors"],
        }
        for row in rows
        if row["target"] == "ours" and row["connections"] == 32
        for rival in RIVALS
    ]


def _print(rows: Sequence[dict[str, Any]], judged: Sequence[dict[str, Any]]) -> None:
    header = f"{'upstream':<9}{'conns':>6}  {'target':<8}{'best req/s':>11}{'median':>9}{'p50 ms':>8}"
    print(f"{header}{'p99 ms':>9}{'CPU us':>8}{'/nginx':>8}{'/haproxy':>9}{'errors':>8}")
    for row in rows:
        print(
            f"{row['upstream']:<9}{row['connections']:>6}  {row['target']:<8}{row['best_rps']:>11,.0f}"
            f"{row['rps']:>9,.0f}{row['p50_ms']:>8.3f}{row['p99_ms']:>9.3f}{row['cpu_us']:>8.1f}"
            f"{row['over_nginx']:>8.2f}{row['over_haproxy']:>9.2f}{row['errors']:>8}"
        )
    for one in judged:
        word = "holds" if one["holds"] else "FAILS"
        print(
            f"{word}: {one['upstream']}, 32 connections: ours is {one['ratio']:.2f} x {one['rival']}"
            f" (required {one['required']}, aimed {one['aimed']})"
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, measure, judge."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--quick", action="store_true", help="3 rounds of 0.5 s")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--only", choices=tuple(REQUIRED))
    parser.add_argument(
        "--against", type=Path, metavar="FOLDER", help="compare with another checkout's proxy"
    )
    for hidden in ("--role", "--port", "--kind", "--connections"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    parser.add_argument("--pods", type=int, nargs="*", help=argparse.SUPPRESS)
    words = parser.parse_args(argv)
    if words.role == "trivial":
        _run(_serve_trivial(int(words.port)))
    elif words.role == "ours":
        _run(_serve_ours(int(words.port), words.pods))
    elif words.role == "load":
        request = GET_REQUEST if words.kind == "trivial" else VERIFY_REQUEST
        print(json.dumps(_run(_load(words.pods, int(words.connections), words.seconds, request))))
    else:
        return compare(words)
    return 0


def compare(words: argparse.Namespace) -> int:
    """The whole comparison; the exit code."""
    rounds = words.rounds or (3 if words.quick else 7)
    seconds = words.seconds or (0.5 if words.quick else 1.5)
    if words.against is not None:
        return compare_builds(words, rounds, seconds)
    for rival in RIVALS:
        find_program(rival)
    rows: list[dict[str, Any]] = []
    for kind in (words.only,) if words.only else REQUIRED:
        with tempfile.TemporaryDirectory(prefix="devenv-bench-") as folder:
            rows += measure(kind, rounds, seconds, Path(folder))
    judged = verdicts(rows)
    holds = all(one["holds"] for one in judged)
    if words.json:
        print(
            json.dumps({"rounds": rounds, "seconds": seconds, "rows": rows, "checks": judged, "holds": holds})
        )
    else:
        _print(rows, judged)
    return 0 if holds else 1


def compare_builds(words: argparse.Namespace, rounds: int, seconds: float) -> int:
    """Our proxy beside another checkout's: 1 where it has less than ``NOT_SLOWER`` of the other's rate."""
    other = words.against.resolve()
    if not (other / ".venv/bin/python").exists():
        raise _missing(f"{other}/.venv", "the other checkout needs an environment of its own")
    rows: list[dict[str, Any]] = []
    for kind in (words.only,) if words.only else REQUIRED:
        with tempfile.TemporaryDirectory(prefix="devenv-bench-") as folder:
            rows += measure(kind, rounds, seconds, Path(folder), other)
    ours = [row for row in rows if row["target"] == "ours"]
    holds = all(row["over_other"] >= NOT_SLOWER and not row["errors"] for row in ours)
    if words.json:
        print(json.dumps({"rounds": rounds, "seconds": seconds, "rows": rows, "holds": holds}))
    else:
        cpu = {(row["upstream"], row["connections"], row["target"]): row["cpu_us"] for row in rows}
        for row in rows:
            ratio = ""
            if row["target"] == "ours":
                theirs = cpu[row["upstream"], row["connections"], "other"]
                ratio = f", {row['over_other']:.3f} x the other; CPU {row['cpu_us'] / theirs:.3f} x"
            print(
                f"{row['upstream']:<8} {row['connections']:>3} connections  {row['target']:<6}"
                f"{row['rps']:>9,.0f} req/s median{row['cpu_us']:>8.1f} us CPU each{ratio}"
            )
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
