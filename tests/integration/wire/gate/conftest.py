"""A real Redis, and gates in an event loop of their own thread."""

from __future__ import annotations

import asyncio
import importlib.util
import socket
import subprocess
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from devenv.core.model.events import RedisCommand
from devenv.wire.gate.rules import Rule
from devenv.wire.gate.server import Gate
from tests.support import HANG_GUARD_S, free_port, redis_command, until

T = TypeVar("T")
LOOPS = ["asyncio", *(["uvloop"] if importlib.util.find_spec("uvloop") else [])]


class Server:
    """A redis-server of one test module; ``stop`` and ``start`` keep the port."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = redis_command(self.port, self._folder)
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        client = redis.Redis(port=self.port)
        until(lambda: answers(client), "redis-server answers")
        client.close()

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


def answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


class Running:
    """A gate in its own thread, and the calls of a test into it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, upstream: int) -> None:
        self._loop = loop
        self.upstream = upstream
        self._clients: list[redis.Redis] = []
        self.traced: list[RedisCommand] = []
        self.ports: dict[str, int] = {}

    def call(self, function: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """Run a function in the gate's loop."""
        done: Future[T] = Future()

        def run() -> None:
            try:
                done.set_result(function(*arguments, **named))
            except BaseException as error:
                done.set_exception(error)

        self._loop.call_soon_threadsafe(run)
        return done.result(HANG_GUARD_S)

    def wait(self, task: Coroutine[Any, Any, T], seconds: float = HANG_GUARD_S) -> T:
        """Run a coroutine in the gate's loop."""
        return asyncio.run_coroutine_threadsafe(task, self._loop).result(seconds)

    def start(self, *pods: str, **options: Any) -> None:
        async def make() -> Gate:
            return Gate("127.0.0.1", self.upstream, sink=self.traced.extend, **options)

        self.gate = self.wait(make())
        for pod in pods or ("captcha-api-a", "captcha-api-b"):
            self.ports[pod] = self.wait(self.gate.listen(pod))

    def client(self, pod: str = "captcha-api-a", **options: Any) -> redis.Redis:
        """A redis-py client of this pod's port, without retries unless told."""
        options = {"socket_timeout": HANG_GUARD_S, "retry": Retry(NoBackoff(), 0), "protocol": 2, **options}
        client = redis.Redis(port=self.ports[pod], **options)
        self._clients.append(client)
        return client

    def impatient(self, **options: Any) -> redis.Redis:
        """A client whose first connection, once made, waits 0.2 s for each reply; later ones wait long."""
        client = self.client(single_connection_client=True, **options)
        connection: Any = client.connection
        connection._sock.settimeout(0.2)
        return client

    def socket(self, pod: str = "captcha-api-a") -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.ports[pod]), timeout=HANG_GUARD_S)

    def rules(self, *rules: dict[str, Any]) -> None:
        self.call(self.gate.populate, [Rule.from_json(rule) for rule in rules])

    def held(self, count: int = 1) -> list[Any]:
        """Wait until so many messages are held."""
        until(lambda: len(self.call(self.gate.holds.current)) == count, f"{count} messages are held", 0.002)
        return self.call(self.gate.holds.current)

    def release(self, **what: Any) -> list[Any]:
        return self.call(self.gate.release, **what)

    def steps(self) -> list[RedisCommand]:
        """What is recorded, without handshakes."""
        result = self.call(self.gate.commands, 0, 1_000_000)
        return [command for command in result if command.fate != "handshake"]

    def fates(self) -> list[tuple[str, str]]:
        return [(command.command, command.fate) for command in self.steps()]

    def links(self) -> int:
        return self.call(lambda: sum(int(pod["open"]) for pod in self.gate.status()["pods"]))

    def tasks(self) -> int:
        """Tasks in the gate's loop besides the one that counts."""

        async def count() -> int:
            return len(asyncio.all_tasks()) - 1

        return self.wait(count())

    def close(self) -> None:
        for client in self._clients:
            client.close()
        if hasattr(self, "gate"):
            self.wait(self.gate.close())


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One Redis of all tests here; a test that stops it uses ``own_redis``."""
    server = Server(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def direct(redis_server: Server) -> Iterator[redis.Redis]:
    """A client past the gate, to an empty Redis."""
    client = redis.Redis(port=redis_server.port, protocol=2)
    client.flushall()
    yield client
    client.close()


@pytest.fixture(params=LOOPS)
def loop(request: pytest.FixtureRequest) -> Iterator[asyncio.AbstractEventLoop]:
    """A running event loop in a thread of its own."""
    if request.param == "uvloop":
        import uvloop

        loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    else:
        loop = asyncio.new_event_loop()
    problems: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _loop, context: problems.append(context))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join(HANG_GUARD_S)
    loop.close()
    assert not problems


@pytest.fixture
def unstarted(loop: asyncio.AbstractEventLoop, redis_server: Server) -> Iterator[Running]:
    running = Running(loop, redis_server.port)
    yield running
    running.close()


@pytest.fixture
def gate(unstarted: Running, direct: redis.Redis) -> Running:
    """A gate for the pods a and b in front of an empty Redis."""
    unstarted.start()
    return unstarted


@pytest.fixture
def gate_of_own_redis(loop: asyncio.AbstractEventLoop, own_redis: Server) -> Iterator[Running]:
    running = Running(loop, own_redis.port)
    running.start()
    yield running
    running.close()
