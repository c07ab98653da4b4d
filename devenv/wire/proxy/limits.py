"""How long the proxy waits and how much it holds."""

from __future__ import annotations

from dataclasses import dataclass

from devenv.core.model.timing import PROXY_UPSTREAM_IDLE_SECONDS


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds, bytes and counts."""

    connect: float = 2.0
    """Seconds to connect to a pod."""
    response: float = 60.0
    """Seconds from the request's last byte to the response's head."""
    client: float = 60.0
    """Seconds for the rest of a request's head or body, and for a client that reads nothing."""
    keepalive: float = 75.0
    """Seconds that a client's connection may be idle."""
    upstream_idle: float = PROXY_UPSTREAM_IDLE_SECONDS
    """Seconds that a connection to a pod may be idle."""
    linger: float = 2.0
    """Seconds for a client to stop sending after its last answer."""
    probe: float = 0.1
    """Seconds between two attempts to reach a pod that is down."""
    interim: int = 32
    """Interim (1xx) responses that a pod may send before the final one."""
    join: float = 0.002
    """Seconds that the head of a response with a length waits for the first bytes of its body."""
    buffer: int = 65536
    """Bytes held per connection and direction before the sender is paused."""

    @property
    def sweep(self) -> float:
        """Seconds between two looks at the time limits."""
        shortest = min(self.response, self.client, self.keepalive, self.upstream_idle, self.linger)
        return max(0.01, min(0.5, shortest / 2))
