"""After 101 Switching Protocols: bytes are passed both ways as they come, until both sides have closed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from devenv.wire.proxy.ends import ClientEnd, UpstreamEnd
from devenv.wire.proxy.flow import FlowControl
from devenv.wire.proxy.states import TUNNEL_TRANSITIONS, TunnelState

# not by way of the class: an enum's attributes are slow to read
_OPEN, _HALF_CLOSED, _ENDED = TunnelState


class Tunnel(FlowControl):
    """Between a client and a pod; ``ended`` is called once, when it is over."""

    def __init__(self, client: ClientEnd, upstream: UpstreamEnd, ended: Callable[[], None]) -> None:
        self.state: TunnelState = _OPEN
        self._client = client
        self._upstream: UpstreamEnd = upstream
        self._ended = ended

    # -- from the client

    def from_client(self, data: bytes) -> None:
        """Bytes for the pod."""
        if self.state is not _ENDED:
            self._upstream.write(data)

    def client_half_closed(self) -> None:
        """The client sends no more, the pod still may."""
        self._upstream.half_close()
        self._side_ended()

    def client_gone(self) -> None:
        """The client's connection is lost."""
        if self.state is not _ENDED:
            self._end()
            self._upstream.discard()

    # -- from the pod

    def from_upstream(self, data: bytes) -> None:
        """Bytes for the client."""
        self._client.write(data)

    def upstream_half_closed(self) -> bool:
        """The pod sends no more, the client still may. Whether the client's direction is open."""
        self._client.half_close()
        self._side_ended()
        return self.state is not _ENDED

    def upstream_lost(self, *, was_reset: bool) -> None:
        """The pod's connection is lost."""
        if self.state is not _ENDED:
            self._end()
            self._client.close_after_flush()

    def _side_ended(self) -> None:
        if self.state is _OPEN:
            self.state = TUNNEL_TRANSITIONS[self.state][_HALF_CLOSED]
            return
        self._end()
        self._upstream.close_after_flush()
        self._client.close_after_flush()

    def _end(self) -> None:
        self.state = TUNNEL_TRANSITIONS[self.state][_ENDED]
        self._ended()


class ExchangeClient(ClientEnd, Protocol):
    """The client's end of an exchange, which may become a tunnel's."""

    def start_tunnel(self, tunnel: Tunnel) -> None:
        """The protocol was switched: ``tunnel`` gets all further bytes."""
