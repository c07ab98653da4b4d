"""Measures what clients of Redis do when a reply is lost: each against a real Redis, through the gate."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import redis

from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.events import RedisCommand
from devenv.wire.gate.rules import Rule
from devenv.wire.gate.server import Gate

PROGRAMS = Path(__file__).parent / "programs"
VALUE = "seat 12"
ONCE_S, ALWAYS_S = 8.0, 20.0
"""So long a client is watched when one reply is lost, and when every reply is."""
READY_S = 60.0
AT_ONCE = 5
"""This many clients are measured at the same time."""
CASES = {
    "lost": ({"action": "drop-reply", "nth": 1}, ONCE_S),
    "cut": ({"action": "disconnect", "direction": "reply", "nth": 1}, ONCE_S),
    "lost-always": ({"action": "drop-reply"}, ALWAYS_S),
    "cut-always": ({"action": "disconnect", "direction": "reply"}, ALWAYS_S),
}
"""What happens to the replies to the command, and for how long the client is watched."""


_RUNS = {"mjs": "node", "php": "php", "rb": "ruby"}
"""By the ending of a program's file, what runs it; Python where none stands here."""


@dataclass(frozen=True, slots=True)
class Client:
    """A library in one version, and the program that uses it."""

    title: str
    package: str
    """With its version, as pip or npm takes it; empty: the one that the system has."""
    words: tuple[str, ...]
    """The program, a file of ``PROGRAMS``, and its arguments."""

    @property
    def for_node(self) -> bool:
        """Whether it is npm's and not pip's."""
        return self.words[0].endswith(".mjs")

    @property
    def program(self) -> str:
        """What runs the program."""
        return _RUNS.get(self.words[0].rpartition(".")[2], sys.executable)


CLIENTS = (
    Client("redis-py 5.0.8", "redis==5.0.8", ("redis_py.py", "redis", "Redis")),
    Client("redis-py 6.4.0", "redis==6.4.0", ("redis_py.py", "redis", "Redis")),
    Client("redis-py 7.4.1", "redis==7.4.1", ("redis_py.py", "redis", "Redis")),
    Client("redis-py 8.1.0", "redis==8.1.0", ("redis_py.py", "redis", "Redis")),
    Client("redis-py 6.4.0 from_url", "redis==6.4.0", ("redis_py.py", "redis", "Redis", "url")),
    Client("redis-py 8.1.0 from_url", "redis==8.1.0", ("redis_py.py", "redis", "Redis", "url")),
    Client("redis-py 5.0.8 asyncio", "redis==5.0.8", ("redis_py_asyncio.py", "redis.asyncio", "Redis")),
    Client("redis-py 8.1.0 asyncio", "redis==8.1.0", ("redis_py_asyncio.py", "redis.asyncio", "Redis")),
    Client("valkey-py 6.2.0 asyncio", "valkey==6.2.0", ("redis_py_asyncio.py", "valkey.asyncio", "Valkey")),
    Client("valkey-py 6.2.0", "valkey==6.2.0", ("redis_py.py", "valkey", "Valkey")),
    Client("coredis 6.9.0", "coredis==6.9.0", ("coredis_client.py",)),
    Client("valkey-glide 2.6.0 (Python)", "valkey-glide==2.6.0", ("glide_py.py",)),
    Client("node-redis 5.12.1", "redis@5.12.1", ("node_redis.mjs",)),
    Client("node-redis 6.3.1", "redis@6.3.1", ("node_redis.mjs",)),
    Client("ioredis 5.11.1", "ioredis@5.11.1", ("ioredis.mjs", "ioredis")),
    Client("ioredis 6.0.0", "ioredis@6.0.0", ("ioredis.mjs", "ioredis")),
    Client("iovalkey 0.4.0", "iovalkey@0.4.0", ("ioredis.mjs", "iovalkey")),
    Client("valkey-glide 2.5.2 (Node)", "@valkey/valkey-glide@2.5.2", ("glide.mjs",)),
    Client("phpredis 5.3.7 (PHP)", "", ("phpredis.php", "5.3.7")),
    Client("ruby redis 4.8.0", "", ("ruby_redis.rb", "4.8.0")),
)
"""The last two are Debian's packages php-redis and ruby-redis, of Debian 12."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one client did in one case."""

    runs: int
    """How often Redis ran the command while the client was watched."""
    waiting: bool
    """It had not answered its caller when the watch ended."""
    value: str | None
    """What its caller was given; None: nothing under the key, or an error."""
    error: str | None
    """The name of the error that its caller was given."""
    seconds: float
    """Until it answered its caller, or until the watch ended."""


