"""What a conversation needs of the owner of its sockets and timers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from devenv.wire.gate.message_queue import Bytes


class Cancellable(Protocol):
    """A timer that can be called off."""

    def cancel(self) -> None:
        """Call it off."""


class Wires(Protocol):
    """What a conversation does to the world.

    ``to_client`` and ``to_upstream`` send bytes to the pod and to Redis; after an end they do nothing.
    """

    @property
    def to_client(self) -> Callable[[Bytes], None]:
        """Send to the pod."""

    @property
    def to_upstream(self) -> Callable[[Bytes], None]:
        """Send to Redis."""

    def end_upstream(self) -> None:
        """Tell Redis that no more is coming; replies still do."""

    def hang_up(self) -> None:
        """Close both sides once what was sent is out."""

    def read_client(self, on: bool) -> None:
        """Go on or stop reading from the pod."""

    def read_upstream(self, on: bool) -> None:
        """Go on or stop reading from Redis."""

    def later(self, seconds: float, call: Callable[[], None]) -> Cancellable:
        """Call ``call`` after this many seconds."""
