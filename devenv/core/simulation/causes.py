"""Why a session is lost. Each lost session has one cause, so that the causes' shares add up to the whole."""

from __future__ import annotations

from enum import IntEnum


class Cause(IntEnum):
    """The causes, in the order in which they are charged: of several the one that comes first.

    First what keeps Redis from answering, then what ended the session's life (of its TTL and its pod's end
    the one that came first in time), then what kept the look-up from the place where it is. So a session in
    the memory of a pod that restarted is charged to the restart, also where the look-up went to another pod.
    """

    NONE = 0
    """It is not lost."""
    OUTAGE = 1
    """Redis was out of reach in all tries, or had forgotten the session after an outage or failover."""
    EXPIRY = 2
    """It was looked up after its TTL, and was still there when that ended."""
    REMOVED = 3
    """Its pod was removed. Counted as resize."""
    RESTART = 4
    """Its pod restarted after its birth, or no pod was up."""
    FLAG = 5
    """It is in Redis and was looked up in a memory, or the other way round."""
    MOVED = 6
    """The pods that were added or removed gave its client another pod. Counted as resize."""
    RECONNECT = 7
    """The policy keeps a connection on a pod, and the client had opened another connection."""
    OTHER_POD = 8
    """The look-up went to another pod."""
    OTHER_WORKER = 9
    """The look-up went to another process of the same pod."""
    OVERWRITTEN = 10
    """Handwriting in memory: another challenge had replaced the process's one current word."""


LABELS: dict[str, tuple[Cause, ...]] = {
    "other pod": (Cause.OTHER_POD,),
    "other worker": (Cause.OTHER_WORKER,),
    "restart": (Cause.RESTART,),
    "flag": (Cause.FLAG,),
    "expiry": (Cause.EXPIRY,),
    "resize": (Cause.REMOVED, Cause.MOVED),
    "reconnect": (Cause.RECONNECT,),
    "outage": (Cause.OUTAGE,),
    "overwritten": (Cause.OVERWRITTEN,),
}
"""The causes as they are reported."""

RIGHTLY_REFUSED = (Cause.EXPIRY, Cause.OUTAGE)
"""A look-up that fails for one of these is no wrong refusal: the session is over, or the answer is a 503."""
