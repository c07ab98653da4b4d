"""What the explorer can do to pods besides speaking to them, where they are processes of this machine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from devenv.core.model.redis_access import OPEN, RedisAccess
from devenv.wire.executor.quiescence import QuiescenceWatch


@dataclass(frozen=True, slots=True)
class PodControl:
    """What the executor can do to pods besides sending requests."""

    crash: Callable[[str], Awaitable[None]] | None = None
    """Kills a pod, named in full, and returns when its successor is ready; None: that cannot be done here
    (the pods are in containers).
    """
    quiescence: QuiescenceWatch | None = None
    """Watches all pods; None as above."""
    access: RedisAccess = OPEN
    """How Redis is entered."""


NO_POD_CONTROL = PodControl()
