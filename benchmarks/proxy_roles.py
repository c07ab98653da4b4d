"""The processes of benchmarks/proxy.py: the load generator, the trivial upstream and our proxy."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Sequence
from typing import Any

PODS = ("captcha-api-a", "captcha-api-b")

GET_REQUEST = b"GET /trivial HTTP/1.1\r\nHost: bench\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n"
_BODY = json.dumps({"challenge_id": "0" * 32, "selections": [0, 1]}).encode()
VERIFY_REQUEST = (
    b"POST /api/abstract-verify HTTP/1.1\r\nHost: bench\r\nUser-Agent: bench\r\nAccept: */*\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
) % (len(_BODY), _BODY)
"""A verify of an unknown challenge: one script call to Redis, then "Challenge not found"."""


def run_on_loop(main: Any) -> Any:
    """Run a coroutine on uvloop where there is one, as the product does."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)


_CLOSES = b"\r\nConnection: close\r\n"
"""What nginx sends with the last answer of a connection (``keepalive_requests``, 1,000 by default)."""
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)


PAUSE_SECONDS = 0.01
"""Before a connection that was closed is made again."""


class _Load(asyncio.Protocol):
    """One connection to ``port``: sends the request, waits for the whole answer, again.

    An answer other than 200 is counted in ``errors``, and so is a connection that ends unannounced. One that
    ends is made again.
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
        self._announced = False

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
        self._transport, self._buffer, self._announced = transport, b"", False
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
        self._announced = data.find(_CLOSES, 0, end + 2) > 0
        if not self._announced and not self._transport.is_closing():
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._over:
            if not self._announced:
                self._errors.append(f"connection lost: {exc}")
            self._connecting = asyncio.get_running_loop().create_task(self._again())

    async def _again(self) -> None:
        await asyncio.sleep(PAUSE_SECONDS)
        await self.connect()


async def load_ports(
    ports: Sequence[int], connections: int, seconds: float, request: bytes
) -> dict[str, float]:
    """Load ``ports`` in turn with this many connections; requests per second, latencies in ms, errors."""
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
    latencies = sorted(latency for ended, latency in samples if begin <= ended < end)
    if not latencies:
        raise SystemExit(f"not one answer in time; {len(errors)} errors: {errors[:1]}")
    return {
        "answers": len(samples),
        "errors": len(errors),
        "rps": len(latencies) / seconds,
        "p50_ms": latencies[len(latencies) // 2] * 1000,
        "p99_ms": latencies[int(len(latencies) * 0.99)] * 1000,
    }


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


async def serve_trivial(port: int) -> None:
    """Be the trivial upstream on ``port``, without end."""
    server = await asyncio.get_running_loop().create_server(_Trivial, "127.0.0.1", port)
    await server.serve_forever()


async def serve_ours(port: int, pods: Sequence[int]) -> None:
    """Be our proxy on ``port`` before pods on these ports, without end."""
    from devenv.wire.proxy import Proxy, Upstream

    proxy = Proxy(
        [Upstream(name, "127.0.0.1", number) for name, number in zip(PODS, pods, strict=True)], "round-robin"
    )
    await proxy.start("127.0.0.1", port)
    await asyncio.Event().wait()
