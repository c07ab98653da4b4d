"""Is it up yet: one cheap question each to an HTTP service and to Redis, over asyncio streams."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence

from devenv.core.model.errors import EnvironmentProblem
from devenv.stack.embedded.child import Child, died_at_start

READY_SECONDS = 20.0
POLL_SECONDS = 0.05
_FIRST_POLL_SECONDS = 0.005
"""A fork is ready within some hundredths of a second; the pauses grow from this to ``POLL_SECONDS``."""
_NOT_READY_GRACE_SECONDS = 2.0
READY_PATHS: Sequence[str] = ("/ready", "/")
_NOT_FOUND = 404
_NOT_IMPLEMENTED = 501
"""The answer to a method that a service has for no path (RFC 9110, section 15.6.2), as GET."""
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


class PodProbe:
    """Is a pod ready: GET the first of ``paths`` that it has; where it has none of them, any answer will do.

    A pod that keeps answering "not ready" is up all the same (its Redis may be meant to be dead): None then.
    """

    def __init__(self, port: int, paths: Sequence[str] = READY_PATHS) -> None:
        self._port = port
        self._paths = paths
        self._first_answer: float | None = None
        self.last_answer = ""
        """What was last asked, and its answer."""

    async def __call__(self) -> bool | None:
        """True: it is; False: not yet; None: it keeps answering that it is not."""
        status = None
        for path in self._paths:
            status = await http_status(self._port, path)
            if status != _NOT_FOUND:
                break
        if status is None:
            return False
        self.last_answer = f"GET {path} answers {status}"
        if status < 500 or status == _NOT_IMPLEMENTED:  # of a GET without its headers, or of no GET at all
            return True
        now = time.monotonic()
        self._first_answer = self._first_answer or now
        return None if now - self._first_answer > _NOT_READY_GRACE_SECONDS else False


async def redis_follows(port: int, seconds: float = 1.0) -> bool:
    """Whether the replica on 127.0.0.1:``port`` has its master's data and receives every write."""
    return b"master_link_status:up" in await _ask(port, b"INFO replication\r\nQUIT\r\n", _WHOLE, seconds)


async def redis_answers(port: int, seconds: float = 1.0, tls: ssl.SSLContext | None = None) -> bool:
    """Whether Redis on 127.0.0.1:``port`` answers PING (an error such as NOAUTH is an answer too)."""
    return (await _ask(port, b"PING\r\n", 1, seconds, tls)) in (b"+", b"-")
