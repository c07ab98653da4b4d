"""The two sockets of one connection through the gate, and what asyncio says about them."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from enum import StrEnum
from typing import cast

from devenv.wire.gate.conversation import Conversation
from devenv.wire.gate.message_queue import Bytes

CONNECT_SECONDS = 10.0

MUCH_AT_ONCE = 64 * 1024
"""After this many bytes in one read the others have their turn first: uvloop would go on reading for long."""

MANY_LINES = 1024
"""Lines in one read (commands, or values of a reply) above which it is taken in pieces."""
PIECE = 4096
"""Bytes of such a piece; the others have their turn between two of them."""

_CONNECTING, _WRITING, _WAITING, _RESTING = 1, 2, 4, 8  # why a side is not read from now


class Reach(StrEnum):
    """What a connection shows of Redis."""

    REACHED = "reached"
    """A connection to it was made."""
    LOST = "lost"
    """It ended a connection that its pod still had open."""
    REFUSED = "refused"
    """No connection to it could be made."""


class Link:
    """One connection of a pod and the one to Redis that belongs to it.

    Redis is connected before the first byte is read from the pod; where it cannot be, the pod's connection is
    closed. ``gone`` is called once, when both are closed, with whether Redis refused. ``reached`` is called
    with each change that shows whether Redis is there. ``tls``: how Redis is spoken to.
    """

    def __init__(
        self,
        pod: str,
        upstream: tuple[str, int],
        converse: Callable[[Link], Conversation],
        gone: Callable[[bool], None],
        tls: ssl.SSLContext | None = None,
        reached: Callable[[Reach], None] = lambda _reach: None,
    ) -> None:
        self.pod = pod
        self.closed = asyncio.Event()
        self.client_side = ClientSide(self)
        self._address = upstream
        self._tls = tls
        self._gone = gone
        self._reached = reached
        self._loop = asyncio.get_running_loop()
        self._client: asyncio.Transport | None = None
        self._upstream: asyncio.Transport | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._refused = False
        self._aborted = False
        self._end_sent = False
        self._early: list[bytes] | None = []  # what the pod sent before Redis was connected
        self._client_rest = self._upstream_rest = b""  # of a read with many lines, what comes in later turns
        self._early_end = False
        self._client_stopped = _CONNECTING
        self._upstream_stopped = 0
        self.conversation = converse(self)

    @property
    def local_host(self) -> str:
        """The address at which the pod reached the gate."""
        name = None if self._client is None else self._client.get_extra_info("sockname")
        return str(name[0]) if name else "127.0.0.1"

    @property
    def half_closes(self) -> bool:
        """Whether the pod's connection can end in one direction."""
        return self._client is not None and self._client.can_write_eof()

    # What the sockets report.

    def client_connected(self, transport: asyncio.Transport) -> None:
        """The pod is there: connect to Redis."""
        self._client = transport
        if self._aborted:
            transport.abort()
            return
        transport.pause_reading()
        self._connecting = self._loop.create_task(self._connect())

    async def _connect(self) -> None:
        host, port = self._address
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._loop.create_connection(lambda: UpstreamSide(self), host, port, ssl=self._tls)
        except asyncio.CancelledError:
            self.upstream_lost()
            raise
        except OSError:  # TimeoutError is one too, and what TLS has to say
            self.upstream_lost()
            self._refused = True
            self._reached(Reach.REFUSED)
            self.hang_up()

    def upstream_connected(self, transport: asyncio.Transport) -> None:
        """Redis is there: begin."""
        self._upstream = transport
        self._reached(Reach.REACHED)
        if self._client is None or self._client.is_closing():
            transport.close()
            return
        early, self._early = self._early or [], None
        for data in early:
            self.client_sent(data)
        if self._early_end:
            self.client_ended()
        self._stop_client(_CONNECTING, False)

    def client_sent(self, data: bytes) -> None:
        """Bytes from the pod; early ones too, as uvloop begins to read whatever connection_made paused."""
        if self._early is not None:
            self._early.append(data)
            _read(self._client, self._client_stopped)
        elif self._client_rest:
            self._client_rest += data
        else:
            piece, self._client_rest = _first_piece(data)
            self.conversation.from_client(piece)
            if len(data) >= MUCH_AT_ONCE or self._client_rest:
                self._stop_client(_RESTING, True)
                self._loop.call_soon(self._client_again)

    def _client_again(self) -> None:
        """Go on with what the pod sent, after the others had their turn."""
        rest, self._client_rest = self._client_rest, b""
        if rest and self._client is not None:
            self.client_sent(rest)
            if self._client_rest:
                return
        if self._early_end and self._client is not None:
            self._early_end = False
            self.conversation.client_ended()
        self._stop_client(_RESTING, False)

    def client_ended(self) -> None:
        """The pod sends no more."""
        if self._early is None and not self._client_rest:
            self._early_end = False
            self.conversation.client_ended()
        else:
            self._early_end = True

    def client_lost(self) -> None:
        """The pod's connection is closed."""
        self._client = None
        if self._connecting is not None and self._upstream is None:
            self._connecting.cancel()
        self.hang_up()
        self._finish()

    def upstream_lost(self) -> None:
        """The connection to Redis is closed, by either side.

        uvloop reports no loss for a connection that was made in the moment in which it was given up: the code
        that gives it up calls this.
        """
        if self._upstream is None:
            return
        self._upstream = None
        if self._client is not None:
            if not (self._client.is_closing() or self._end_sent):
                self._reached(Reach.LOST)
            self.conversation.upstream_ended()
        self._finish()

    def upstream_sent(self, data: bytes) -> None:
        """Bytes from Redis."""
        if self._upstream_rest:
            self._upstream_rest += data
            return
        piece, self._upstream_rest = _first_piece(data)
        self.conversation.from_upstream(piece)
        if len(data) >= MUCH_AT_ONCE or self._upstream_rest:
            self._stop_upstream(_RESTING, True)
            self._loop.call_soon(self._upstream_again)

    def _upstream_again(self) -> None:
        """Go on with what Redis sent, after the others had their turn."""
        rest, self._upstream_rest = self._upstream_rest, b""
        if rest and self._upstream is not None:
            self.upstream_sent(rest)
            if self._upstream_rest:
                return
        self._stop_upstream(_RESTING, False)

    def client_takes(self, on: bool) -> None:
        """Whether the pod takes more bytes now."""
        self._stop_upstream(_WRITING, not on)

    def upstream_takes(self, on: bool) -> None:
        """Whether Redis takes more bytes now."""
        self._stop_client(_WRITING, not on)

    def abort(self) -> None:
        """Close both at once, whatever is still to be sent."""
        self._aborted = True
        if self._connecting is not None:
            self._connecting.cancel()
        for transport in (self._client, self._upstream):
            if transport is not None:
                transport.abort()

    def _finish(self) -> None:
        if self._client is None and self._upstream is None and not self.closed.is_set():
            self.conversation.ended()
            self._gone(self._refused)
            self.closed.set()

    # What the conversation does.

    def to_client(self, data: Bytes) -> None:
        """Send to the pod; nothing where its connection is ending."""
        if self._client is not None and not self._client.is_closing():
            self._client.write(data)

    def to_upstream(self, data: Bytes) -> None:
        """Send to Redis; nothing where its connection is ending."""
        if self._upstream is not None and not self._end_sent and not self._upstream.is_closing():
            self._upstream.write(data)

    def end_upstream(self) -> None:
        """Tell Redis that no more is coming."""
        if self._upstream is not None and not self._end_sent and not self._upstream.is_closing():
            self._end_sent = True
            if not self._upstream.can_write_eof():  # TLS has no half-closed connections
                self._upstream.close()
                return
            with contextlib.suppress(OSError):  # reset by Redis: connection_lost follows
                self._upstream.write_eof()

    def hang_up(self) -> None:
        """Close both sides once what was sent is out."""
        for transport in (self._client, self._upstream):
            if transport is not None:
                transport.close()

    def read_client(self, on: bool) -> None:
        """Go on or stop reading from the pod."""
        self._stop_client(_WAITING, not on)

    def read_upstream(self, on: bool) -> None:
        """Go on or stop reading from Redis."""
        self._stop_upstream(_WAITING, not on)

    def later(self, seconds: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        """Call ``call`` after this many seconds."""
        return self._loop.call_later(seconds, call)

    def _stop_client(self, why: int, stop: bool) -> None:
        self._client_stopped = _changed(self._client_stopped, why, stop)
        _read(self._client, self._client_stopped)

    def _stop_upstream(self, why: int, stop: bool) -> None:
        self._upstream_stopped = _changed(self._upstream_stopped, why, stop)
        _read(self._upstream, self._upstream_stopped)


def _first_piece(data: bytes) -> tuple[bytes, bytes]:
    """What of a read is taken in this turn, and the rest."""
    if len(data) > PIECE and data.count(b"\n") > MANY_LINES:
        return data[:PIECE], data[PIECE:]
    return data, b""


def _changed(reasons: int, why: int, stop: bool) -> int:
    return reasons | why if stop else reasons & ~why


def _read(transport: asyncio.Transport | None, stopped: int) -> None:
    """Read or not, by the transport's state and not by the last call."""
    if transport is None or transport.is_closing() or transport.is_reading() != bool(stopped):
        return
    if stopped:
        transport.pause_reading()
    else:
        transport.resume_reading()


class ClientSide(asyncio.Protocol):
    """The pod's socket."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol, here and below."""
        self._link.client_connected(cast(asyncio.Transport, transport))

    def data_received(self, data: bytes) -> None:
        """Bytes from the pod."""
        self._link.client_sent(data)

    def eof_received(self) -> bool:
        """The pod sends no more; replies may still be wanted, but for TLS, which then ends whole."""
        self._link.client_ended()
        return self._link.half_closes

    def connection_lost(self, exc: Exception | None) -> None:
        """Closed."""
        self._link.client_lost()

    def pause_writing(self) -> None:
        """The pod does not keep up."""
        self._link.client_takes(False)

    def resume_writing(self) -> None:
        """It does again."""
        self._link.client_takes(True)


class UpstreamSide(asyncio.Protocol):
    """The socket to Redis."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol, here and below."""
        self._link.upstream_connected(cast(asyncio.Transport, transport))

    def data_received(self, data: bytes) -> None:
        """Bytes from Redis."""
        self._link.upstream_sent(data)

    def eof_received(self) -> bool:
        """Redis ends its connections only whole."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Closed."""
        self._link.upstream_lost()

    def pause_writing(self) -> None:
        """Redis does not keep up."""
        self._link.upstream_takes(False)

    def resume_writing(self) -> None:
        """It does again."""
        self._link.upstream_takes(True)
