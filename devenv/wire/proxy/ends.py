"""What the proxy's machines need of each other, so that each can be tried alone and imports no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from devenv.core.routing import RequestFacts
from devenv.wire.proxy.failures import ConnectFailure


class Transport(Protocol):
    """What the connections need of asyncio's transports."""

    def write(self, data: bytes) -> None:
        """Send, buffered."""

    def write_eof(self) -> None:
        """Close the sending side, after what was written."""

    def can_write_eof(self) -> bool:
        """Whether the sending side can be closed alone."""

    def pause_reading(self) -> None:
        """Take no bytes for now."""

    def resume_reading(self) -> None:
        """Take bytes again."""

    def is_closing(self) -> bool:
        """Whether it is closed, or will be once everything was sent."""

    def close(self) -> None:
        """Close after what was written."""

    def abort(self) -> None:
        """Close at once."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """The peer's address, the socket."""

    def get_write_buffer_size(self) -> int:
        """Bytes that were written and wait."""

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """How many may wait before ``pause_writing`` is called."""


class Timer(Protocol):
    """What is called later, unless it is cancelled."""

    def cancel(self) -> None:
        """Not to be called any more."""


class ResponseReceiver(Protocol):
    """What a pod's connection reports to: the exchange or the tunnel that it carries."""

    def from_upstream(self, data: bytes) -> None:
        """Bytes from the pod."""

    def upstream_lost(self, *, was_reset: bool) -> None:
        """The pod closed the connection, or it was reset."""

    def upstream_half_closed(self) -> bool:
        """The pod sends no more. Whether the other direction goes on; if not, ``upstream_lost`` follows."""

    def upstream_write_paused(self) -> None:
        """The pod reads more slowly than the client sends."""

    def upstream_write_resumed(self) -> None:
        """It has caught up."""


class UpstreamEnd(Protocol):
    """A connection to a pod, as an exchange uses it."""

    reused: bool
    """It has carried an exchange before."""
    write_paused: bool
    """The pod has not yet taken what was sent."""
    why_closed: str | None
    """None while it is open."""

    def begin(self, receiver: ResponseReceiver, data: bytes) -> None:
        """Carry an exchange: send ``data`` and give ``receiver`` whatever comes back."""

    def hand_over(self, receiver: ResponseReceiver) -> None:
        """Give ``receiver`` what comes from now on."""

    def write(self, data: bytes) -> None:
        """Send more."""

    def unsent(self) -> bool:
        """Whether the pod has not yet been sent everything."""

    def pause_reading(self) -> None:
        """Take no bytes from the pod for now."""

    def resume_reading(self) -> None:
        """Take bytes again."""

    def put_back(self, data: bytes, later: Callable[[Callable[[], object]], object]) -> None:
        """Take back what was received and is not yet looked at; by ``later`` it is given again."""

    def half_close(self) -> None:
        """Close the sending side."""

    def release(self, now: float) -> None:
        """Keep it for the next exchange; ``now`` is a reading of the clock."""

    def discard(self) -> None:
        """Close it at once."""

    def close_after_flush(self) -> None:
        """Close it when what was written has gone out."""


class ClientEnd(Protocol):
    """A client's connection, as an exchange uses it."""

    facts: RequestFacts
    """What a policy may know of the connection's requests."""
    peer: str
    """``host:port``."""
    peer_host: bytes
    forwarded: bytes
    """The X-Forwarded fields for a request that brought none, and the end of the head."""
    ending: bool
    """No further request is taken."""
    closed_at: float | None
    """The reading of the clock when the client closed its side."""

    def write(self, data: bytes) -> None:
        """Send."""

    def pause_reading(self) -> None:
        """Take no bytes from the client for now."""

    def resume_reading(self) -> None:
        """Take bytes again."""

    def half_close(self) -> None:
        """Close the sending side."""

    def exchange_ended(self, now: float, *, close: bool) -> None:
        """The response was sent in full; go on to the next request, or close."""

    def close_after_flush(self) -> None:
        """Close when what was written has gone out."""

    def break_off(self) -> None:
        """Reset the connection, so that the response cannot look complete."""


class ConnectionWaiter(Protocol):
    """What receives a connection that was asked for."""

    def connected(self, connection: UpstreamEnd) -> None:
        """There it is; the waiter must begin, release or discard it."""

    def connect_failed(self, failure: ConnectFailure) -> None:
        """It could not be made."""
