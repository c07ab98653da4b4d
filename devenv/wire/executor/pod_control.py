"""What the explorer can do to pods besides speaking to them, where they are processes of this machine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from devenv.core.model.redis_access import OPEN, RedisAccess
from devenv.wire.executor.quiescence import Rest


@dataclass(frozen=True, slots=True)
class PodControl:
    """``crash`` kills a pod, named in full, and returns when its successor is ready; ``rest`` watches all.

    None: that cannot be done here (the pods are in containers). ``access``: how Redis is entered.
    """

    crash: Callable[[str], Awaitable[None]] | None = None
    rest: Rest | None = None
    access: RedisAccess = OPEN


NO_POD_CONTROL = PodControl()
