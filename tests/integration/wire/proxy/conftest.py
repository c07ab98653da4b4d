"""A proxy in an event loop of its own, in front of real uvicorn servers and of scripted raw sockets."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import suppress
from typing import Any, TypeVar

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from devenv.wire.proxy import Limits, Proxy, Upstream
from tests.support import HANG_GUARD_S, until

T = TypeVar("T")
LOOPS = ["asyncio"] if sys.platform == "win32" else ["asyncio", "uvloop"]


class LoopThread:
    """An event loop in a thread; ``call`` runs a coroutine in it."""

    def __init__(self, kind: str) -> None:
        if kind == "uvloop":
            import uvloop

            self.loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
        else:
            self.loop = asyncio.new_event_loop()
        self.complaints: list[str] = []
        self.loop.set_exception_handler(lambda _loop, context: self.complaints.append(repr(context)))
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(HANG_GUARD_S)

    def tasks(self) -> int:
        async def count() -> int:
            return len(asyncio.all_tasks()) - 1

        return self.call(count())

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(HANG_GUARD_S)
        self.loop.close()


async def _echo(request: Request) -> Response:
    body = await request.body()
    headers = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in request.headers.raw]
    return JSONResponse({"method": request.method, "headers": headers, "body": body.decode("latin-1")})


async def _upload(request: Request) -> Response:
    size = 0
    async for piece in request.stream():
        size += len(piece)
    return JSONResponse({"size": size})


class _StreamEcho:
    """Sends every piece of the request's body back at once; plain ASGI, as Starlette's streams do not mix."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        more = True
        while more:
            message = await receive()
            more = message.get("more_body", False)
            await send({"type": "http.response.body", "body": message.get("body", b""), "more_body": more})


async def _big(request: Request) -> Response:
    return Response(b"x" * int(request.query_params["size"]))


async def _status(request: Request) -> Response:
    return Response(status_code=int(request.path_params["code"]))


async def _boom(request: Request) -> Response:
    raise RuntimeError("meant")


async def _websocket(socket_: WebSocket) -> None:
    await socket_.accept()
    async for message in socket_.iter_text():
        await socket_.send_text(f"echo {message}")


class Pod:
    """A real uvicorn server in the thread ``loop``; SSE events are let out one by one."""

    def __init__(
        self, name: str, loop: LoopThread, port: int = 0, routes: list[BaseRoute] | None = None
    ) -> None:
        self.name = name
        self.requests: list[str] = []
        self.events: list[asyncio.Event] = []
        self._loop = loop
        routes = routes or [
            Route("/echo", self._counted(_echo), methods=["GET", "POST", "PUT"]),
            Route("/upload", self._counted(_upload), methods=["POST"]),
            Route("/stream", _StreamEcho(), methods=["POST"]),
            Route("/big", self._counted(_big)),
            Route("/status/{code}", self._counted(_status)),
            Route("/boom", self._counted(_boom)),
            Route("/sse", self._sse),
            Route("/who", self._who),
            Route("/never", self._never, methods=["GET", "POST"]),
            WebSocketRoute("/ws", _websocket),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes),
            host="127.0.0.1",
            port=port,
            log_level="critical",
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._serving = asyncio.run_coroutine_threadsafe(self._server.serve(), loop.loop)
        until(lambda: self._server.started, f"{name} starts")
        self.port = int(self._server.servers[0].sockets[0].getsockname()[1])
        self.upstream = Upstream(name, "127.0.0.1", self.port)

    def _counted(self, handler: Callable[[Request], Coroutine[Any, Any, Response]]) -> Any:
        async def counted(request: Request) -> Response:
            self.requests.append(request.url.path)
            return await handler(request)

        return counted

    async def _who(self, request: Request) -> Response:
        self.requests.append("/who")
        return JSONResponse({"pod": self.name})

    async def _never(self, request: Request) -> Response:
        self.requests.append("/never")
        await asyncio.sleep(3600)
        return Response()

    async def _sse(self, request: Request) -> Response:
        self.events = [asyncio.Event() for _ in range(int(request.query_params["events"]))]

        async def events() -> AsyncIterator[bytes]:
            for number, event in enumerate(self.events):
                await event.wait()
                yield b"data: %d\n\n" % number

        return StreamingResponse(events(), media_type="text/event-stream")

    def let_event_out(self, number: int) -> None:
        self._loop.loop.call_soon_threadsafe(self.events[number].set)

    def stop(self) -> None:
        self._server.should_exit = True
        with suppress(Exception):
            self._serving.result(HANG_GUARD_S)


class Scripted:
    """A raw server: ``script(connection, number)`` plays one connection in a thread, then it is closed."""

    def __init__(self, script: Callable[[socket.socket, int], None]) -> None:
        self.connections = 0
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.upstream = Upstream("captcha-api-a", "127.0.0.1", self.port)
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            connection.settimeout(HANG_GUARD_S)
            thread = threading.Thread(target=self._play, args=(connection, self.connections), daemon=True)
            thread.start()
            self._threads.append(thread)

    def _play(self, connection: socket.socket, number: int) -> None:
        with connection, suppress(OSError):
            self._script(connection, number)

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(HANG_GUARD_S)


