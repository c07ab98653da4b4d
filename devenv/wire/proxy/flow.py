"""Flow control between the two ends of an exchange or a tunnel: who sends waits for who reads."""

from __future__ import annotations

from devenv.wire.proxy.ends import ClientEnd, UpstreamEnd


class FlowControl:
    """What joins a client's end and a pod's, if there is one."""

    _client: ClientEnd
    _upstream: UpstreamEnd | None

    def client_write_paused(self) -> None:
        """The client reads more slowly than the pod sends."""
        if self._upstream is not None:
            self._upstream.pause_reading()

    def client_write_resumed(self) -> None:
        """The client has caught up."""
        if self._upstream is not None:
            self._upstream.resume_reading()

    def upstream_write_paused(self) -> None:
        """The pod reads more slowly than the client sends."""
        self._client.pause_reading()

    def upstream_write_resumed(self) -> None:
        """The pod has caught up."""
        self._client.resume_reading()
