"""nginx in front of the proxy's pod ports, beside nginx in front of the pods themselves, in one run.

    python benchmarks/balancers.py [--json] [--rounds N] [--seconds S] [--connections N] [--no-fast]

Two pods of the reference service on one Redis; the requests are verifies. Everything is started here on free
ports and ended afterwards; rounds are interleaved. The ratio compares the medians over all rounds. For each
part it says the CPU time per request: the part with the most of it in one process is the limit. The service
is the limit of both sides there, so a second measurement has pods that answer at once: two further nginx.
What it says then is the cost of the pod ports themselves.
Exit: 0 the ratio with the service is at least 0.9, 1 it is not, 4 something is missing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

from benchmarks.proxy_roles import PODS  # noqa: E402
from benchmarks.proxy_targets import Target, find_program, free_port, load, process, start_pods  # noqa: E402
from devenv.core.balancers import Server, parse_balancer  # noqa: E402
from devenv.stack.balancers import RunningBalancer  # noqa: E402
from devenv.wire.proxy import Proxy, Upstream  # noqa: E402

REQUIRED = 0.9
"""Requests per second through the pod ports over those past them."""
SETTING = "nginx:round_robin,keepalive=on,max_fails=0"


async def _serve(ports: Sequence[int], pods: Sequence[int]) -> None:
    """The role "ports": the proxy, with a port for each pod."""
    upstreams = [Upstream(name, "127.0.0.1", pod) for name, pod in zip(PODS, pods, strict=True)]
    proxy = Proxy(upstreams)
    await proxy.open_pod_ports("127.0.0.1", dict(zip(PODS, ports, strict=True)), SETTING)
    await asyncio.Event().wait()


@contextmanager
def nginx(name: str, ports: Sequence[int], folder: Path, runner: asyncio.Runner) -> Iterator[Target]:
    """nginx in front of these ports."""
    servers = [Server(pod, "127.0.0.1", port) for pod, port in zip(PODS, ports, strict=True)]
    balancer = RunningBalancer(parse_balancer(SETTING), folder / name)
    port = free_port()
    runner.run(balancer.start(servers, port))
    try:
        yield Target(name, [port], None)
    finally:
        runner.run(balancer.stop())


FAST_POD = """
worker_processes 1; daemon off; master_process off; pid nginx.pid; error_log stderr;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path body; proxy_temp_path temp; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi;
  scgi_temp_path scgi; keepalive_requests 100000000;
  server {{
    listen 127.0.0.1:{port};
    location / {{ default_type application/json; return 200 '{{"success":false}}'; }}
  }}
}}
"""
"""A pod that answers at once."""
_Part = dict[str, list[psutil.Process]]
_Times = dict[tuple[str, int], float]


def start_fast_pods(folder: Path, stack: ExitStack) -> list[int]:
    """Two nginx that answer every request by themselves; their ports."""
    program = find_program("nginx")
    ports = [free_port(), free_port()]
    for port in ports:
        pod_folder = folder / f"fast-{port}"
        pod_folder.mkdir()
        (pod_folder / "nginx.conf").write_text(FAST_POD.format(port=port), encoding="utf-8")
        words = [program, "-p", str(pod_folder), "-c", str(pod_folder / "nginx.conf")]
        stack.enter_context(process(words, folder / f"fast-{port}.log", port))
    return ports


def family(pid: int) -> list[psutil.Process]:
    """A process and all below it."""
    first = psutil.Process(pid)
    return [first, *first.children(recursive=True)]


def of_ports(ports: Sequence[int]) -> list[psutil.Process]:
    """The processes started here that listen on these ports, each with all below it."""
    processes = []
    for child in psutil.Process().children(recursive=True):
        listening = {each.laddr.port for each in child.net_connections("tcp") if each.status == "LISTEN"}
        if listening & set(ports):
            processes.append(child)
    return processes


def cpu_seconds(parts: _Part) -> _Times:
    """CPU time so far of each process, by part and pid."""
    times = {}
    for name, processes in parts.items():
        for each in processes:
            spent = each.cpu_times()
            times[name, each.pid] = spent.user + spent.system
    return times


def measure(kind: str, rounds: int, seconds: float, connections: int, folder: Path) -> dict[str, Any]:
    """The median requests per second of both, their ratio, and what each part took; ``kind``: of the pods."""
    spent: dict[str, dict[tuple[str, int], float]] = {
        name: defaultdict(float) for name in ("through", "past")
    }
    with ExitStack() as stack:
        runner = stack.enter_context(asyncio.Runner())
        pods = start_fast_pods(folder, stack) if kind == "fast" else start_pods("pods", folder, stack)
        ports = [free_port(), free_port()]
        words = [sys.executable, __file__, "--role", "ports", "--ports", *map(str, [*ports, *pods])]
        proxy = stack.enter_context(process(words, folder / "ports.log", ports[1]))
        targets = [
            stack.enter_context(nginx("through", ports, folder, runner)),
            stack.enter_context(nginx("past", pods, folder, runner)),
        ]
        shared = {"pods": of_ports(pods), "pod ports": family(proxy.pid)}
        parts = {each.name: {**shared, "nginx": of_ports(each.ports)} for each in targets}
        for number in range(rounds):
            print(f"{kind}: round {number + 1}/{rounds}", file=sys.stderr)
            for target in targets if number % 2 == 0 else targets[::-1]:
                before = cpu_seconds(parts[target.name])
                load("pods", target, connections, seconds)
                for key, value in cpu_seconds(parts[target.name]).items():
                    spent[target.name][key] += value - before[key]
        through, past = (median(one["rps"] for one in target.rounds) for target in targets)
        busiest = {each.name: of_the_busiest(spent[each.name], each) for each in targets}
        errors = sum(target.errors() for target in targets)
    limits = {name: max(each.values()) for name, each in busiest.items()}
    return {
        "pods": kind,
        "through_rps": round(through, 1),
        "past_rps": round(past, 1),
        "ratio": round(through / past, 3),
        "errors": errors,
        "cpu_us_of_the_busiest_process": busiest["through"],
        "limit": max(busiest["through"], key=lambda name: busiest["through"][name]),
        "ratio_by_cpu": round(limits["past"] / limits["through"], 3),
    }


def of_the_busiest(spent: _Times, target: Target) -> dict[str, float]:
    """Of each part the CPU microseconds per request of its busiest process."""
    answers = sum(one["answers"] for one in target.rounds)
    busiest: dict[str, float] = {}
    for (part, _), seconds in spent.items():
        busiest[part] = max(busiest.get(part, 0.0), round(1e6 * seconds / answers, 1))
    return busiest


def main() -> int:
    """Measure and judge; gives the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each round")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--no-fast", action="store_true", help="without the pods that answer at once")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--role", choices=["ports"], help=argparse.SUPPRESS)
    parser.add_argument("--ports", type=int, nargs="*", default=[], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.role is not None:
        import uvloop

        uvloop.run(_serve(given.ports[:2], given.ports[2:]))
        return 0
    results = []
    for kind in ("service",) if given.no_fast else ("service", "fast"):
        with tempfile.TemporaryDirectory() as folder:
            results.append(measure(kind, given.rounds, given.seconds, given.connections, Path(folder)))
    if given.json:
        print(json.dumps(results))
    else:
        for each in results:
            show(each)
        print(f"with the service a ratio of at least {REQUIRED} is required")
    return 0 if results[0]["ratio"] >= REQUIRED else 1


def show(result: dict[str, Any]) -> None:
    """One measurement for a person."""
    pods = "pods that answer at once" if result["pods"] == "fast" else "pods of the service"
    cpu = ", ".join(f"{name} {each:.0f}" for name, each in result["cpu_us_of_the_busiest_process"].items())
    print(f"{pods}: {result['through_rps']:.0f} requests/s through the pod ports, ", end="")
    print(f"{result['past_rps']:.0f} past them, ratio {result['ratio']:.3f}, {result['errors']} errors")
    print(f"  CPU microseconds per request of the busiest process: {cpu}; the limit: {result['limit']}")
    print(f"  ratio by that, with a core for each process: {result['ratio_by_cpu']:.3f}")


if __name__ == "__main__":
    sys.exit(main())
