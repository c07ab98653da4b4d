"""A lean HTTP/1.1 client of one pod: its messages are parsed as the proxy parses them."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from devenv.core.model.service import Filled
from devenv.wire.http.bodies import Body, ChunkedBody, CloseBody, Malformed
from devenv.wire.http.heads import ResponseHead, parse_response_head

IDLE_SECONDS = 2.0
"""A connection that was idle for longer is not used again: uvicorn closes it after 5 s."""
_READ_BYTES = 65536
_MAX_INTERIM = 32
"""Interim (1xx) answers before the final one, as the proxy takes them (``Limits.interim``)."""


@dataclass(frozen=True, slots=True)
class PodAnswer:
    """A whole answer."""

    status: int
    fields: tuple[tuple[str, str], ...]
    """The header fields in order, their names in lower case."""
    body: bytes


class PodClient:
    """Sends requests to one pod, each request on a connection of its own that is used again later."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._idle: deque[tuple[float, _Connection]] = deque()

    async def exchange(self, request: Filled) -> PodAnswer:
        """The answer. Raises OSError or EOFError where no whole one came."""
        content, headers = request.encoded()
        data = content or b""
        fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = (
            f"{request.method} {request.path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n{fields}"
            f"Content-Length: {len(data)}\r\n\r\n"
        )
        connection = await self._connection()
        try:
            connection.write(head.encode() + data)
            answer, body = await connection.answer(request.method.encode())
        except Malformed as error:
            connection.close()
            raise ConnectionError(f"the pod's answer is no HTTP/1.1: {error.detail}") from error
        except BaseException:
            connection.close()
            raise
        if connection.reusable:
            self._idle.append((asyncio.get_running_loop().time(), connection))
        else:
            connection.close()
        return PodAnswer(answer.status, connection.fields, body)

    def close(self) -> None:
        """Close idle connections."""
        for _, connection in self._idle:
            connection.close()
        self._idle.clear()

    async def _connection(self) -> _Connection:
        now = asyncio.get_running_loop().time()
        while self._idle:
            since, connection = self._idle.pop()
            if now - since < IDLE_SECONDS and connection.open:
                return connection
            connection.close()
        return _Connection(*await asyncio.open_connection(self._host, self._port))


class _Connection:
    """One connection. After an answer, ``reusable`` says whether another request may be sent on it, and
    ``fields`` are its header fields."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._received = b""
        self.reusable = False
        self.fields: tuple[tuple[str, str], ...] = ()

    @property
    def open(self) -> bool:
        """Whether neither side has closed it."""
        return not self._reader.at_eof() and not self._writer.is_closing()

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self._writer.write(data)

    def close(self) -> None:
        """Close it."""
        self._writer.close()

    async def answer(self, method: bytes) -> tuple[ResponseHead, bytes]:
        """The final answer to a ``method`` request, and its body. Raises Malformed, OSError, EOFError."""
        interim = 0
        while (head := await self._head()).status < 200 and head.status != 101:
            interim += 1
            if interim > _MAX_INTERIM:
                raise Malformed(f"more than {_MAX_INTERIM} interim (1xx) answers")
        body = head.body(method)
        content = b"" if body is None else await self._content(body)
        ends = isinstance(body, CloseBody) or head.status == 101
        self.reusable = head.reusable_after(method) and not ends and not self._received
        return head, content

    async def _head(self) -> ResponseHead:
        while (parsed := parse_response_head(self._received)) is None:
            self._received += await self._more()
        head, end = parsed
        self.fields = _fields(self._received[:end])
        self._received = self._received[end:]
        return head

    async def _content(self, body: Body) -> bytes:
        parts: list[bytes] = []
        while True:
            data, self._received = self._received, b""
            end = body.feed(data)
            parts.append(body.take_payload() if isinstance(body, ChunkedBody) else data[:end])
            if body.done:
                self._received = data[end:]
                return b"".join(parts)
            if end < len(data):  # a flood of tiny chunks: others have their turn
                self._received = data[end:]
                await asyncio.sleep(0)
                continue
            try:
                self._received = await self._more()
            except EOFError:
                if isinstance(body, CloseBody):
                    return b"".join(parts)
                raise

    async def _more(self) -> bytes:
        data = await self._reader.read(_READ_BYTES)
        if not data:
            raise EOFError("the pod closed the connection before its answer was whole")
        return data


def _fields(block: bytes) -> tuple[tuple[str, str], ...]:
    """The header fields of a head that was parsed."""
    lines = block.decode("latin-1").split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines if line)
    return tuple((name.lower(), value.strip()) for name, _, value in pairs)
