"""A connection to Redis, or to a Redis Cluster, on which many calls may be under way."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Sequence
from typing import Self

from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.redis_access import OPEN, RedisAccess
from devenv.core.resp.command_shapes import key_of
from devenv.core.resp.replies import ReplyFramer
from devenv.core.resp.values import Failure, Reply, decode_reply, encode_command, redirection


class RedisLink(asyncio.Protocol):
    """One connection to Redis: commands in, replies out, in order. ``call`` raises ConnectionError."""

    def __init__(self) -> None:
        self._framer = ReplyFramer()
        self._partial = b""
        self._waiting: deque[asyncio.Future[Reply]] = deque()
        self._transport: asyncio.Transport | None = None
        self._host = ""
        self._access = OPEN

    @classmethod
    async def open(cls, host: str, port: int, access: RedisAccess = OPEN) -> Self:
        """Connect and authenticate. Raises EnvironmentProblem."""
        tls = ssl.create_default_context(cafile=access.ca) if access.tls else None
        try:
            _, link = await asyncio.get_running_loop().create_connection(cls, host, port, ssl=tls)
        except OSError as error:
            raise EnvironmentProblem(f"Redis at {host}:{port} does not answer: {error}") from error
        link._host, link._access = host, access
        if access.password:
            username = (access.username.encode(),) if access.username else ()
            reply = await link._sent((b"AUTH", *username, access.password.encode()))
            if isinstance(reply, Failure):
                link.close()
                raise EnvironmentProblem(f"Redis at {host}:{port}: authentication failed: {reply.text}")
        return link

    @property
    def ended(self) -> bool:
        """Whether Redis has ended it since, as it does when it is stopped."""
        return self._transport is None or self._transport.is_closing()

    async def call(self, *words: bytes) -> Reply:
        """One command's reply; an error of Redis is a reply."""
        return await self._sent(words)

    async def transaction(self, commands: Sequence[tuple[bytes, ...]]) -> Reply:
        """EXEC's reply to all commands; no other client's command runs in between."""
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
        self._others: dict[tuple[str, int], RedisLink] = {}

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
        moved = redirection(reply.text) if isinstance(reply, Failure) else None
        if moved is None or moved.word != "MOVED":
            return None
        address = (moved.host or self._host, moved.port)
        if address not in self._others:
            self._others[address] = await RedisLink.open(*address, self._access)
        return self._others[address]
