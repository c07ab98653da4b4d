"""Is it up yet: one cheap question each to an HTTP service and to Redis, over asyncio streams."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable

from devenv.core.model.errors import EnvironmentProblem
from devenv.stack.embedded.child import Child, died_at_start

READY_SECONDS = 20.0
POLL_SECONDS = 0.05
_FIRST_POLL_SECONDS = 0.005
"""A fork is ready within some hundredths of a second; the pauses grow from this to ``POLL_SECONDS``."""
_WHOLE = 65536
"""More than Redis says before it ends a connection that QUITs."""
Probe = Callable[[], Awaitable[bool | None]]


async def ready(child: Child, probe: Probe, port: int | None = None) -> bool:
    """Poll until ``probe`` is not False; True where it last_line so, False where it gave up with None.

    ``port`` is where it should listen, for the message. Raises ``EnvironmentProblem`` where the program ends,
    or does not get ready in ``READY_SECONDS``.
    """
    began, pause = time.monotonic(), _FIRST_POLL_SECONDS
    while True:
        if not child.running:
            raise died_at_start(child, await child.ended())
        answer = await probe()
        # Asked again: another process on the port may have answered while ours was ending because of it.
        if answer is not False and child.running:
            return answer is True
        if time.monotonic() - began > READY_SECONDS:
            raise _never_ready(child, port)
        await asyncio.sleep(pause)
        pause = min(pause * 1.25, POLL_SECONDS)


def _never_ready(child: Child, port: int | None) -> EnvironmentProblem:
    """With what is known of the reason: whether something listens on its port, and the end of its log."""
    message = f"{child.name} did not get ready in {READY_SECONDS:g} s"
    hint = f"its log is {child.log}"
    if port is not None:
        message += f": nothing answers HTTP on 127.0.0.1:{port}"
        hint = f"does it listen on {{port}}, or on the variable PORT? {hint}"
    last_line = child.last_words()
    return EnvironmentProblem(message + (f"; it said: {last_line}" if last_line else ""), hint=hint)


async def _ask(
    port: int, request: bytes, enough: int, seconds: float, tls: ssl.SSLContext | None = None
) -> bytes:
    """Up to ``enough`` bytes of what 127.0.0.1:``port`` answers within ``seconds``; b"" for nothing."""
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
            writer.write(request)
            return await reader.readexactly(enough)
    except asyncio.IncompleteReadError as error:
        return error.partial
    except (OSError, TimeoutError):
        return b""
    finally:
        if writer is not None:
            writer.close()


async def http_status(port: int, path: str, seconds: float = 3.0) -> int | None:
    """The HTTP status of ``GET path`` on 127.0.0.1:``port``; None where nothing answers in ``seconds``."""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode("ascii")
    line = await _ask(port, request, len(b"HTTP/1.1 200"), seconds)
    return int(line[9:12]) if line.startswith(b"HTTP/1.") and line[9:12].isdigit() else None


async def redis_follows(port: int, seconds: float = 1.0) -> bool:
    """Whether the replica on 127.0.0.1:``port`` has its master's data and receives every write."""
    return b"master_link_status:up" in await _ask(port, b"INFO replication\r\nQUIT\r\n", _WHOLE, seconds)


async def redis_answers(port: int, seconds: float = 1.0, tls: ssl.SSLContext | None = None) -> bool:
    """Whether Redis on 127.0.0.1:``port`` answers PING (an error such as NOAUTH is an answer too)."""
    return (await _ask(port, b"PING\r\n", 1, seconds, tls)) in (b"+", b"-")
