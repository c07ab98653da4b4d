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
import faulthandler
import gc
import json
import random
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from benchmarks.gate import redis_server
from devenv.core.model.events import RedisCommand
from devenv.wire.gate import Gate, Rule

EPISODES = 60
AT_ONCE = 12
GROWTH = 3000
"""Python objects of the gate's process that the collector knows, after the first third of the rounds."""
MOST_MEMORY = 512 * 1024 * 1024
"""Bytes of the gate's process: what pods send and nothing answers is remembered as long as they wait."""
PATIENCE = 30.0
"""Seconds until what should end has hung."""
PAUSE = 0.05
KINDS = ("redis", "noisy", "cluster", "closed")
POD = "captcha-api-a"
CAPACITY = 500

PIECES = (
    *(
        b"*2\r\n",
        b"$3\r\n",
        b"GET",
        b"\r\n",
        b"\n",
        b"$536870912\r\n",
        b"*-1\r\n",
        b"*0\r\n",
        b"PING\r\n",
        b'"',
    ),
    *(
        b"*1\r\n$5\r\nMULTI\r\n",
        b"*1\r\n$4\r\nEXEC\r\n",
        b"*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\nc\r\n",
        b"\0",
        b"$",
    ),
    *(
        b"*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n",
        b"*1\r\n$4\r\nPING\r\n",
        b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n",
    ),
    *(
        b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n",
        b"*2\r\n$7\r\nCLUSTER\r\n$5\r\nSLOTS\r\n",
        b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n",
    ),
    *(
        b"+OK\r\n",
        b"-ERR x\r\n",
        b":1\r\n",
        b"$1\r\nv\r\n",
        b"$-1\r\n",
        b">2\r\n",
        b"%1\r\n",
        b"|1\r\n",
        b"*?\r\n",
    ),
    *(
        b".\r\n",
        b"_\r\n",
        b"#t\r\n",
        b"$?\r\n",
        b";0\r\n",
        b"=5\r\ntxt:a\r\n",
        b"-MOVED 1 127.0.0.1:6379\r\n",
    ),
    *(
        b"-ASK 1 :0\r\n",
        b"-MOVED 1 [::1]:99999\r\n",
        b"-MOVED 99 h\r\n",
        b"$4000\r\n" + b"v" * 4000 + b"\r\n",
    ),
)
ANSWERED = (
    *(b"*1\r\n$4\r\nPING\r\n", b"*2\r\n$4\r\nECHO\r\n$3\r\na\rb\r\n", b"PING again\r\n", b"ECHO 'a b'\n"),
    *(
        b"*2\r\n$3\r\nGET\r\n$4\r\nnone\r\n",
        b"*1\r\n$6\r\nNOSUCH\r\n",
        b"\r\n",
        b"*0\r\n",
        b"*1\r\n$5\r\nMULTI\r\n",
    ),
    *(b"*1\r\n$4\r\nEXEC\r\n", b"*1\r\n$7\r\nDISCARD\r\n", b"*3\r\n$6\r\nSELECT\r\n$1\r\n0\r\n$1\r\n1\r\n"),
)
"""Answered alike however often and by whomever they are sent."""
BROKEN = (b"*x\r\n", b"*1\r\n+PING\r\n", b"*1\r\n$-1\r\n", b'GET "k\r\n', b"*1\r\n$3\r\nab", b"ECH")
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


class Failed(Exception):
    """What must hold does not."""


def demand(holds: bool, why: str) -> None:
    """As ``assert``, also under ``python -O``."""
    if not holds:
        raise Failed(why)


def noise(chance: random.Random) -> bytes:
    """Pieces of protocol and random bytes."""
    most = chance.choice((3, 20, 200))
    return b"".join(
        chance.choice(PIECES) if chance.random() < 0.85 else chance.randbytes(chance.randrange(1, 300))
        for _ in range(chance.randrange(1, most))
    )


class Babbler:
    """One end of one connection that says and does what chance tells it, for a short time."""

    def __init__(self, end: socket.socket, chance: random.Random) -> None:
        self._end = end
        self._chance = chance
        self._loop = asyncio.get_running_loop()

    async def babble(self) -> None:
        """Until it has said enough or the other end is gone."""
        with contextlib.suppress(OSError, TimeoutError):
            for _ in range(self._chance.randrange(1, 6)):
                act = self._chance.choice(
                    (self._say, self._say, self._drip, self._heap, self._hear, self._end_half)
                )
                await act()
        if self._chance.random() < 0.3:  # a reset instead of an end
            with contextlib.suppress(OSError):
                self._end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._end.close()

    async def _say(self) -> None:
        await asyncio.wait_for(self._loop.sock_sendall(self._end, noise(self._chance)), PAUSE)

    async def _drip(self) -> None:
        for byte in noise(self._chance)[:200]:
            await asyncio.wait_for(self._loop.sock_sendall(self._end, bytes((byte,))), PAUSE)

    async def _heap(self) -> None:
        one = self._chance.choice(PIECES)
        data = one * (self._chance.choice((1_000, 100_000, 2_000_000)) // len(one))
        await asyncio.wait_for(self._loop.sock_sendall(self._end, data), PAUSE * 4)

    async def _hear(self) -> None:
        await asyncio.wait_for(self._loop.sock_recv(self._end, 65536), PAUSE)

    async def _end_half(self) -> None:
        self._end.shutdown(socket.SHUT_WR)
        await self._hear()


@asynccontextmanager
async def noisy_redis(first_seed: int) -> AsyncIterator[int]:
    """A false Redis that babbles on every connection; gives its port."""
    loop = asyncio.get_running_loop()
    listener = socket.create_server(("127.0.0.1", 0), backlog=200)
    listener.setblocking(False)
    talks: set[asyncio.Task[None]] = set()

    async def accept() -> None:
        number = 0
        while True:
            end, _ = await loop.sock_accept(listener)
            end.setblocking(False)
            number += 1
            talk = loop.create_task(Babbler(end, random.Random(f"{first_seed} {number}")).babble())
            talks.add(talk)
            talk.add_done_callback(talks.discard)

    accepting = loop.create_task(accept())
    try:
        yield int(listener.getsockname()[1])
    finally:
        accepting.cancel()
        await asyncio.gather(accepting, *talks, return_exceptions=True)
        listener.close()


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
    command = [sys.executable, "-m", "benchmarks.noise", "--serve", loop, *map(str, upstreams)]
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


# The process of the gates.


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
    parser.add_argument("--rounds", type=int, help="so many on each event loop instead of minutes")
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
    if sys.argv[1:2] == ["--serve"]:
        serve_on(sys.argv[2], [int(port) for port in sys.argv[3:]])
        sys.exit(0)
    sys.exit(main())
