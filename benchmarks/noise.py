"""Noise on both sides of a gate for as long as is asked: no crash, no hang, nothing left behind.

``python -m benchmarks.noise --minutes 10``. Needs redis-server on PATH. Pods send rubbish and nearly valid
commands, by the byte, in heaps, without reading, close half or break off; behind the gate a real Redis, a
false one that does the same in the other direction, also as a node of a cluster, and one that is not there;
rules come and go meanwhile. The gate runs in a process of its own, first on asyncio, then on uvloop where it
is there. After each round of ``EPISODES`` connections everything must be as before: connections, tasks,
held messages and file descriptors of the gate, every command handed to the trace exactly once, memory
bounded; a proper client is served; and without rules pods get byte for byte what Redis itself answers.

Exit 0 where this holds, 1 otherwise. The seed that is printed makes the same rounds again.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import socket
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from benchmarks.gate import redis_server
from benchmarks.noise_ends import ANSWERED, BROKEN, Babbler, noisy_redis
from benchmarks.noise_gate import KINDS, PATIENCE, Failed, GateProcess, demand, gate_process

EPISODES = 60
AT_ONCE = 12
GROWTH = 3000
"""Python objects of the gate's process that the collector knows, after the first third of the rounds."""
MOST_MEMORY = 512 * 1024 * 1024
"""Bytes of the gate's process: what pods send and nothing answers is remembered as long as they wait."""
RULES: tuple[list[dict[str, Any]], ...] = (
    [],
    [],
    [{"action": "hold", "seconds": 0.02}],
    [{"action": "hold", "direction": "reply", "seconds": 30}],
    [{"action": "delay", "direction": "reply", "seconds": 0.01}, {"action": "error", "command": "PING"}],
    [{"action": "delay", "seconds": 0.01}, {"action": "drop-reply", "nth": 4}],
    [{"action": "disconnect", "nth": 3}, {"action": "blackhole", "direction": "reply", "nth": 5}],
    [{"action": "drop-request", "key": "k"}, {"action": "error", "command": "E*", "text": "LOADING x"}],
)


async def connected(port: int) -> socket.socket:
    """A non-blocking connection to this machine."""
    end = socket.socket()
    end.setblocking(False)
    await asyncio.wait_for(asyncio.get_running_loop().sock_connect(end, ("127.0.0.1", port)), PATIENCE)
    return end


async def answers(port: int, data: bytes) -> bytes:
    """All that comes back for ``data``, the sender's end being closed behind it."""
    loop = asyncio.get_running_loop()
    with await connected(port) as end:
        await loop.sock_sendall(end, data)
        end.shutdown(socket.SHUT_WR)
        got = b""
        try:
            while chunk := await asyncio.wait_for(loop.sock_recv(end, 65536), PATIENCE):
                got += chunk
        except (ConnectionError, TimeoutError) as error:
            got += repr(error).encode()
    return got


class Round:
    """One round of episodes against the gates, and what must hold after it."""

    def __init__(self, gates: GateProcess, redis_port: int, name: str) -> None:
        self._gates = gates
        self._redis = redis_port
        self._name = name
        self._chance = random.Random(name)

    async def run(self) -> None:
        """All episodes, some at the same time, and rules that change."""
        limit = asyncio.Semaphore(AT_ONCE)

        async def limited(episode: Awaitable[None]) -> None:
            async with limit:
                await episode

        episodes = [self._episode(number) for number in range(EPISODES)]
        over = asyncio.Event()
        rules = asyncio.ensure_future(self._change_rules(over))
        try:
            await asyncio.wait_for(asyncio.gather(*map(limited, episodes)), PATIENCE * 4)
        except TimeoutError:
            raise Failed("the pods do not come to an end") from None
        finally:
            over.set()
            await rules

    async def _episode(self, number: int) -> None:
        chance = random.Random(f"{self._name} {number}")
        kind = chance.choice(KINDS if number % 10 == 0 else KINDS[:-1])
        await Babbler(await connected(self._gates.ports[kind]), chance).babble()

    async def _change_rules(self, over: asyncio.Event) -> None:
        """Other rules every now and then, and none in the end."""
        while not over.is_set():
            await self._gates.ask(rules=self._chance.choice(RULES))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), self._chance.random() * 0.1)
        await self._gates.ask(rules=[])

    async def same_answers(self) -> None:
        """Commands, whole ones and one that is broken, get the same bytes with and without the gate."""
        for _ in range(10):
            data = b"".join(self._chance.choice(ANSWERED) for _ in range(self._chance.randrange(40)))
            data += self._chance.choice((b"", *BROKEN))
            direct, through = (
                await answers(self._redis, data),
                await answers(self._gates.ports["redis"], data),
            )
            if direct != through:
                now = await self._gates.ask()
                raise Failed(
                    f"{data!r} gets {direct!r} from Redis and {through!r} through the gate:"
                    f" {now['refused']} connections refused by Redis, {now['problems']}"
                )

    async def proper_client(self) -> None:
        """A client that behaves is served."""
        client = redis.asyncio.Redis(
            port=self._gates.ports["redis"], socket_timeout=PATIENCE, retry=Retry(NoBackoff(), 0)
        )
        await client.set(self._name, "v")
        demand(await client.get(self._name) == b"v", "a proper client does not get its value")
        await client.delete(self._name)
        await client.aclose()

    async def at_rest(self, idle: dict[str, Any] | None) -> dict[str, Any]:
        """The gates' counts once nothing is open; they must be as ``idle`` within the time allowed."""
        deadline = time.monotonic() + PATIENCE
        while True:
            now = await self._gates.ask(collect=True)
            demand(not now["problems"], f"the gate's loop reported {now['problems']}")
            wanted = {"links": 0, "held": 0, "untraced": 0, **({} if idle is None else _counts(idle))}
            wrong = {name: now[name] for name, count in wanted.items() if now[name] != count}
            if not wrong:
                return now
            demand(time.monotonic() < deadline, f"left behind: {wrong}, should be {wanted}")
            await asyncio.sleep(0.05)


