"""The pods as the proxy sees them, and its connections to them; bytes come from and go to a transport."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from devenv.wire.proxy.ends import ResponseReceiver, Transport
from devenv.wire.proxy.sockets import half_close
from devenv.wire.proxy.states import UPSTREAM_TRANSITIONS, UpstreamState

MAX_IDLE = 256
"""Idle connections kept per pod."""

SPOKE_FIRST = "it sent data before it was sent a request"
CLOSED_FIRST = "the connection was closed before an answer"
_DONE_WITH = "the proxy closed it"

# not by way of the class: an enum's attributes are slow to read
_OPENING, _IDLE, _BUSY, _CLOSED = UpstreamState


@dataclass(frozen=True, slots=True)
class Upstream:
    """A pod to send requests to: its name and where it listens."""

    name: str
    host: str
    port: int

    @property
    def address(self) -> str:
        """``host:port``."""
        return f"{self.host}:{self.port}"


class Pod:
    """One upstream with its idle connections and what is known of its health."""

    def __init__(self, upstream: Upstream, idle_seconds: float, buffer: int) -> None:
        self.upstream = upstream
        self.name = upstream.name
        self.served_by = b"X-Served-By: %b\r\nX-Request-Id: " % upstream.name.encode()
        """The fields that name the pod in a response, up to the request id's value."""
        self.up = True
        """False from a connection that could not be made to the next one that could."""
        self.retired = False
        """It is no longer used; exchanges under way end where they are."""
        self.served = 0
        self.last_error: str | None = None
        self.idle: list[UpstreamConnection] = []
        """The one used last is at the end."""
        self._idle_seconds = idle_seconds
        self.buffer = buffer
        """Bytes that may wait for the pod before the client is paused."""

    def take(self, now: float) -> UpstreamConnection | None:
        """The idle connection that was used last, if there is a usable one; ``now`` reads the clock."""
        idle = self.idle
        if not idle:
            return None
        connection = idle.pop()
        if now - connection.idle_since < self._idle_seconds and not connection.transport.is_closing():
            return connection
        connection.discard()
        self.drop_idle()  # those below it are older still
        return None

    def idle_lost(self) -> None:
        """The pod has closed an idle connection: the next exchange makes another."""

    def drop_idle(self) -> None:
        """Close all idle connections."""
        idle, self.idle = self.idle, []
        for connection in idle:
            connection.discard()

    def expire(self, now: float) -> None:
        """Close the connections that have been idle for too long."""
        while self.idle and now - self.idle[0].idle_since >= self._idle_seconds:
            self.idle.pop(0).discard()

    def retire(self) -> None:
        """Use it no more."""
        self.retired = True
        self.drop_idle()


