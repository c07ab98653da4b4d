"""Small clients for one purpose, asked thousands of times a second: a pod's HTTP, and Redis."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Sequence

from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.redis_access import OPEN, RedisAccess
from devenv.core.model.service import Filled
from devenv.core.resp.commands import key_of
from devenv.core.resp.replies import ReplyFramer
from devenv.core.spec.replies import Failure, NoArray, Reply, Status

IDLE_SECONDS = 2.0
"""A connection that was idle for longer is not used again: uvicorn closes it after 5 s."""


class PodClient:
    """Sends requests to one pod, each request on a connection of its own that is used again later."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._idle: deque[tuple[float, asyncio.StreamReader, asyncio.StreamWriter]] = deque()

    async def send(self, request: Filled) -> tuple[int, bytes]:
        """Status and body of the answer. Raises OSError or EOFError where none came."""
        content, headers = request.encoded()
        data = content or b""
        fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = (
            f"{request.method} {request.path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n{fields}"
            f"Content-Length: {len(data)}\r\n\r\n"
        )
        reader, writer = await self._connection()
        try:
            writer.write(head.encode() + data)
            answer = await reader.readuntil(b"\r\n\r\n")
            status = int(answer[9:12])
            said = _fields(answer)
            if said.get("transfer-encoding", "").lower() == "chunked":
                content = await _chunked(reader)
            else:
                content = await reader.readexactly(int(said.get("content-length", "0")))
        except BaseException:
            writer.close()
            raise
        if said.get("connection", "").lower() == "close" or status >= 500:
            writer.close()
        else:
            self._idle.append((asyncio.get_running_loop().time(), reader, writer))
        return status, content

    def close(self) -> None:
        """Close idle connections."""
        for _, _, writer in self._idle:
            writer.close()
        self._idle.clear()

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        now = asyncio.get_running_loop().time()
        while self._idle:
            since, reader, writer = self._idle.pop()
            if now - since < IDLE_SECONDS and not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()
        return await asyncio.open_connection(self._host, self._port)


async def _chunked(reader: asyncio.StreamReader) -> bytes:
    """A body in chunks (RFC 9112 §7.1), without trailers."""
    parts = []
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")
    return b"".join(parts)


def _fields(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines if line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


class RedisLink(asyncio.Protocol):
    """One connection to Redis: commands in, replies out, in order. ``call`` raises ConnectionError."""

    def __init__(self) -> None:
        self._framer = ReplyFramer()
        self._partial = b""
        self._waiting: deque[asyncio.Future[Reply]] = deque()
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def open(cls, host: str, port: int, access: RedisAccess = OPEN) -> RedisLink:
        """Connect and enter. Raises EnvironmentProblem."""
        tls = ssl.create_default_context(cafile=access.ca) if access.tls else None
        try:
            _, link = await asyncio.get_running_loop().create_connection(cls, host, port, ssl=tls)
        except OSError as error:
            raise EnvironmentProblem(f"Redis at {host}:{port} does not answer: {error}") from error
        if access.password:
            who = (access.username.encode(),) if access.username else ()
            refused = await link.call(b"AUTH", *who, access.password.encode())
            if isinstance(refused, Failure):
                raise EnvironmentProblem(f"Redis at {host}:{port} lets us in no more: {refused.text}")
        return link

    @property
    def ended(self) -> bool:
        """Whether Redis has ended it since, as it does when it is stopped."""
        return self._transport is None or self._transport.is_closing()

    async def call(self, *words: bytes) -> Reply:
        """One command's reply; an error of Redis is a reply."""
        return await self._sent(words)

    async def transaction(self, commands: Sequence[tuple[bytes, ...]]) -> Reply:
        """EXEC's reply to all commands, with nobody's in between."""
        sent = [self._sent(words) for words in ((b"MULTI",), *commands, (b"EXEC",))]
        return (await asyncio.gather(*sent))[-1]

    def _sent(self, words: tuple[bytes, ...]) -> asyncio.Future[Reply]:
        if self._transport is None or self.ended:
            raise ConnectionError("the connection to Redis has ended")
        self._transport.write(encode_command(words))
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.append(reply)
        return reply

    def close(self) -> None:
        """End it."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        for reply, start, stop in self._framer.feed(data):
            self._partial += data[start:stop]
            if reply is not None and reply.complete:
                whole, self._partial = self._partial, b""
                waiter = self._waiting.popleft()
                if not waiter.done():
                    waiter.set_result(decode_reply(whole))

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_exception(ConnectionError("the connection to Redis has ended"))
        self._waiting.clear()


class ClusterLink(RedisLink):
    """The same to a Redis Cluster: what another node owns is sent there."""

    def __init__(self) -> None:
        super().__init__()
        self._others: dict[str, RedisLink] = {}

    @property
    def ended(self) -> bool:
        """Of any node."""
        return super().ended or any(link.ended for link in self._others.values())

    async def call(self, *words: bytes) -> Reply:
        """As RedisLink."""
        reply = await super().call(*words)
        owner = await self._owner(reply)
        return reply if owner is None else await owner.call(*words)

    async def transaction(self, commands: Sequence[tuple[bytes, ...]]) -> Reply:
        """As RedisLink; all keys must be one node's, as Redis demands."""
        key = next((key for words in commands if (key := key_of(words)) is not None), None)
        owner = None if key is None else await self._owner(await super().call(b"EXISTS", key.encode()))
        return await (super().transaction(commands) if owner is None else owner.transaction(commands))

    def close(self) -> None:
        """End all."""
        super().close()
        for link in self._others.values():
            link.close()

    async def _owner(self, reply: Reply) -> RedisLink | None:
        """The node that a redirection names."""
        if not isinstance(reply, Failure) or not reply.text.startswith("MOVED "):
            return None
        address = reply.text.split(" ")[2]
        if address not in self._others:
            host, _, port = address.rpartition(":")
            self._others[address] = await RedisLink.open(host, int(port))
        return self._others[address]


def encode_command(words: tuple[bytes, ...]) -> bytes:
    """A command on the wire."""
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


def decode_reply(data: bytes) -> Reply:
    """One whole RESP2 reply."""
    reply, _ = _value(data, 0)
    return reply


def _value(data: bytes, at: int) -> tuple[Reply, int]:
    end = data.index(b"\r\n", at)
    kind, line, after = data[at : at + 1], data[at + 1 : end], end + 2
    match kind:
        case b":":
            return int(line), after
        case b"+":
            return Status(line.decode()), after
        case b"-":
            return Failure(line.decode("utf-8", "backslashreplace")), after
        case b"$":
            size = int(line)
            return (None, after) if size < 0 else (data[after : after + size], after + size + 2)
        case b"*":
            if int(line) < 0:
                return NoArray(), after
            parts: list[Reply] = []
            for _ in range(int(line)):
                part, after = _value(data, after)
                parts.append(part)
            return tuple(parts), after
    raise ValueError(f"not a RESP2 reply: {data[:40]!r}")