def measure_all(folder: Path, port: int, progress: Callable[[str], None]) -> dict[str, Any]:
    """Every client in every case, with the packages below ``folder`` and Redis on ``port``."""
    with redis.Redis(port=port) as direct:
        server = f"Redis {direct.info()['redis_version']}"
    return {"server": server, "clients": asyncio.run(_all(folder, port, progress))}


async def _all(folder: Path, port: int, progress: Callable[[str], None]) -> dict[str, Any]:
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, client: Client) -> tuple[str, dict[str, Any]]:
        async with slots:
            place = folder / str(number)
            await asyncio.to_thread(_install, client, place)
            cases = {}
            shaken: list[str] = []
            for case in CASES:
                cases[case], shaken = await _measure(client, place, port, case)
                progress(f"{client.title}: {case}: {cases[case]}")
            result = {"handshake": shaken, **{case: asdict(item) for case, item in cases.items()}}
            return client.title, result

    return dict(await asyncio.gather(*(one(index, client) for index, client in enumerate(CLIENTS))))


def _install(client: Client, place: Path) -> None:
    shutil.copytree(PROGRAMS, place)
    if not client.package:
        if not shutil.which(client.program):
            raise EnvironmentProblem(f"{client.program} is not installed", hint=f"for {client.title}")
        return
    if client.for_node:
        if not (shutil.which("node") and shutil.which("npm")):
            raise EnvironmentProblem(
                "node and npm are not installed", hint="they are needed for Node's clients"
            )
        (place / "package.json").write_text('{"private": true, "type": "module"}', encoding="utf-8")
        command = [
            "npm",
            "install",
            "--silent",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            client.package,
        ]
    else:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", "packages", client.package]
    done = subprocess.run(command, cwd=place, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise EnvironmentProblem(f"{client.package} cannot be installed: {done.stderr.strip()[-300:]}")


async def _measure(client: Client, place: Path, port: int, case: str) -> tuple[Measured, list[str]]:
    """What the client does in one case, and what it sends on connecting."""
    rule, patience = CASES[case]
    gate = Gate("127.0.0.1", port)
    given = await gate.listen(client.title)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment = {
        **kept,
        "REDIS_PORT": str(given),
        "KEY": client.title,
        "PYTHONPATH": str(place / "packages"),
    }
    process = await asyncio.create_subprocess_exec(
        client.program, *client.words, cwd=place, env=environment,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdin is not None and process.stdout is not None
        async with asyncio.timeout(READY_S):
            while (line := await process.stdout.readline()).strip() != b"ready":
                if not line:
                    raise EnvironmentProblem(f"{client.title} does not start")
        shaken = _handshake(gate.commands(limit=1000))
        await asyncio.to_thread(_put, port, client.title)
        gate.add_rule(Rule.from_json({**rule, "command": "GETDEL"}))
        process.stdin.write(b"go\n")
        answer = await _line(process.stdout, patience)
        runs = [c for c in gate.commands(limit=10_000) if c.command == "GETDEL" and c.forwarded is not None]
        outcome = (
            {"value": None, "error": None, "seconds": patience} if answer is None else json.loads(answer)
        )
        return Measured(
            len(runs), answer is None, outcome["value"], outcome["error"], outcome["seconds"]
        ), shaken
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await gate.close()


def _put(port: int, key: str) -> None:
    with redis.Redis(port=port) as direct:
        direct.set(key, VALUE)


async def _line(stream: asyncio.StreamReader, seconds: float) -> bytes | None:
    """The program's answer; None where none comes in time, or the program ends without one.

    Some libraries write a log to the standard output: lines that are no JSON object are passed over.
    """
    try:
        async with asyncio.timeout(seconds):
            while line := await stream.readline():
                if line.startswith(b"{"):
                    return line
    except TimeoutError:
        pass
    return None


def _handshake(commands: Sequence[RedisCommand]) -> list[str]:
    """What was sent before the first command of the program."""
    first = next((index for index, one in enumerate(commands) if one.fate != "handshake"), len(commands))
    return [" ".join((one.command, *one.args)) for one in commands[:first]]