class UpstreamConnection:
    """One TCP connection to a pod: carries one exchange at a time, else lies idle in its pod's list.

    Has the methods of ``asyncio.Protocol``; see ``UpstreamEnd`` for those that an exchange uses.
    """

    __slots__ = (
        "_put_back",
        "_receiver",
        "_resting",
        "idle_since",
        "pod",
        "read_paused",
        "reused",
        "state",
        "transport",
        "why_closed",
        "write",
        "write_paused",
    )

    transport: Transport
    write: Callable[[bytes], None]

    def __init__(self, pod: Pod) -> None:
        self.pod = pod
        self.state: UpstreamState = _OPENING
        self.reused = False
        self.read_paused = False
        self.write_paused = False
        self.idle_since = 0.0
        self.why_closed: str | None = None
        self._receiver: ResponseReceiver | None = None
        self._put_back: bytes | None = None
        """What its receiver looks at in its next turn."""
        self._resting = False
        """Reading rests until the receiver has looked at all that was received."""

    # -- from the transport

    def connection_made(self, transport: Any) -> None:
        """A new connection; its maker gives it an exchange."""
        self.transport = transport
        self.write = transport.write
        transport.set_write_buffer_limits(high=self.pod.buffer)

    def data_received(self, data: bytes) -> None:
        """Bytes of the response; on a connection that carries no exchange a pod must not send any."""
        if self._receiver is not None:
            self._receiver.from_upstream(data)
        elif self.state is not _CLOSED:
            self._close(SPOKE_FIRST)

    def eof_received(self) -> bool:
        """The pod will send no more: for HTTP its end; in a tunnel the other direction goes on."""
        if self._receiver is not None and self._receiver.upstream_half_closed():
            return True
        self._lost(was_reset=False)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Closed or reset."""
        self._lost(was_reset=exc is not None)

    def _lost(self, *, was_reset: bool) -> None:
        receiver, self._receiver = self._receiver, None
        if self.state is _CLOSED:
            return
        was_idle = self.state is _IDLE and self in self.pod.idle
        if was_idle:
            self.pod.idle.remove(self)
        self.state = UPSTREAM_TRANSITIONS[self.state][_CLOSED]
        self.why_closed = CLOSED_FIRST
        if receiver is not None:
            receiver.upstream_lost(was_reset=was_reset)
        elif was_idle:
            self.pod.idle_lost()

    def pause_writing(self) -> None:
        """The pod reads more slowly than the client sends."""
        self.write_paused = True
        if self._receiver is not None:
            self._receiver.upstream_write_paused()

    def resume_writing(self) -> None:
        """The pod has caught up."""
        self.write_paused = False
        if self._receiver is not None:
            self._receiver.upstream_write_resumed()

    # -- from the exchange

    def begin(self, receiver: ResponseReceiver, data: bytes) -> None:
        """See ``UpstreamEnd``."""
        self.state = UPSTREAM_TRANSITIONS[self.state][_BUSY]
        self._receiver = receiver
        self.write(data)

    def hand_over(self, receiver: ResponseReceiver) -> None:
        """See ``UpstreamEnd``."""
        self._receiver = receiver

    def unsent(self) -> bool:
        """See ``UpstreamEnd``."""
        return self.transport.get_write_buffer_size() > 0

    def pause_reading(self) -> None:
        """See ``UpstreamEnd``."""
        if not self.read_paused and self.state is not _CLOSED:
            self.read_paused = True
            if not self._resting:
                self.transport.pause_reading()

    def resume_reading(self) -> None:
        """See ``UpstreamEnd``."""
        if self.read_paused and self.state is not _CLOSED:
            self.read_paused = False
            if not self._resting:
                self.transport.resume_reading()

    def put_back(self, data: bytes, later: Callable[[Callable[[], object]], object]) -> None:
        """See ``UpstreamEnd``."""
        if not self._resting and not self.read_paused:
            self.transport.pause_reading()
        self._resting = True
        self._put_back = data
        later(self._give_again)

    def _give_again(self) -> None:
        data, self._put_back = self._put_back, None
        if data is None or self.state is _CLOSED:
            return
        self.data_received(data)
        if self._put_back is None:
            self._resting = False
            if not self.read_paused and not self.transport.is_closing():
                self.transport.resume_reading()

    def half_close(self) -> None:
        """See ``UpstreamEnd``."""
        half_close(self.transport)

    def release(self, now: float) -> None:
        """See ``UpstreamEnd``; closed instead where its pod is retired or has enough of them."""
        self._receiver = None
        pod = self.pod
        if self.read_paused:
            self.resume_reading()
        if self.state is _CLOSED or pod.retired or len(pod.idle) >= MAX_IDLE:
            self.discard()
            return
        self.state = UPSTREAM_TRANSITIONS[self.state][_IDLE]
        self.reused = True
        self.idle_since = now
        pod.idle.append(self)

    def close_after_flush(self) -> None:
        """See ``UpstreamEnd``."""
        self._receiver = None
        if self.state is not _CLOSED:
            self.state = UPSTREAM_TRANSITIONS[self.state][_CLOSED]
            self.why_closed = _DONE_WITH
        self.transport.close()

    def discard(self) -> None:
        """See ``UpstreamEnd``."""
        self._close(_DONE_WITH)

    def _close(self, why: str) -> None:
        self._receiver = None
        if self.state is not _CLOSED:
            if self.state is _IDLE and self in self.pod.idle:
                self.pod.idle.remove(self)
            self.state = UPSTREAM_TRANSITIONS[self.state][_CLOSED]
            self.why_closed = why
        self.transport.abort()
