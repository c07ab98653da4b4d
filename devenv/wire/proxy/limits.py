"""How long the proxy waits and how much it holds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds and bytes.

    connect: to a pod; response: from the request's last byte to the response's head; client: for the rest of
    a request's head or body, and for a client that reads nothing; keepalive: an idle client connection;
    upstream_idle: an idle connection to a pod, below the shortest keep-alive of common servers (gunicorn 2 s,
    uvicorn and Node 5 s) so that a request seldom meets a connection that its pod is just closing; linger:
    for a client to stop sending after its last answer; probe: between attempts to reach a dead pod.
    buffer: bytes held per connection and direction before the sender is paused.
    """

    connect: float = 2.0
    response: float = 60.0
    client: float = 60.0
    keepalive: float = 75.0
    upstream_idle: float = 1.5
    linger: float = 2.0
    probe: float = 0.1
    buffer: int = 65536

    @property
    def sweep(self) -> float:
        """Seconds between two looks at the time limits."""
        shortest = min(self.response, self.client, self.keepalive, self.upstream_idle, self.linger)
        return max(0.01, min(0.5, shortest / 2))