class Wire:
    """A raw client connection."""

    def __init__(self, port: int, *, receive_buffer: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(HANG_GUARD_S)
        self.socket.connect(("127.0.0.1", port))
        self._buffer = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def send_eof(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)

    def until(self, mark: bytes) -> bytes:
        """Everything up to and including ``mark``."""
        while mark not in self._buffer:
            piece = self.socket.recv(65536)
            assert piece, f"closed before {mark!r}; got {self._buffer!r}"
            self._buffer += piece
        result, _, self._buffer = self._buffer.partition(mark)
        return result + mark

    def exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            piece = self.socket.recv(65536)
            assert piece, f"closed after {len(self._buffer)} of {size} bytes"
            self._buffer += piece
        result, self._buffer = self._buffer[:size], self._buffer[size:]
        return result

    def rest(self) -> bytes:
        """Everything until the other side closes."""
        while piece := self.socket.recv(65536):
            self._buffer += piece
        result, self._buffer = self._buffer, b""
        return result

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """One answer with Content-Length: status, headers by lower-cased name, body."""
        head = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        headers: dict[str, str] = {}
        for line in head[1:-2]:
            name, _, value = line.partition(": ")
            assert name.lower() not in headers or name.lower() == "set-cookie", f"two {name}"
            headers[name.lower()] = value
        return int(head[0].split()[1]), headers, self.exactly(int(headers.get("content-length", "0")))

    def json(self) -> tuple[int, Any]:
        status, _, body = self.answer()
        return status, json.loads(body)

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class Front:
    """A running proxy."""

    def __init__(self, proxy: Proxy, loop: LoopThread) -> None:
        self.proxy = proxy
        self.loop = loop
        self.port = loop.call(proxy.start("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.port}"

    def wire(self, **options: Any) -> Wire:
        return Wire(self.port, **options)

    def do(self, action: Callable[[], T]) -> T:
        """Run something on the proxy in its own loop."""

        async def act() -> T:
            return action()

        return self.loop.call(act())

    def pods(self) -> dict[str, dict[str, Any]]:
        return {pod["name"]: pod for pod in self.do(self.proxy.pods)}

    def clients(self) -> int:
        return len(self.proxy._clients.by_number)


StartProxy = Callable[..., Front]


@pytest.fixture(params=LOOPS)
def proxy_loop(request: pytest.FixtureRequest) -> Iterator[LoopThread]:
    loop = LoopThread(request.param)
    yield loop
    loop.close()
    assert not loop.complaints


@pytest.fixture(scope="module")
def pod_loop() -> Iterator[LoopThread]:
    loop = LoopThread(LOOPS[-1])
    yield loop
    loop.close()


@pytest.fixture
def start_pod(pod_loop: LoopThread) -> Iterator[Callable[..., Pod]]:
    """Starts real pods that a test may stop."""
    started: list[Pod] = []

    def start(name: str, port: int = 0) -> Pod:
        started.append(Pod(name, pod_loop, port))
        return started[-1]

    yield start
    for pod in started:
        pod.stop()


@pytest.fixture(scope="module")
def make_pod(pod_loop: LoopThread) -> Iterator[Callable[[str, list[BaseRoute]], Pod]]:
    """Starts pods with routes of their own that live as long as the module."""
    started: list[Pod] = []

    def make(name: str, routes: list[BaseRoute]) -> Pod:
        started.append(Pod(name, pod_loop, 0, routes))
        return started[-1]

    yield make
    for pod in started:
        pod.stop()


@pytest.fixture(scope="module")
def pods(pod_loop: LoopThread) -> Iterator[list[Pod]]:
    """Two real pods that live as long as the module; tests must not stop them."""
    started = [Pod("captcha-api-a", pod_loop), Pod("captcha-api-b", pod_loop)]
    yield started
    for pod in started:
        pod.stop()


@pytest.fixture
def start_proxy(proxy_loop: LoopThread) -> Iterator[StartProxy]:
    fronts: list[Front] = []

    def start(upstreams: list[Upstream], policy: str = "round-robin", **limits: float) -> Front:
        front = Front(Proxy(upstreams, policy, limits=Limits(**limits)), proxy_loop)  # type: ignore[arg-type]
        fronts.append(front)
        return front

    yield start
    for front in fronts:
        front.loop.call(front.proxy.close(grace=0.2))
        assert front.clients() == 0
        assert all(count == 0 for count in front.proxy._balancer.in_flight.values())


@pytest.fixture
def scripted() -> Iterator[Callable[[Callable[[socket.socket, int], None]], Scripted]]:
    servers: list[Scripted] = []

    def start(script: Callable[[socket.socket, int], None]) -> Scripted:
        servers.append(Scripted(script))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def front(start_proxy: StartProxy, pods: list[Pod]) -> Front:
    """The usual: round-robin over the two pods."""
    for pod in pods:
        pod.requests.clear()
    return start_proxy([pod.upstream for pod in pods])
