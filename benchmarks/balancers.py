"""nginx in front of the proxy's pod ports, beside nginx in front of the pods themselves, in one run.

    python benchmarks/balancers.py [--json] [--rounds N] [--seconds S] [--connections N]

Two pods of the reference service on one Redis; the requests are verifies. Everything is started here on free
ports and ended afterwards; rounds are interleaved. The ratio compares the medians over all rounds.
Exit: 0 the ratio is at least 0.9, 1 it is not, 4 something is missing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

from benchmarks.proxy_roles import PODS  # noqa: E402
from benchmarks.proxy_targets import Target, free_port, load, process, start_pods  # noqa: E402
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


def measure(rounds: int, seconds: float, connections: int, folder: Path) -> dict[str, float]:
    """The median requests per second of both, and their ratio."""
    with ExitStack() as stack:
        runner = stack.enter_context(asyncio.Runner())
        pods = start_pods("pods", folder, stack)
        ports = [free_port(), free_port()]
        words = [sys.executable, __file__, "--role", "ports", "--ports", *map(str, [*ports, *pods])]
        stack.enter_context(process(words, folder / "ports.log", ports[1]))
        targets = [
            stack.enter_context(nginx("through", ports, folder, runner)),
            stack.enter_context(nginx("past", pods, folder, runner)),
        ]
        for number in range(rounds):
            print(f"round {number + 1}/{rounds}", file=sys.stderr)
            for target in targets if number % 2 == 0 else targets[::-1]:
                load("pods", target, connections, seconds)
        through, past = (median(one["rps"] for one in target.rounds) for target in targets)
    return {"through_rps": round(through, 1), "past_rps": round(past, 1), "ratio": round(through / past, 3)}


def main() -> int:
    """Measure and judge; gives the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each round")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--role", choices=["ports"], help=argparse.SUPPRESS)
    parser.add_argument("--ports", type=int, nargs="*", default=[], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.role is not None:
        import uvloop

        uvloop.run(_serve(given.ports[:2], given.ports[2:]))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        found = measure(given.rounds, given.seconds, given.connections, Path(folder))
    if given.json:
        print(json.dumps(found))
    else:
        print(f"through the pod ports {found['through_rps']:.0f} requests/s")
        print(f"past them {found['past_rps']:.0f} requests/s")
        print(f"ratio {found['ratio']:.3f}, at least {REQUIRED} is required")
    return 0 if found["ratio"] >= REQUIRED else 1


if __name__ == "__main__":
    sys.exit(main())