def _counts(idle: dict[str, Any]) -> dict[str, int]:
    return {name: idle[name] for name in ("tasks", "descriptors")}


async def run_on(loop: str, redis_port: int, first_seed: int, go_on: Callable[[int], bool]) -> dict[str, Any]:
    """Rounds against one gate process as long as ``go_on`` says; what was seen."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        refused = int(closed.getsockname()[1])
    objects: list[int] = []
    async with (
        noisy_redis(first_seed) as noisy,
        gate_process((redis_port, noisy, noisy, refused), loop) as gates,
    ):
        idle: dict[str, Any] | None = None
        rounds = 0
        while go_on(rounds):
            rounds += 1
            this = Round(gates, redis_port, f"{first_seed} {rounds}")
            await this.run()
            await this.at_rest(idle)  # what was still sent to the closed port would keep others waiting
            await this.same_answers()
            await this.proper_client()
            now = await this.at_rest(idle)
            idle = now if rounds == 1 else idle
            objects.append(now["objects"])
            demand(now["rss"] < MOST_MEMORY, f"the gate's process takes {now['rss']} bytes")
            print(
                f"{gates.loop}: {rounds * EPISODES} pods, {now['commands']:,} commands; at rest"
                f" {now['rss'] // 1024**2} MiB, {now['objects']:,} objects, {now['descriptors']} descriptors",
                file=sys.stderr,
            )
    settled = max(objects[: len(objects) // 3 + 1])
    demand(objects[-1] - settled < GROWTH, f"{settled} objects grew to {objects[-1]}: {objects}")
    seen = {name: now[name] for name in ("loop", "commands", "rss", "objects")}
    return {**seen, "pods": rounds * EPISODES, "objects_before": settled}


def loops() -> list[str]:
    """The event loops there are here."""
    try:
        import uvloop  # noqa: F401
    except ImportError:
        return ["asyncio"]
    return ["asyncio", "uvloop"]


def main() -> int:
    """Run, print, judge."""
    parser = argparse.ArgumentParser(description="Noise on both sides of a gate.")
    parser.add_argument("--minutes", type=float, default=1.0, help="on all event loops together")
    parser.add_argument("--rounds", type=int, help="this many on each event loop instead of minutes")
    parser.add_argument("--loop", choices=loops(), help="only on this event loop")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args()
    first_seed = options.seed if options.seed is not None else random.SystemRandom().randrange(2**32)
    print(f"seed {first_seed}", file=sys.stderr)
    result: dict[str, Any] = {"seed": first_seed, "runs": [], "verdict": "holds"}
    with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder)) as redis_port:
        chosen = [options.loop] if options.loop else loops()
        for loop in chosen:
            ends = time.monotonic() + options.minutes * 60 / len(chosen)

            def go_on(done: int, ends: float = ends) -> bool:
                return (
                    done < options.rounds
                    if options.rounds is not None
                    else not done or time.monotonic() < ends
                )

            try:
                result["runs"].append(asyncio.run(run_on(loop, redis_port, first_seed, go_on)))
            except Failed as problem:
                result.update(verdict="fails", problem=f"{loop}: {problem}")
                break
    if options.json:
        print(json.dumps(result))
    else:
        for run in result["runs"]:
            print(f"{run['loop']}: {run['pods']:,} pods, {run['commands']:,} commands, nothing left behind")
        print(
            f"noise {result['verdict']}, seed {first_seed}"
            + (f": {result.get('problem')}" if "problem" in result else "")
        )
    return 0 if result["verdict"] == "holds" else 1


if __name__ == "__main__":
    sys.exit(main())
