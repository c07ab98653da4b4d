"""Is it up yet: one cheap question each to an HTTP service and to Redis, over asyncio streams."""

from __future__ import annotations

import asyncio


async def _ask(port: int, request: bytes, enough: int, seconds: float) -> bytes:
    """Up to ``enough`` bytes of what 127.0.0.1:``port`` answers within ``seconds``; b"" for nothing."""
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
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


async def redis_answers(port: int, seconds: float = 1.0) -> bool:
    """Whether Redis on 127.0.0.1:``port`` answers PING (an error such as NOAUTH is an answer too)."""
    return (await _ask(port, b"PING\r\n", 1, seconds)) in (b"+", b"-")
