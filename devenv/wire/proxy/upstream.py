"""The pods as the proxy sees them, and its connections to them."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from devenv.wire.proxy.flight import Flight

MAX_IDLE = 256
"""Idle connections kept per pod."""


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
    """One upstream with its idle connections and what is known of its health.

    ``up`` turns False when a connection is refused or times out, True when one is made again.
    """

    def __init__(self, upstream: Upstream, idle_seconds: float, buffer: int) -> None:
        self.upstream = upstream
        self.name = upstream.name
        self.served_by = b"X-Served-By: %b\r\nX-Request-Id: " % upstream.name.encode()
        self.up = True
        self.retired = False
        self.served = 0
        self.last_error: str | None = None
        self.probing = False
        self.idle: list[UpstreamConnection] = []
        self._idle_seconds = idle_seconds
        self.buffer = buffer

    def take(self, now: float) -> UpstreamConnection | None:
        """The idle connection that was used last, if there is a usable one."""
        idle = self.idle
        if not idle:
            return None
        connection = idle.pop()
        if now - connection.idle_since < self._idle_seconds and not connection.closing:
            return connection
        connection.discard()
        self.drop_idle()  # those below it are older still
        return None

    async def connect(self, seconds: float) -> UpstreamConnection:
        """A new connection; OSError, or TimeoutError after ``seconds``."""
        async with asyncio.timeout(seconds):
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: UpstreamConnection(self), self.upstream.host, self.upstream.port
            )
        return connection

    def drop_idle(self) -> None:
        """Close all idle connections."""
        idle, self.idle = self.idle, []
        for connection in idle:
            connection.discard()

    def expire(self, now: float) -> None:
        """Close the connections that have been idle for too long."""
        while self.idle and now - self.idle[0].idle_since >= self._idle_seconds:
            self.idle.pop(0).discard()


def reason_of(error: BaseException, seconds: float) -> str:
    """Why a connection could not be made, in few words."""
    if isinstance(error, TimeoutError):
        return f"no connection within {seconds:g} s"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, socket.gaierror):
        return "its host name does not resolve"
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


class UpstreamConnection(asyncio.Protocol):
    """One TCP connection to a pod: carries one flight at a time, else lies idle in its pod's list."""

    __slots__ = (
        "closing",
        "flight",
        "idle_since",
        "pod",
        "read_paused",
        "reused",
        "transport",
        "write_paused",
    )

    def __init__(self, pod: Pod) -> None:
        self.pod = pod
        self.flight: Flight | None = None
        self.reused = False
        self.closing = False
        self.read_paused = False
        self.write_paused = False
        self.idle_since = 0.0
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A fresh connection; whoever made it hands it a flight."""
        self.transport = transport
        self.transport.set_write_buffer_limits(high=self.pod.buffer)

    def carry(self, flight: Flight, data: bytes) -> None:
        """Send ``data`` and give the flight whatever comes back."""
        self.flight = flight
        self.transport.write(data)

    def data_received(self, data: bytes) -> None:
        """Bytes of the response; on an idle connection nobody may send any."""
        if self.flight is None:
            self.discard()
        else:
            self.flight.from_upstream(data)

    def eof_received(self) -> bool:
        """The pod will send no more: for HTTP its end; in a tunnel the other direction goes on."""
        flight = self.flight
        if flight is not None and flight.tunnelling:
            return flight.upstream_half_closed()
        self._lost(None)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Closed or reset."""
        self._lost(exc)

    def _lost(self, exc: Exception | None) -> None:
        self.closing = True
        flight, self.flight = self.flight, None
        if flight is not None:
            flight.upstream_lost(self, exc)
        elif self in self.pod.idle:
            self.pod.idle.remove(self)

    def pause_writing(self) -> None:
        """The pod reads more slowly than the client sends."""
        self.write_paused = True
        if self.flight is not None:
            self.flight.client.pause_reading()

    def resume_writing(self) -> None:
        """The pod has caught up."""
        self.write_paused = False
        if self.flight is not None:
            self.flight.client.resume_reading()

    def pause_reading(self) -> None:
        """The client reads more slowly than the pod sends."""
        if not self.read_paused and not self.closing:
            self.read_paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """The client has caught up."""
        if self.read_paused and not self.closing:
            self.read_paused = False
            self.transport.resume_reading()

    def release(self, now: float) -> None:
        """Back to the idle ones, for the next request."""
        self.flight = None
        pod = self.pod
        if self.read_paused:
            self.resume_reading()
        if self.closing or pod.retired or len(pod.idle) >= MAX_IDLE:
            self.discard()
            return
        self.reused = True
        self.idle_since = now
        pod.idle.append(self)

    def close_after_flush(self) -> None:
        """Close when what was written has gone out."""
        self.flight = None
        self.closing = True
        self.transport.close()

    def discard(self) -> None:
        """Close at once; nothing more is wanted from it."""
        self.flight = None
        self.closing = True
        if self.transport is not None:
            self.transport.abort()
